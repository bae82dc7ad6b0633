using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>
/// An identity policy in the AWS policy language: what the holder of an access key may do. It is validated when it is saved: what is not supported is
/// refused, never ignored.
/// </summary>
[Evidence("IAM User Guide, grammar of the JSON policy language and policy evaluation logic")]
internal sealed class IdentityPolicy
{
    /// <summary>Maximum length without white space: the limit of a managed policy.</summary>
    public const int CharactersMax = 6144;

    private static readonly string[] _members = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    private readonly List<Statement> _statements;

    private IdentityPolicy(string document, List<Statement> statements)
    {
        (Document, _statements) = (document, statements);
        UsesResourceTags = statements.Exists(s => s.Conditions.Exists(c => c.Key.StartsWith(ConditionKeys.ResourceTag, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>The text that it was parsed from.</summary>
    public string Document { get; }

    /// <summary>Whether a condition depends on the resource's tags.</summary>
    public bool UsesResourceTags { get; }

    /// <exception cref="RefusedException">MalformedPolicy: names what is not supported.</exception>
    public static IdentityPolicy Parse(string document)
    {
        var characters = document.Count(c => !char.IsWhiteSpace(c));
        return characters <= CharactersMax
            ? new(document, PolicyJson.Statements(document, _members, Read))
            : throw PolicyJson.Malformed($"it has {characters} characters without white space; the maximum is {CharactersMax}");
    }

    /// <summary>
    /// Describes a part that no request can ever match; null if there is none. A new policy with such a part is refused; one that an earlier version accepted
    /// stays valid.
    /// </summary>
    public string? Unreachable =>
        _statements.SelectMany(s => s.Resources.Select(PolicyReach.Resource).Concat(s.Conditions.Select(PolicyReach.Condition)))
            .FirstOrDefault(r => r is not null);

    /// <summary>The verdict of several policies: any Deny wins, and without an Allow nothing is allowed.</summary>
    /// <param name="policies">The policies.</param>
    /// <param name="action">Such as <c>rekognition:StopProjectVersion</c>.</param>
    /// <param name="resource">An ARN, or <c>*</c> for an action that has none.</param>
    /// <param name="valuesOf">The request's values of a condition key; empty if it is absent.</param>
    /// <param name="onlyNamed">The ARN is a further one of the same permission: statements with NotResource, which would match nearly any ARN, are
    /// skipped.</param>
    public static PolicyVerdict Evaluate(
        IEnumerable<IdentityPolicy> policies, string action, string resource, Func<string, IReadOnlyList<string>> valuesOf, bool onlyNamed = false)
    {
        var verdict = PolicyVerdict.NoMatch;
        foreach (var statement in policies.SelectMany(p => p._statements))
        {
            // After an Allow, only a Deny can change the verdict.
            if ((statement.Allow && verdict == PolicyVerdict.Allowed) || (onlyNamed && statement.NotResource) || !statement.Applies(action, resource, valuesOf))
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
    /// The verdict on an action under an ARN prefix, for names that are not known yet: Allowed if some name may be allowed, otherwise Denied or NoMatch.
    /// </summary>
    /// <param name="policies">The policies.</param>
    /// <param name="action">Such as <c>s3:DeleteObject</c>.</param>
    /// <param name="prefix">The prefix of the ARNs, such as <c>arn:aws:s3:::bucket/</c>.</param>
    /// <param name="valuesOf">The request's values of a condition key.</param>
    public static PolicyVerdict EvaluateUnder(IEnumerable<IdentityPolicy> policies, string action, string prefix, Func<string, IReadOnlyList<string>> valuesOf)
    {
        var verdict = PolicyVerdict.NoMatch;
        foreach (var statement in policies.SelectMany(p => p._statements).Where(s => s.AppliesUnder(action, prefix, valuesOf)))
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
        var (actions, notAction) = OneOf(statement, "Action", "NotAction");
        var (resources, notResource) = OneOf(statement, "Resource", "NotResource");
        if (actions.Find(a => !KnownActions.AnyMatch(a)) is { } action)
        {
            throw PolicyJson.Malformed($"'{Readable.Truncate(action)}' is not an action of rekognition or s3, the services of this server");
        }

        if (resources.Find(r => r != "*" && !PolicyPattern.IsArn(r)) is { } resource)
        {
            throw PolicyJson.Malformed(
                $"the resource '{Readable.Truncate(resource)}' is neither * nor an ARN of six parts, such as "
                + "arn:aws:rekognition:us-east-1:123456789012:project/name/*");
        }

        if (resources.Find(r => r.Contains("${", StringComparison.Ordinal)) is { } variable)
        {
            throw PolicyJson.Malformed($"the resource '{Readable.Truncate(variable)}' has a policy variable, which is not supported");
        }

        var conditions = statement.TryGetProperty("Condition", out var condition) ? PolicyCondition.Parse(condition, ConditionKeys.Identity) : [];
        return new(allow, actions, notAction, resources, notResource, conditions);
    }

    private static (List<string> Patterns, bool Excepted) OneOf(JsonElement statement, string name, string opposite)
    {
        bool included = statement.TryGetProperty(name, out var value), excepted = statement.TryGetProperty(opposite, out var other);
        if (included == excepted)
        {
            throw PolicyJson.Malformed(
                $"a statement has {(included ? "both" : "neither")} {name} {(included ? "and" : "nor")} {opposite}; it must have one of them");
        }

        return PolicyJson.Texts(included ? value : other, out var patterns)
            ? (patterns, excepted)
            : throw PolicyJson.Malformed($"{(included ? name : opposite)} must be a string or a list of strings");
    }

    /// <summary>A statement.</summary>
    /// <param name="Allow">Allow; otherwise Deny.</param>
    /// <param name="Actions">Patterns of actions.</param>
    /// <param name="NotAction">The statement has NotAction: it matches all actions except these.</param>
    /// <param name="Resources">Patterns of ARNs.</param>
    /// <param name="NotResource">The statement has NotResource: it matches all resources except these.</param>
    /// <param name="Conditions">All must hold.</param>
    private sealed record Statement(
        bool Allow, List<string> Actions, bool NotAction, List<string> Resources, bool NotResource, List<PolicyCondition> Conditions)
    {
        /// <summary>Whether it allows something under an ARN prefix, or denies everything there.</summary>
        public bool AppliesUnder(string action, string prefix, Func<string, IReadOnlyList<string>> valuesOf) =>
            Actions.Exists(a => PolicyPattern.Matches(a, action, ignoreCase: true)) != NotAction
            && (Allow != NotResource
                ? Resources.Exists(r => PolicyPattern.CanMatchUnder(r, prefix))
                : Resources.Exists(r => PolicyPattern.MatchesAllUnder(r, prefix))) != NotResource
            && Conditions.TrueForAll(c => c.Holds(valuesOf));

        public bool Applies(string action, string resource, Func<string, IReadOnlyList<string>> valuesOf) =>
            Actions.Exists(a => PolicyPattern.Matches(a, action, ignoreCase: true)) != NotAction
            && Resources.Exists(r => PolicyPattern.MatchesArn(r, resource)) != NotResource
            && Conditions.TrueForAll(c => c.Holds(valuesOf));
    }
}
