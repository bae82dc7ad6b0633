namespace Ocellus.Refusals;

/// <summary>A command refuses to run. The message says what was received and what was expected.</summary>
internal sealed class CommandRefusedException(string message) : Exception(message);
