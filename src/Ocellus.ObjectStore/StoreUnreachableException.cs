namespace Ocellus.Objects;

/// <summary>The store does not answer, answers that it cannot now, or has a damaged file that can be mended: what needs it may wait and try again.</summary>
internal sealed class StoreUnreachableException(string message, Exception inner) : IOException(message, inner);
