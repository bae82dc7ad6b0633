using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ocellus.Identity;

/// <summary>What a caller may do at one moment. Work that a call starts keeps it, see <see cref="ToJson"/>: it goes on with the rights of its caller.</summary>
internal sealed class CallerRights(Caller caller, IReadOnlyList<IdentityPolicy> policies, DateTimeOffset now)
{
    private static readonly IReadOnlyDictionary<string, string> _noTags = new Dictionary<string, string>();

    /// <summary>Whether a condition asks for the tags of resources.</summary>
    public bool AsksResourceTags { get; } = policies.Any(p => p.AsksResourceTags);

    /// <summary>Whether the caller may do something that no resource tags matter to.</summary>
    public bool Allow(Permission permission) => Verdict(permission, _noTags).Verdict == PolicyVerdict.Allowed;

    /// <summary>Null if the caller may; otherwise why not, in AWS's words.</summary>
    /// <param name="permission">What is asked for.</param>
    /// <param name="resourceTags">Tags of the first resource; those of what is yet to be made in it too. Null if none matter.</param>
    /// <param name="quote">Sets the resource's ARN in quotation marks, as S3 does.</param>
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
    /// Null if the caller may do one of some actions with something that lies under an ARN; otherwise why not. It can be asked before the names of what is
    /// meant are known.
    /// </summary>
    /// <param name="prefix">What the ARNs begin with.</param>
    /// <param name="actions">The actions; the first is named.</param>
    public string? RefusalUnder(string prefix, params IReadOnlyList<string> actions)
    {
        var verdicts = actions.Select(a => new Permission(a, prefix + "*"))
            .Select(p => IdentityPolicy.EvaluateUnder(policies, p.Action, prefix, key => ValuesOf(key, p, _noTags))).ToList();
        return verdicts.Contains(PolicyVerdict.Allowed) ? null : Words(verdicts[0], actions[0], $"\"{prefix}*\"");
    }

    /// <summary>The rights as a text to store.</summary>
    [Assumed(
        "Access: work that a call starts",
        "A training or a copy reads and writes the object store with the rights that its caller had at the moment of the call.")]
    public string ToJson() => JsonSerializer.Serialize(
        new StoredRights(
            caller.AccountId, caller.Region, caller.UserName, caller.AccessKeyId, caller.SourceAddress?.ToString(), caller.IsSecure,
            now.ToUnixTimeMilliseconds(), [.. policies.Select(p => p.Document)]),
        RightsJson.Default.StoredRights);

    /// <summary>What <see cref="ToJson"/> wrote; no rights at all for null.</summary>
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
        var verdict = PolicyVerdict.Silent;
        foreach (var (number, resource) in permission.Resources.Index())
        {
            switch (IdentityPolicy.Evaluate(policies, permission.Action, resource, key => ValuesOf(key, permission, resourceTags), onlyNamed: number > 0))
            {
                case PolicyVerdict.Denied:
                    return (PolicyVerdict.Denied, resource);
                case PolicyVerdict.Allowed:
                    verdict = PolicyVerdict.Allowed;
                    break;
                case PolicyVerdict.Silent:
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

    /// <summary>The value of a tag. As in IAM its key is compared without case; of tags that differ in nothing else the exact one counts.</summary>
    private static List<string> Tag(IReadOnlyDictionary<string, string> tags, string key) =>
        tags.TryGetValue(key, out var exact) ? [exact]
        : tags.Where(t => string.Equals(t.Key, key, StringComparison.OrdinalIgnoreCase)).OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => t.Value)
            .Take(1).ToList();
}

/// <summary>What <see cref="CallerRights"/> are made of.</summary>
internal sealed record StoredRights(
    string AccountId, string Region, string UserName, string AccessKeyId, string? SourceAddress, bool IsSecure, long AtMs, IReadOnlyList<string> Policies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredRights))]
internal sealed partial class RightsJson : JsonSerializerContext;
