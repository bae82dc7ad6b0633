using Ocellus.Encodings;

namespace Ocellus.Identity;

/// <summary>
/// Finds parts of a policy that can never match: a principal, a resource or a value that no request to this server can have. In an Allow the mistake shows,
/// because requests are refused; in a Deny it would go unnoticed. So such a policy is refused when it is saved.
/// </summary>
internal static class PolicyReach
{
    private const string Examples = "arn:aws:rekognition:us-east-1:123456789012:project/name/* or arn:aws:s3:::bucket/*";
    private static readonly PolicyForm _account = new("<account>");
    private static readonly PolicyForm _root = new("arn:aws:iam::<account>:root");
    private static readonly PolicyForm _user = new("arn:aws:iam::<account>:user/<user>");

    /// <summary>Resources of requests. Collections and stream processors do not exist here, but appear in policies written for AWS.</summary>
    private static readonly PolicyForm[] _resources =
    [
        new("arn:aws:rekognition:<region>:<account>:project/<name>/<digits>"),
        new("arn:aws:rekognition:<region>:<account>:project/<name>/version/<name>/<digits>"),
        new("arn:aws:rekognition:<region>:<account>:project/<name>/dataset/train/<digits>"),
        new("arn:aws:rekognition:<region>:<account>:project/<name>/dataset/test/<digits>"),
        new("arn:aws:rekognition:<region>:<account>:collection/<text>"),
        new("arn:aws:rekognition:<region>:<account>:streamprocessor/<text>"),
        new("arn:aws:s3:::<text>"),
    ];

    private static readonly PolicyForm _version = _resources[1];

    /// <summary>Keys whose values have a fixed form, the operators that apply to them (besides the string operators), and an example value.</summary>
    private static readonly (string Key, string Operators, string Example, PolicyForm[] Forms)[] _keys =
    [
        (ConditionKeys.PrincipalArn, "Arn", "arn:aws:iam::123456789012:user/name", [_user]),
        (ConditionKeys.PrincipalAccount, "Numeric", "123456789012", [_account]),
        (ConditionKeys.UserName, "", "name, the NAME of arn:aws:iam::ACCOUNT:user/NAME", [new("<user>")]),
        (ConditionKeys.SourceIp, "Ip", "203.0.113.7", [new("<address>")]),
        (ConditionKeys.SecureTransport, "Bool", "true or false", [new("true"), new("false")]),
        (ConditionKeys.CurrentTime, "Date", "2026-01-31T08:00:00Z", [new("<date>")]),
        (ConditionKeys.EpochTime, "Date Numeric", "1769846400", [new("<digits>")]),
        (ConditionKeys.RequestedRegion, "", "us-east-1", [new("<region>")]),
        (ConditionKeys.ListMaxKeys, "Numeric", "100", [new("<digits>")]),
    ];

    /// <summary>Why a principal of a project policy cannot be a caller of this server; null if it can.</summary>
    public static string? Principal(string principal) =>
        principal == "*" || new[] { _account, _root, _user }.Any(f => f.CanMatch(principal, wildcards: false)) ? null
        : $"the principal '{Readable.Truncate(principal)}' is no caller of this server: it must be *, an account id of twelve digits, "
            + $"arn:aws:iam::ACCOUNT:root or arn:aws:iam::ACCOUNT:user/NAME"
            + (principal.AsSpan().ContainsAny('*', '?')
                ? "; wildcards are not supported in a principal: use * and a Condition with ArnLike on aws:PrincipalArn"
                : "");

    /// <summary>Why a resource of an identity policy cannot be one of this server; null if it can.</summary>
    public static string? Resource(string pattern) =>
        pattern == "*" || _resources.Any(f => f.CanMatch(pattern)) ? null
        : $"the resource '{Readable.Truncate(pattern)}' can match no resource of this server, so it would have no effect; use * or an ARN such as {Examples}";

    /// <summary>Why a resource of a project policy cannot be a model version that is copied; null if it can.</summary>
    /// <param name="pattern">The resource.</param>
    /// <param name="projectArn">The project that the policy is attached to; null for any.</param>
    public static string? Version(string pattern, string? projectArn = null)
    {
        var beginning = projectArn?[..projectArn.LastIndexOf('/')];
        var form = beginning is null ? _version : new PolicyForm(beginning + "/version/<name>/<digits>");
        return pattern == "*" || form.CanMatch(pattern) ? null
            : $"the resource '{Readable.Truncate(pattern)}' can match no model version of {(beginning is null ? "a" : "this")} project, so it would have "
                + $"no effect; use * or {beginning ?? "arn:aws:rekognition:us-east-1:123456789012:project/name"}/version/*";
    }

    /// <summary>Why a condition compares a key with a value that it never has; null if the result depends on the request.</summary>
    public static string? Condition(PolicyCondition condition)
    {
        var (key, operators, example, forms) = Array.Find(_keys, k => ConditionKeys.Is(k.Key, condition.Key));
        if (key is null || condition.Operator == "Null")
        {
            return null;
        }

        var name = condition.Operator.StartsWith("Not", StringComparison.Ordinal) ? condition.Operator["Not".Length..] : condition.Operator;
        bool isText = name.StartsWith("String", StringComparison.Ordinal), isArn = name.StartsWith("Arn", StringComparison.Ordinal);
        if (!isText && !operators.Split(' ', StringSplitOptions.RemoveEmptyEntries).Any(o => name.StartsWith(o, StringComparison.Ordinal)))
        {
            return $"{condition.Operator} does not apply to {key}, whose values are such as {example}";
        }

        bool wildcards = isArn || name.EndsWith("Like", StringComparison.Ordinal), ignoreCase = name.EndsWith("IgnoreCase", StringComparison.Ordinal);
        return (isText || isArn) && condition.Compared.FirstOrDefault(v => !Array.Exists(forms, f => f.CanMatch(v, wildcards, ignoreCase))) is { } value
            ? $"{key} can never be '{Readable.Truncate(value)}', as {condition.Operator} compares it; its values are such as "
                + $"{example}{(!wildcards && value.AsSpan().ContainsAny('*', '?') ? ". Wildcards are supported by StringLike and ArnLike" : "")}"
            : null;
    }
}
