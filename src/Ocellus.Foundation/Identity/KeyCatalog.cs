using System.Data.Common;
using System.Security.Cryptography;
using Dapper;
using Ocellus.Encodings;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>An access key without its secret.</summary>
/// <param name="AccessKeyId">The key's id.</param>
/// <param name="UserName">The user that it belongs to.</param>
/// <param name="AccountId">Twelve digits.</param>
/// <param name="Created">Creation time; null for a key of an early version that did not record it.</param>
/// <param name="IsDefault">It is the key of <c>DIR/credentials</c>.</param>
/// <param name="Policies">Its identity policies, sorted by name.</param>
internal sealed record KeyDescription(
    string AccessKeyId, string UserName, string AccountId, DateTimeOffset? Created, bool IsDefault, IReadOnlyList<NamedPolicy> Policies)
{
    public string UserArn => $"arn:aws:iam::{AccountId}:user/{UserName}";
}

/// <summary>
/// The access keys in the database and the policies attached to them. Every change is one transaction that also increments the revision, so that a running
/// server, possibly another process, sees it at its next request.
/// </summary>
internal sealed class KeyCatalog(DataDirectory data, TimeProvider clock)
{
    /// <summary>Maximum number of keys. A limit of Ocellus: all keys are held in memory.</summary>
    public const int KeysMax = 1000;

    /// <summary>Maximum number of policies per key: the limit of an IAM user.</summary>
    public const int PoliciesMax = 10;

    private const string KeyColumns = "SELECT access_key_id, secret, account_id, user_name, created_ms, is_default FROM access_keys ";
    private const string PolicyColumns = "SELECT access_key_id, name, document FROM access_key_policies ";

    /// <summary>Creates a key. Its secret is returned here and never again.</summary>
    /// <exception cref="RefusedException">LimitExceeded: there are 1000 keys already.</exception>
    public async Task<AccessKey> CreateAsync(string userName, string accountId, IReadOnlyList<NamedPolicy> policies, bool isDefault, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var stored = (await connection.QueryAsync<string>("SELECT secret FROM access_keys", transaction: transaction)).ToList();
        if (stored.Count >= KeysMax)
        {
            throw Refused.Limit($"There are {KeysMax} access keys, the maximum; revoke one first.");
        }

        var made = new AccessKey(
            "AKIA" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40),
            accountId,
            userName);
        var box = SecretBox.Open(data.Path, stored.Exists(SecretBox.IsSealed));
        await connection.ExecuteAsync(
            "INSERT INTO access_keys (access_key_id, secret, account_id, user_name, created_ms, is_default) VALUES (@AccessKeyId, @secret, @AccountId, "
                + "@UserName, @now, @isDefault)",
            new
            {
                made.AccessKeyId,
                secret = box.Seal(made.AccessKeyId, made.SecretAccessKey),
                made.AccountId,
                made.UserName,
                now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                isDefault = isDefault ? 1L : 0L,
            },
            transaction);
        foreach (var policy in policies)
        {
            await PutPolicyAsync(connection, transaction, made.AccessKeyId, policy);
        }

