namespace Ocellus.Refusals;

/// <summary>A request was refused, for a reason that its sender can act on.</summary>
internal sealed class RefusedException(RefusalKind kind, string message) : Exception(message)
{
    public RefusalKind Kind { get; } = kind;
}

/// <summary>Messages are one sentence: what was wrong, and what was expected.</summary>
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
