namespace Ocellus.Objects;

/// <summary>The store does not respond, is temporarily unable to, or has a damaged file that can be repaired. Callers may wait and try again.</summary>
internal sealed class StoreUnreachableException(string message, Exception inner) : IOException(message, inner);
