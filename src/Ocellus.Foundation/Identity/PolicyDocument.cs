using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>The verdict of policies on a request.</summary>
internal enum PolicyVerdict
{
    /// <summary>No statement matches.</summary>
    NoMatch,
    Allowed,

    /// <summary>A Deny matches; it wins over any Allow.</summary>
    Denied,
}

/// <summary>
/// Project policies. They are validated when they are saved, so that an unsupported rule is refused, never ignored, and evaluated when a version is copied.
/// </summary>
internal static class PolicyDocument
{
    private const string CopyAction = "rekognition:CopyProjectVersion";
    private static readonly string[] _members = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];

    /// <summary>The verdict of all policies of a project on a caller who copies a version.</summary>
    /// <param name="documents">The policies. An earlier version may have accepted them.</param>
    /// <param name="caller">Who copies.</param>
    /// <param name="versionArn">What is copied.</param>
    /// <param name="invalid">What is wrong with a document; null if all are valid. An invalid one may hold a Deny, so nothing is allowed
    /// then.</param>
    public static PolicyVerdict Evaluate(IEnumerable<string> documents, Caller caller, string versionArn, out string? invalid)
    {
        List<Statement> statements;
        try
        {
            statements = [.. documents.SelectMany(Read)];

            // An Allow that matches no caller is harmless; a Deny that matches no caller was meant for someone.
            invalid = statements.Find(s => !s.Allow && s.Unreachable is not null)?.Unreachable;
        }
        catch (RefusedException refusal)
        {
            invalid = refusal.Message;
            return PolicyVerdict.Denied;
        }

        if (invalid is not null)
        {
            return PolicyVerdict.Denied;
        }

        var matching = statements.Where(s => s.Applies(caller, versionArn)).ToList();
        return matching.Exists(s => !s.Allow) ? PolicyVerdict.Denied : matching.Count > 0 ? PolicyVerdict.Allowed : PolicyVerdict.NoMatch;
    }

    /// <summary>Checks a document that is to be attached to a project.</summary>
    /// <exception cref="RefusedException">MalformedPolicy: says which rule is broken, or which part no copy of the project's versions can ever
    /// match.</exception>
    public static void Check(string text, string projectArn)
    {
        foreach (var statement in Read(text))
        {
            if ((statement.Unreachable ?? statement.Resources.ConvertAll(r => PolicyReach.Version(r, projectArn)).Find(r => r is not null)) is { } reason)
            {
                throw PolicyJson.Malformed(reason);
            }
        }
    }

    private static List<Statement> Read(string text) => PolicyJson.Statements(text, _members, Read);

    private static Statement Read(JsonElement statement)
    {
        var allow = PolicyJson.Allows(statement);
        if (!statement.TryGetProperty("Principal", out var principal) || !IsPrincipal(principal))
        {
            throw PolicyJson.Malformed("Principal must be \"*\" or {\"AWS\": one or more account ids or ARNs}");
        }

        if (!statement.TryGetProperty("Action", out var action)
            || !PolicyJson.Texts(action, out var actions)
            || actions.Any(a => !string.Equals(a, CopyAction, StringComparison.OrdinalIgnoreCase)))
        {
            throw PolicyJson.Malformed($"Action must be {CopyAction}, the only action of project policies");
        }

        if (!statement.TryGetProperty("Resource", out var resource)
            || !PolicyJson.Texts(resource, out var resources)
            || resources.Any(r => r != "*" && !PolicyPattern.IsArn(r)))
        {
            throw PolicyJson.Malformed("Resource must be * or the ARN of a project version");
        }

        var conditions = statement.TryGetProperty("Condition", out var condition) ? PolicyCondition.Parse(condition, ConditionKeys.Project) : [];
        var everyone = principal.ValueKind == JsonValueKind.String;
        List<string> names = [];
        if (!everyone && principal.TryGetProperty("AWS", out var aws))
        {
            PolicyJson.Texts(aws, out names);
        }

        var unreachable = (everyone ? null : UnsupportedPrincipal(principal))
            ?? names.ConvertAll(PolicyReach.Principal).Concat(resources.Select(r => PolicyReach.Version(r))).Concat(conditions.Select(PolicyReach.Condition))
                .FirstOrDefault(r => r is not null);
        return new(allow, everyone, names, resources, conditions, unreachable);
    }

    private static bool IsPrincipal(JsonElement principal) =>
        principal.ValueKind == JsonValueKind.String
            ? principal.GetString() == "*"
            : principal.ValueKind == JsonValueKind.Object
                && principal.EnumerateObject().Any()
                && principal.EnumerateObject().All(p => PolicyJson.Texts(p.Value, out _));

    /// <summary>Why a kind of principal cannot call this server; null if all kinds can.</summary>
    private static string? UnsupportedPrincipal(JsonElement principal) =>
        principal.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => n != "AWS") is { } kind
            ? $"Principal has '{Readable.Truncate(kind)}', which no caller of this server can be; it must be \"*\" or {{\"AWS\": one or more account ids, "
                + $"arn:aws:iam::ACCOUNT:root or arn:aws:iam::ACCOUNT:user/NAME}}"
            : null;

    /// <summary>A statement.</summary>
    /// <param name="Allow">Allow; otherwise Deny.</param>
    /// <param name="Everyone">It applies to everyone.</param>
    /// <param name="Principals">To whom it applies otherwise.</param>
    /// <param name="Resources">Patterns of versions.</param>
    /// <param name="Conditions">All must hold.</param>
    /// <param name="Unreachable">Describes a part that no request can ever match; null if there is none.</param>
    private sealed record Statement(
        bool Allow, bool Everyone, List<string> Principals, List<string> Resources, List<PolicyCondition> Conditions, string? Unreachable)
    {
        public bool Applies(Caller caller, string versionArn) =>
            Resources.Exists(r => PolicyPattern.MatchesArn(r, versionArn))
            && (Everyone || Principals.Exists(n => n == "*" || n == caller.AccountId || n == $"arn:aws:iam::{caller.AccountId}:root" || n == caller.UserArn))
            && Conditions.TrueForAll(c => c.Holds(key => [ConditionKeys.Is(key, ConditionKeys.PrincipalArn) ? caller.UserArn : caller.AccountId]));
    }
}
