using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ocellus.Identity;

/// <summary>What a caller may do at a given time. Work started by a call stores it (<see cref="ToJson"/>), and runs with these rights.</summary>
internal sealed class CallerRights(Caller caller, IReadOnlyList<IdentityPolicy> policies, DateTimeOffset now)
{
    private static readonly IReadOnlyDictionary<string, string> _noTags = new Dictionary<string, string>();

    /// <summary>Whether a condition depends on resource tags.</summary>
    public bool UsesResourceTags { get; } = policies.Any(p => p.UsesResourceTags);

    /// <summary>Whether the caller may do something, without regard to resource tags.</summary>
    public bool Allow(Permission permission) => Verdict(permission, _noTags).Verdict == PolicyVerdict.Allowed;

    /// <summary>Null if the caller may; otherwise the reason, in AWS's words.</summary>
    /// <param name="permission">The permission that the request needs.</param>
    /// <param name="resourceTags">Tags of the first resource, or of one to be created in it. Null if no tags matter.</param>
    /// <param name="quote">Puts the resource's ARN in quotation marks, as S3 does.</param>
    public string? Refusal(Permission permission, IReadOnlyDictionary<string, string>? resourceTags = null, bool quote = false)
    {
        var (verdict, resource) = Verdict(permission, resourceTags ?? _noTags);
        return verdict == PolicyVerdict.Allowed ? null : Words(verdict, permission.Action, quote ? $"\"{resource}\"" : resource);
    }

    private string Words(PolicyVerdict verdict, string action, string resource)
    {
        var reason = verdict == PolicyVerdict.Denied
            ? "with an explicit deny in an identity-based policy"
            : $"because no identity-based policy allows the {action} action";
        return $"User: {caller.UserArn} is not authorized to perform: {action} on resource: {resource} {reason}";
    }

    /// <summary>
    /// Null if the caller may perform one of the actions on some resource under an ARN prefix; otherwise the reason. For checks before the resources' names
    /// are known.
    /// </summary>
    /// <param name="prefix">The prefix of the ARNs.</param>
    /// <param name="actions">The actions. The reason names the first.</param>
    public string? RefusalUnder(string prefix, params IReadOnlyList<string> actions)
    {
        var verdicts = actions.Select(a => new Permission(a, prefix + "*"))
            .Select(p => IdentityPolicy.EvaluateUnder(policies, p.Action, prefix, key => ValuesOf(key, p, _noTags))).ToList();
        return verdicts.Contains(PolicyVerdict.Allowed) ? null : Words(verdicts[0], actions[0], $"\"{prefix}*\"");
    }

    /// <summary>Serializes the rights, to be stored.</summary>
    [Assumed(
        "Access: work that a call starts",
        "A training or a copy reads and writes the object store with the rights that its caller had at the time of the call.")]
    public string ToJson() => JsonSerializer.Serialize(
        new StoredRights(
            caller.AccountId, caller.Region, caller.UserName, caller.AccessKeyId, caller.SourceAddress?.ToString(), caller.IsSecure,
            now.ToUnixTimeMilliseconds(), [.. policies.Select(p => p.Document)]),
        RightsJson.Default.StoredRights);

    /// <summary>Reads what <see cref="ToJson"/> wrote; no rights for null.</summary>
    public static CallerRights FromJson(string? json)
    {
        if (json is null)
        {
            return new(new("", "", "", ""), [], DateTimeOffset.UnixEpoch);
        }

        var stored = JsonSerializer.Deserialize(json, RightsJson.Default.StoredRights)!;
        var caller = new Caller(stored.AccountId, stored.Region, stored.UserName, stored.AccessKeyId)
        {
            SourceAddress = stored.SourceAddress is { } text ? IPAddress.Parse(text) : null,
            IsSecure = stored.IsSecure,
        };
        return new(caller, [.. stored.Policies.Select(IdentityPolicy.Parse)], DateTimeOffset.FromUnixTimeMilliseconds(stored.AtMs));
    }

    private (PolicyVerdict Verdict, string Resource) Verdict(Permission permission, IReadOnlyDictionary<string, string> resourceTags)
    {
        var verdict = PolicyVerdict.NoMatch;
        foreach (var (number, resource) in permission.Resources.Index())
        {
            switch (IdentityPolicy.Evaluate(policies, permission.Action, resource, key => ValuesOf(key, permission, resourceTags), onlyNamed: number > 0))
            {
                case PolicyVerdict.Denied:
                    return (PolicyVerdict.Denied, resource);
                case PolicyVerdict.Allowed:
                    verdict = PolicyVerdict.Allowed;
                    break;
                case PolicyVerdict.NoMatch:
                    break;
            }
        }

        return (verdict, permission.Resources[0]);
    }

    private IReadOnlyList<string> ValuesOf(string key, Permission permission, IReadOnlyDictionary<string, string> resourceTags)
    {
        if (key.StartsWith(ConditionKeys.ResourceTag, StringComparison.OrdinalIgnoreCase))
        {
            return Tag(resourceTags, key[ConditionKeys.ResourceTag.Length..]);
        }

        if (key.StartsWith(ConditionKeys.RequestTag, StringComparison.OrdinalIgnoreCase))
        {
            return Tag(permission.Tags, key[ConditionKeys.RequestTag.Length..]);
        }

        var name = ConditionKeys.Identity.Spelled(key);
        return name switch
        {
            ConditionKeys.PrincipalArn => [caller.UserArn],
            ConditionKeys.PrincipalAccount => [caller.AccountId],
            ConditionKeys.UserName => [caller.UserName],
            ConditionKeys.SourceIp => caller.SourceAddress is { } address ? [address.ToString()] : [],
            ConditionKeys.SecureTransport => [caller.IsSecure ? "true" : "false"],
            ConditionKeys.CurrentTime => [now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)],
            ConditionKeys.EpochTime => [now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)],
            ConditionKeys.RequestedRegion => [caller.Region],
            ConditionKeys.TagKeys => permission.TagKeys,
            _ => permission.Values.TryGetValue(name, out var value) ? [value] : [],
        };
    }

    /// <summary>The value of a tag. As in IAM, keys are compared without case; among keys that differ only by case, an exact match wins.</summary>
    private static List<string> Tag(IReadOnlyDictionary<string, string> tags, string key) =>
        tags.TryGetValue(key, out var exact) ? [exact]
        : tags.Where(t => string.Equals(t.Key, key, StringComparison.OrdinalIgnoreCase)).OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => t.Value)
            .Take(1).ToList();
}

/// <summary>The stored form of <see cref="CallerRights"/>.</summary>
internal sealed record StoredRights(
    string AccountId, string Region, string UserName, string AccessKeyId, string? SourceAddress, bool IsSecure, long AtMs, IReadOnlyList<string> Policies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredRights))]
internal sealed partial class RightsJson : JsonSerializerContext;
