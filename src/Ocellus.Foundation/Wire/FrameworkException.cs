namespace Ocellus.Wire;

/// <summary>A failure of the framing: parsing, validation, signature. It has the framework's envelope, not the service's.</summary>
internal sealed class FrameworkException(string type, string message, int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    /// <summary>A request that came too slowly. SDKs know the name and send the request again.</summary>
    public const string Timeout = "RequestTimeoutException";

    public string Type { get; } = type;

    public int Status { get; } = status;
}
