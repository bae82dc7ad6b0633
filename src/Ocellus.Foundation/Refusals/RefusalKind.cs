namespace Ocellus.Refusals;

/// <summary>Why a request is refused. The wire gives each its name.</summary>
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
