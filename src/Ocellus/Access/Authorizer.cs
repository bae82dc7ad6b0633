using Dapper;
using Ocellus.Protocol;
using Ocellus.Storage;

namespace Ocellus.Access;

/// <summary>Says whether a caller may do what a request needs.</summary>
internal sealed class Authorizer(KeyRing keys, DataDirectory data, TimeProvider clock)
{
    /// <summary>The rights of a caller now. Another key, or one revoked in between, has none.</summary>
    public CallerRights Of(Caller caller) => new(caller, keys.PoliciesOf(caller.AccessKeyId), clock.GetUtcNow());

    /// <exception cref="RefusedException">Denied: the caller lacks one of the permissions.</exception>
    public async Task RequireAsync(Caller caller, IEnumerable<Permission> permissions, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var rights = Of(caller);
        foreach (var permission in permissions)
        {
            var tags = rights.AsksResourceTags ? await TagsAsync(caller, permission.Resources, cancel) : null;
            if (rights.Refusal(permission, tags is null ? null : arn => tags[arn].ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal)) is { } words)
            {
                throw new RefusedException(RefusalKind.Denied, words);
            }
        }
    }

    private async Task<ILookup<string, (string Key, string Value)>> TagsAsync(Caller caller, IReadOnlyList<string> resources, CancellationToken cancel)
    {
        // Tags of another account's resources are not for this caller to find out by their effect.
        var own = resources.Where(r => r.Split(':') is [_, _, _, _, var account, ..] && account == caller.AccountId).ToList();
        await using var connection = await data.ConnectAsync(cancel);
        var rows = await connection.QueryAsync<(string Arn, string Key, string Value)>("SELECT resource_arn, tag_key, tag_value FROM tags WHERE resource_arn IN @own", new { own });
        return rows.ToLookup(r => r.Arn, r => (r.Key, r.Value));
    }
}
