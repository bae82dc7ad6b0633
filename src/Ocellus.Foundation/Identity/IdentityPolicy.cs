using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>
/// A policy in the AWS policy language that says what the holder of an access key may do. Its form is checked when it is saved:
/// what would not be understood is refused, never ignored.
/// </summary>
[Evidence("IAM User Guide, grammar of the JSON policy language and policy evaluation logic")]
internal sealed class IdentityPolicy
{
    /// <summary>Characters without white space: the limit of a managed policy.</summary>
    public const int CharactersMax = 6144;

    private static readonly string[] _members = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    private readonly List<Statement> _statements;

    private IdentityPolicy(string document, List<Statement> statements)
    {
        (Document, _statements) = (document, statements);
        AsksResourceTags = statements.Exists(s => s.Conditions.Exists(c => c.Key.StartsWith(ConditionKeys.ResourceTag, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>The text it was read from.</summary>
    public string Document { get; }

    /// <summary>Whether a condition asks for the tags of the resource.</summary>
    public bool AsksResourceTags { get; }

    /// <exception cref="RefusedException">MalformedPolicy: names what is not understood.</exception>
    public static IdentityPolicy Parse(string document)
    {
        var characters = document.Count(c => !char.IsWhiteSpace(c));
        return characters <= CharactersMax
            ? new(document, PolicyJson.Statements(document, _members, Read))
            : throw PolicyJson.Malformed($"it has {characters} characters without white space; {CharactersMax} are the most");
    }

    /// <summary>
    /// What of it no request can ever meet, in a sentence; null if nothing is. Policies that an earlier version took may have it: they go on as they were,
    /// and a new one is refused.
    /// </summary>
    public string? Unreachable =>
        _statements.SelectMany(s => s.Resources.Select(PolicyReach.Resource).Concat(s.Conditions.Select(PolicyReach.Condition)))
            .FirstOrDefault(r => r is not null);

    /// <summary>What policies say together: a Deny of any wins, and silence allows nothing.</summary>
    /// <param name="policies">The policies.</param>
    /// <param name="action">Such as <c>rekognition:StopProjectVersion</c>.</param>
    /// <param name="resource">An ARN, or <c>*</c> for an action that has none.</param>
    /// <param name="valuesOf">The values of a condition key in this request; none when it is absent.</param>
    /// <param name="onlyNamed">A second ARN of what is asked for: statements with NotResource do not speak of it, or they would speak of nearly
    /// everything.</param>
    public static PolicyVerdict Evaluate(
        IEnumerable<IdentityPolicy> policies, string action, string resource, Func<string, IReadOnlyList<string>> valuesOf, bool onlyNamed = false)
    {
        var verdict = PolicyVerdict.Silent;
        foreach (var statement in policies.SelectMany(p => p._statements))
        {
            // Once something allows, only a Deny can change the answer.
            if ((statement.Allow && verdict == PolicyVerdict.Allowed) || (onlyNamed && statement.ButResources) || !statement.Speaks(action, resource, valuesOf))
            {
                continue;
            }

            if (!statement.Allow)
            {
                return PolicyVerdict.Denied;
            }

            verdict = PolicyVerdict.Allowed;
        }

        return verdict;
    }

    /// <summary>
    /// What policies can say about an action on what lies under an ARN: Denied or Silent when it is refused whatever its name is, Allowed when it is allowed
    /// for some name.
    /// </summary>
    /// <param name="policies">The policies.</param>
    /// <param name="action">Such as <c>s3:DeleteObject</c>.</param>
    /// <param name="prefix">What the ARNs begin with, such as <c>arn:aws:s3:::bucket/</c>.</param>
    /// <param name="valuesOf">The values of a condition key in this request.</param>
    public static PolicyVerdict EvaluateUnder(IEnumerable<IdentityPolicy> policies, string action, string prefix, Func<string, IReadOnlyList<string>> valuesOf)
    {
        var verdict = PolicyVerdict.Silent;
        foreach (var statement in policies.SelectMany(p => p._statements).Where(s => s.SpeaksUnder(action, prefix, valuesOf)))
        {
            if (!statement.Allow)
            {
                return PolicyVerdict.Denied;
            }

            verdict = PolicyVerdict.Allowed;
        }

        return verdict;
    }

    private static Statement Read(JsonElement statement)
    {
        var allow = PolicyJson.Allows(statement);
        var (actions, butActions) = OneOf(statement, "Action", "NotAction");
        var (resources, butResources) = OneOf(statement, "Resource", "NotResource");
        if (actions.Find(a => !KnownActions.Fits(a)) is { } action)
        {
            throw PolicyJson.Malformed($"'{Readable.Truncate(action)}' is no action of rekognition or s3, the services that are here");
        }

        if (resources.Find(r => r != "*" && !PolicyPattern.IsArn(r)) is { } resource)
        {
            throw PolicyJson.Malformed(
                $"the resource '{Readable.Truncate(resource)}' is neither * nor an ARN of six parts, such as "
                + "arn:aws:rekognition:us-east-1:123456789012:project/name/*");
        }

        if (resources.Find(r => r.Contains("${", StringComparison.Ordinal)) is { } variable)
        {
            throw PolicyJson.Malformed($"the resource '{Readable.Truncate(variable)}' has a policy variable, and these are not understood");
        }

        var conditions = statement.TryGetProperty("Condition", out var condition) ? PolicyCondition.Parse(condition, ConditionKeys.Identity) : [];
        return new(allow, actions, butActions, resources, butResources, conditions);
    }

    private static (List<string> Patterns, bool Excepted) OneOf(JsonElement statement, string name, string opposite)
    {
        bool there = statement.TryGetProperty(name, out var value), excepted = statement.TryGetProperty(opposite, out var other);
        if (there == excepted)
        {
            throw PolicyJson.Malformed($"a statement has {(there ? "both" : "neither")} {name} {(there ? "and" : "nor")} {opposite}; it must have one of them");
        }

        return PolicyJson.Texts(there ? value : other, out var patterns)
            ? (patterns, excepted)
            : throw PolicyJson.Malformed($"{(there ? name : opposite)} must be a text or a list of texts");
    }

    /// <summary>A statement.</summary>
    /// <param name="Allow">Allow; otherwise Deny.</param>
    /// <param name="Actions">Patterns of actions.</param>
    /// <param name="ButActions">It speaks of all actions but these.</param>
    /// <param name="Resources">Patterns of ARNs.</param>
    /// <param name="ButResources">It speaks of all resources but these.</param>
    /// <param name="Conditions">All must hold.</param>
    private sealed record Statement(
        bool Allow, List<string> Actions, bool ButActions, List<string> Resources, bool ButResources, List<PolicyCondition> Conditions)
    {
        /// <summary>Whether it allows something under an ARN, or denies everything there.</summary>
        public bool SpeaksUnder(string action, string prefix, Func<string, IReadOnlyList<string>> valuesOf) =>
            Actions.Exists(a => PolicyPattern.Matches(a, action, ignoreCase: true)) != ButActions
            && (Allow != ButResources
                ? Resources.Exists(r => PolicyPattern.CanMatchUnder(r, prefix))
                : Resources.Exists(r => PolicyPattern.MatchesAllUnder(r, prefix))) != ButResources
            && Conditions.TrueForAll(c => c.Holds(valuesOf));

        public bool Speaks(string action, string resource, Func<string, IReadOnlyList<string>> valuesOf) =>
            Actions.Exists(a => PolicyPattern.Matches(a, action, ignoreCase: true)) != ButActions
            && Resources.Exists(r => PolicyPattern.MatchesArn(r, resource)) != ButResources
            && Conditions.TrueForAll(c => c.Holds(valuesOf));
    }
}
