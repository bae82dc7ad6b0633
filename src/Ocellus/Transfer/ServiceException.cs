namespace Ocellus.Transfer;

/// <summary>A server refused a request, or does not answer.</summary>
/// <param name="code">Name of the error on the wire, such as <c>AccessDeniedException</c> or <c>NoSuchBucket</c>.</param>
/// <param name="status">HTTP status; 0 if there was no answer.</param>
/// <param name="message">For a person: what was asked, and what the server said.</param>
/// <param name="inner">The cause, if there is one.</param>
internal sealed class ServiceException(string code, int status, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Code { get; } = code;

    public int Status { get; } = status;

    /// <summary>The key may not do this.</summary>
    public bool IsDenied => Code is "AccessDeniedException" or "AccessDenied" or "AllAccessDisabled" || (Status == 403 && Code.Length == 0);

    /// <summary>The thing that was named does not exist.</summary>
    public bool IsMissing => Code is "ResourceNotFoundException" or "NoSuchBucket" or "NoSuchKey" || (Status == 404 && Code.Length == 0);

    /// <summary>The server is busy with it, or with too much: later it may be accepted.</summary>
    public bool IsBusy => Code is "ResourceInUseException";
}
