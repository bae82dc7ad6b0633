namespace Ocellus.Refusals;

/// <summary>A verb will not go on. The message says what was received and what would be right.</summary>
internal sealed class CommandRefusedException(string message) : Exception(message);
