namespace Ocellus.Protocol;

/// <summary>Why a request is refused. <see cref="AwsErrors"/> gives each its name on the wire.</summary>
internal enum RefusalKind
{
    Invalid,
    NotFound,
    InUse,
    AlreadyExists,
    NotReady,
    LimitExceeded,
    QuotaExceeded,
    Denied,
    Throttled,
    Busy,
    InvalidToken,
    InvalidPolicyRevision,
    MalformedPolicy,
    InvalidS3Object,
    InvalidImage,
    ImageTooLarge,
}

/// <summary>A request that is refused with a reason its sender can act on.</summary>
internal sealed class RefusedException(RefusalKind kind, string message) : Exception(message)
{
    public RefusalKind Kind { get; } = kind;
}

/// <summary>A failure of the framing: parsing, validation, signature. It has the framework's envelope, not the service's.</summary>
internal sealed class FrameworkException(string type, string message, int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    /// <summary>A request that came too slowly. SDKs know the name and send the request again.</summary>
    public const string Timeout = "RequestTimeoutException";

    public string Type { get; } = type;

    public int Status { get; } = status;
}

/// <summary>One sentence each: what was wrong, what would be right.</summary>
internal static class Refused
{
    public static RefusedException Invalid(string message) => new(RefusalKind.Invalid, message);

    public static RefusedException NotFound(string message) => new(RefusalKind.NotFound, message);

    public static RefusedException InUse(string message) => new(RefusalKind.InUse, message);

    public static RefusedException AlreadyExists(string message) => new(RefusalKind.AlreadyExists, message);

    public static RefusedException NotReady(string message) => new(RefusalKind.NotReady, message);

    public static RefusedException Limit(string message) => new(RefusalKind.LimitExceeded, message);

    public static RefusedException Quota(string message) => new(RefusalKind.QuotaExceeded, message);
}

/// <summary>The name and HTTP status of an error on the wire.</summary>
internal readonly record struct AwsError(string Name, int Status);

/// <summary>The only place where a refusal becomes an AWS error.</summary>
[Evidence("service model rekognition-2016-06-27; shapes marked fault answer 500, the others 400")]
internal static class AwsErrors
{
    public static AwsError Internal { get; } = new("InternalServerError", 500);

    public static AwsError Of(RefusalKind kind) => kind switch
    {
        RefusalKind.Invalid => new("InvalidParameterException", 400),
        RefusalKind.NotFound => new("ResourceNotFoundException", 400),
        RefusalKind.InUse => new("ResourceInUseException", 400),
        RefusalKind.AlreadyExists => new("ResourceAlreadyExistsException", 400),
        RefusalKind.NotReady => new("ResourceNotReadyException", 400),
        RefusalKind.LimitExceeded => new("LimitExceededException", 400),
        RefusalKind.QuotaExceeded => new("ServiceQuotaExceededException", 400),
        RefusalKind.Denied => new("AccessDeniedException", 400),
        RefusalKind.Throttled => new("ThrottlingException", 500),
        RefusalKind.Busy => new("ProvisionedThroughputExceededException", 400),
        RefusalKind.InvalidToken => new("InvalidPaginationTokenException", 400),
        RefusalKind.InvalidPolicyRevision => new("InvalidPolicyRevisionIdException", 400),
        RefusalKind.MalformedPolicy => new("MalformedPolicyDocumentException", 400),
        RefusalKind.InvalidS3Object => new("InvalidS3ObjectException", 400),
        RefusalKind.InvalidImage => new("InvalidImageFormatException", 400),
        RefusalKind.ImageTooLarge => new("ImageTooLargeException", 400),
    };
}
