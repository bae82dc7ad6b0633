using Dapper;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>Says whether a caller may do what a request needs.</summary>
[Assumed(
    "Access",
    "Identity policies are checked on every operation and every object ([access.md](access.md)). A request without the right is refused before the "
    + "server looks whether the resource exists.")]
internal sealed class Authorizer(KeyRing keys, DataDirectory data, TimeProvider clock)
{
    /// <summary>The rights of a caller now. Another key, or one revoked in between, has none.</summary>
    public CallerRights Of(Caller caller) => new(caller, keys.PoliciesOf(caller.AccessKeyId), clock.GetUtcNow());

    /// <summary>Checks a caller whose signature has just been verified, so that the keys are what the database says.</summary>
    /// <exception cref="RefusedException">Denied: the caller lacks one of the permissions.</exception>
    public async Task RequireAsync(Caller caller, IEnumerable<Permission> permissions, CancellationToken cancel)
    {
        var rights = Of(caller);
        foreach (var permission in permissions)
        {
            var tags = rights.AsksResourceTags ? await TagsAsync(caller, permission.Resources[0], cancel) : null;
            if (rights.Refusal(permission, tags) is { } words)
            {
                throw new RefusedException(RefusalKind.Denied, words);
            }
        }
    }

    private async Task<IReadOnlyDictionary<string, string>?> TagsAsync(Caller caller, string resource, CancellationToken cancel)
    {
        // Tags of another account's resources are not for this caller to find out by their effect.
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
