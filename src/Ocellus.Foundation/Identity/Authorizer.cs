using Dapper;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>Checks that a caller has the permissions that a request needs.</summary>
[Assumed(
    "Access",
    "Identity policies are checked on every operation and every object ([access.md](access.md)). A request without the permission is refused before the "
    + "server checks whether the resource exists.")]
internal sealed class Authorizer(KeyRing keys, DataDirectory data, TimeProvider clock)
{
    /// <summary>The caller's rights at this time. A revoked key has none.</summary>
    public CallerRights Of(Caller caller) => new(caller, keys.PoliciesOf(caller.AccessKeyId), clock.GetUtcNow());

    /// <summary>Checks a caller whose signature has just been verified: the keys are then up to date with the database.</summary>
    /// <exception cref="RefusedException">Denied: the caller lacks one of the permissions.</exception>
    public async Task RequireAsync(Caller caller, IEnumerable<Permission> permissions, CancellationToken cancel)
    {
        var rights = Of(caller);
        foreach (var permission in permissions)
        {
            if (await RefusalAsync(rights, caller, permission, cancel) is { } words)
            {
                throw new RefusedException(RefusalKind.Denied, words);
            }
        }
    }

    /// <summary>Whether the caller has a permission. The same check as <see cref="RequireAsync"/>.</summary>
    public async Task<bool> MayAsync(Caller caller, Permission permission, CancellationToken cancel) =>
        await RefusalAsync(Of(caller), caller, permission, cancel) is null;

    private async Task<string?> RefusalAsync(CallerRights rights, Caller caller, Permission permission, CancellationToken cancel) =>
        rights.Refusal(permission, rights.UsesResourceTags ? await TagsAsync(caller, permission.Resources[0], cancel) : null);

    private async Task<IReadOnlyDictionary<string, string>?> TagsAsync(Caller caller, string resource, CancellationToken cancel)
    {
        // A caller must not be able to infer tags of another account's resources.
        if (resource.Split(':') is not [_, _, _, _, var account, ..] || account != caller.AccountId)
        {
            return null;
        }

        await using var connection = await data.ConnectAsync(cancel);
        var rows = await connection.QueryAsync<(string Key, string Value)>(
            "SELECT tag_key, tag_value FROM tags WHERE resource_arn = @resource", new { resource });
        return rows.ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
    }
}
