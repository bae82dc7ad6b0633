using System.Text.Json;
using Ocellus.Protocol;

namespace Ocellus.Access;

/// <summary>What policies say about a request.</summary>
internal enum PolicyVerdict
{
    /// <summary>No statement matches.</summary>
    Silent,
    Allowed,

    /// <summary>A Deny matches; it wins over any Allow.</summary>
    Denied,
}

/// <summary>
/// Project policies: their form is checked when they are saved, so that a rule that would not be understood is refused, never
/// ignored; and they are evaluated when a version is copied.
/// </summary>
internal static class PolicyDocument
{
    private const string CopyAction = "rekognition:CopyProjectVersion";
    private static readonly string[] _members = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];

    /// <summary>What all policies of a project say together about a caller who copies a version.</summary>
    /// <param name="documents">The policies, as an earlier version may have accepted them.</param>
    /// <param name="caller">Who copies.</param>
    /// <param name="versionArn">What is copied.</param>
    /// <param name="notUnderstood">What is wrong with a document; null if all are understood. One that is not may hold a Deny, so nothing is allowed then.</param>
    public static PolicyVerdict Evaluate(IEnumerable<string> documents, Caller caller, string versionArn, out string? notUnderstood)
    {
        List<Statement> statements;
        try
        {
            statements = [.. documents.SelectMany(Read)];
            notUnderstood = null;
        }
        catch (RefusedException refusal)
        {
            notUnderstood = refusal.Message;
            return PolicyVerdict.Denied;
        }

        var spoken = statements.Where(s => s.Speaks(caller, versionArn)).ToList();
        return spoken.Exists(s => !s.Allow) ? PolicyVerdict.Denied : spoken.Count > 0 ? PolicyVerdict.Allowed : PolicyVerdict.Silent;
    }

    /// <exception cref="RefusedException">MalformedPolicy: says which rule is broken.</exception>
    public static void Check(string text) => Read(text);

    private static List<Statement> Read(string text) => PolicyJson.Statements(text, _members, Read);

    private static Statement Read(JsonElement statement)
    {
        var allow = PolicyJson.Allows(statement);
        if (!statement.TryGetProperty("Principal", out var principal) || !IsPrincipal(principal))
        {
            throw PolicyJson.Malformed("Principal must be \"*\" or {\"AWS\": one or more account ids or ARNs}");
        }

        if (!statement.TryGetProperty("Action", out var action) || !PolicyJson.Texts(action, out var actions) || actions.Any(a => !string.Equals(a, CopyAction, StringComparison.OrdinalIgnoreCase)))
        {
            throw PolicyJson.Malformed($"Action must be {CopyAction}, the only action that a project policy may have");
        }

        if (!statement.TryGetProperty("Resource", out var resource) || !PolicyJson.Texts(resource, out var resources) || resources.Any(r => r != "*" && !PolicyPattern.IsArn(r)))
        {
            throw PolicyJson.Malformed("Resource must be * or the ARN of a project version");
        }

        var conditions = statement.TryGetProperty("Condition", out var condition) ? PolicyCondition.Parse(condition, ConditionKeys.Project) : [];
        List<string> names = [];
        if (principal.ValueKind != JsonValueKind.String && principal.TryGetProperty("AWS", out var aws))
        {
            PolicyJson.Texts(aws, out names);
        }

        return new(allow, principal.ValueKind == JsonValueKind.String, names, resources, conditions);
    }

    private static bool IsPrincipal(JsonElement principal) =>
        principal.ValueKind == JsonValueKind.String
            ? principal.GetString() == "*"
            : principal.ValueKind == JsonValueKind.Object && principal.EnumerateObject().Any() && principal.EnumerateObject().All(p => PolicyJson.Texts(p.Value, out _));

    private sealed record Statement(bool Allow, bool Everyone, List<string> Principals, List<string> Resources, List<PolicyCondition> Conditions)
    {
        public bool Speaks(Caller caller, string versionArn) =>
            Resources.Exists(r => PolicyPattern.MatchesArn(r, versionArn))
            && (Everyone || Principals.Exists(n => n == "*" || n == caller.AccountId || n == $"arn:aws:iam::{caller.AccountId}:root" || n == caller.UserArn))
            && Conditions.TrueForAll(c => c.Holds(key => [ConditionKeys.Is(key, ConditionKeys.PrincipalArn) ? caller.UserArn : caller.AccountId]));
    }
}