        await CommitAsync(connection, transaction);
        return made;
    }

    /// <summary>All keys, sorted by account, user and age.</summary>
    public async Task<IReadOnlyList<KeyDescription>> ListAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var policies = (await connection.QueryAsync<PolicyRow>(PolicyColumns + "ORDER BY name", transaction: transaction)).ToLookup(p => p.AccessKeyId);
        return
        [
            .. (await connection.QueryAsync<KeyRow>(KeyColumns + "ORDER BY account_id, user_name, created_ms, access_key_id", transaction: transaction))
                .Select(k => new KeyDescription(
                    k.AccessKeyId,
                    k.UserName,
                    k.AccountId,
                    k.CreatedMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(k.CreatedMs),
                    k.IsDefault != 0,
                    [.. policies[k.AccessKeyId].Select(p => new NamedPolicy(p.Name, p.Document))])),
        ];
    }

    /// <summary>Attaches a policy, or replaces the one of the same name.</summary>
    /// <exception cref="RefusedException">NotFound: no such key. LimitExceeded: the key has ten policies already.</exception>
    public async Task AttachAsync(string accessKeyId, NamedPolicy policy, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM access_keys WHERE access_key_id = @accessKeyId", new { accessKeyId }, transaction) == 0)
        {
            throw NoSuchKey(accessKeyId);
        }

        await PutPolicyAsync(connection, transaction, accessKeyId, policy);
        if (await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM access_key_policies WHERE access_key_id = @accessKeyId", new { accessKeyId }, transaction) > PoliciesMax)
        {
            throw Refused.Limit($"The key has {PoliciesMax} policies, the maximum; detach one first.");
        }

        await CommitAsync(connection, transaction);
    }

    /// <exception cref="RefusedException">NotFound: the key has no policy of this name.</exception>
    public async Task DetachAsync(string accessKeyId, string name, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (await connection.ExecuteAsync(
            "DELETE FROM access_key_policies WHERE access_key_id = @accessKeyId AND name = @name", new { accessKeyId, name }, transaction) == 0)
        {
            throw Refused.NotFound($"The key {accessKeyId} has no policy named '{Readable.Truncate(name)}'.");
        }

        await CommitAsync(connection, transaction);
    }

    /// <summary>Removes a key. It is unknown from the next request on.</summary>
    /// <exception cref="RefusedException">NotFound: no such key.</exception>
    public async Task RevokeAsync(string accessKeyId, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync("DELETE FROM access_key_policies WHERE access_key_id = @accessKeyId", new { accessKeyId }, transaction);
        if (await connection.ExecuteAsync("DELETE FROM access_keys WHERE access_key_id = @accessKeyId", new { accessKeyId }, transaction) == 0)
        {
            throw NoSuchKey(accessKeyId);
        }

        await CommitAsync(connection, transaction);
    }

    private static Task<int> PutPolicyAsync(DbConnection connection, DbTransaction transaction, string accessKeyId, NamedPolicy policy) =>
        connection.ExecuteAsync(
            "INSERT INTO access_key_policies (access_key_id, name, document) VALUES (@accessKeyId, @Name, @Document) ON CONFLICT (access_key_id, name) DO "
                + "UPDATE SET document = excluded.document",
            new { accessKeyId, policy.Name, policy.Document },
            transaction);

    private static async Task CommitAsync(DbConnection connection, DbTransaction transaction)
    {
        await connection.ExecuteAsync("UPDATE access_revision SET revision = revision + 1", transaction: transaction);
        await transaction.CommitAsync(CancellationToken.None);
    }

    private static RefusedException NoSuchKey(string accessKeyId) =>
        Refused.NotFound($"There is no access key {Readable.Truncate(accessKeyId)}; `ocellus keys list` shows the existing keys.");

    /// <summary>Keys and policies from one snapshot of the database, with its revision. Secrets are as stored.</summary>
    public static async Task<(long Revision, List<KeyRow> Keys, ILookup<string, string> Policies)> ReadAsync(DbConnection connection)
    {
        await using var transaction = connection.BeginSnapshot();
        var revision = await connection.ExecuteScalarAsync<long>(RevisionQuery, transaction: transaction);
        var keys = (await connection.QueryAsync<KeyRow>(KeyColumns + "ORDER BY access_key_id", transaction: transaction)).ToList();
        var policies = (await connection.QueryAsync<PolicyRow>(PolicyColumns, transaction: transaction)).ToLookup(p => p.AccessKeyId, p => p.Document);
        return (revision, keys, policies);
    }

    public const string RevisionQuery = "SELECT revision FROM access_revision";

    /// <summary>A key as stored.</summary>
    internal sealed record KeyRow
    {
        public string AccessKeyId { get; init; } = "";

        public string Secret { get; init; } = "";

        public string AccountId { get; init; } = "";

        public string UserName { get; init; } = "";

        public long CreatedMs { get; init; }

        public long IsDefault { get; init; }

        /// <summary>Omits the secret, so that a log line cannot leak it.</summary>
        public override string ToString() => $"KeyRow {{ {AccessKeyId} }}";
    }

    private sealed record PolicyRow
    {
        public string AccessKeyId { get; init; } = "";

        public string Name { get; init; } = "";

        public string Document { get; init; } = "";
    }
}
