namespace Ocellus.Wire;

/// <summary>A failure in parsing, validation or signature. The response has the framework's error format, not the service's.</summary>
internal sealed class FrameworkException(string type, string message, int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    /// <summary>A request that arrived too slowly. SDKs recognize the name and retry.</summary>
    public const string Timeout = "RequestTimeoutException";

    public string Type { get; } = type;

    public int Status { get; } = status;
}
