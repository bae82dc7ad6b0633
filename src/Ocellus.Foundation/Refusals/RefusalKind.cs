namespace Ocellus.Refusals;

/// <summary>Why a request is refused. Each wire protocol has its own names for these.</summary>
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
