using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

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
