using System.Collections.Frozen;
using System.Data.Common;
using Dapper;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>The access keys of this server and their policies, in memory. <see cref="RefreshAsync"/> brings it up to date with the database.</summary>
internal sealed partial class KeyRing : IKeySource
{
    /// <summary>Account of the first key. The AWS documentation uses it, so copied examples work.</summary>
    public const string DefaultAccountId = "123456789012";

    private readonly DataDirectory _data;
    private readonly SecretBox _box;
    private readonly CommitMemo<State> _keys;

    private KeyRing(DataDirectory data, SecretBox box) => (_data, _box, _keys) = (data, box, new(data.Commits));

    /// <summary>The state of the last refresh. Opening the ring is the first one.</summary>
    private State Current => _keys.Last!;

    public AccessKey? Find(string accessKeyId) => Current.Keys.GetValueOrDefault(accessKeyId);

    /// <summary>The identity policies of a key; none for an unknown key.</summary>
    public IReadOnlyList<IdentityPolicy> PoliciesOf(string accessKeyId) => Current.Policies.GetValueOrDefault(accessKeyId) ?? [];

    /// <summary>
    /// Warns of policies accepted by an earlier version with parts that no request can ever match. They stay valid: an update must not disable a key that is
    /// in use.
    /// </summary>
    public void WarnOfUnreachable(ILogger log)
    {
        foreach (var (id, policies) in Current.Policies)
        {
            foreach (var reason in policies.Select(p => p.Unreachable).OfType<string>())
            {
                PolicyUnreachable(log, id, reason);
            }
        }
    }

    /// <summary>A key for a purpose. All servers on one database have the same.</summary>
    public byte[] Derive(string purpose) => _box.Derive(purpose);

    /// <summary>Loads changes made since, by this process or another. A new, changed or revoked key takes effect at the next request.</summary>
    public async Task RefreshAsync(CancellationToken cancel) => await _keys.GetAsync(this, static (ring, last, token) => ring.ReadAsync(last, token), cancel);

    /// <summary>Reads the keys; the first start creates one. Writes the credentials file, which only its owner may read.</summary>
    /// <exception cref="InvalidOperationException">The secrets in the database cannot be decrypted.</exception>
    public static async Task<KeyRing> OpenAsync(DataDirectory data, CancellationToken cancel)
    {
        // Opened here, so that missing files or rights are reported at startup.
        data.Commits.Now();
        // Of two servers that start at the same time on an empty database, one makes the first key.
        await using var alone = await data.Database.LockAsync("first key", cancel);
        await using var connection = await data.ConnectAsync(cancel);
        var (_, keys, _) = await KeyCatalog.ReadAsync(connection);
        var box = SecretBox.Open(data.Path, keys.Exists(k => SecretBox.IsSealed(k.Secret)));
        if (keys.Count == 0)
        {
            await new KeyCatalog(data, TimeProvider.System)
                .CreateAsync("admin", DefaultAccountId, [ManagedPolicies.Get(ManagedPolicies.Administrator)], isDefault: true, cancel);
        }

        await SealPlainAsync(connection, box, cancel);
        var ring = new KeyRing(data, box);
        await ring.RefreshAsync(cancel);
        if (ring.Current.Default is { } key)
        {
            WriteCredentials(data.CredentialsPath, key, "us-east-1", overwrite: true);
        }

        return ring;
    }

    /// <summary>Writes an AWS shared-credentials file that only its owner may read.</summary>
    /// <exception cref="IOException">The file exists and must not be overwritten, or it cannot be written.</exception>
    public static void WriteCredentials(string path, AccessKey key, string region, bool overwrite)
    {
        // With the region in the credentials file, AWS CLI users need no second setting.
        var text = $"[default]\naws_access_key_id = {key.AccessKeyId}\naws_secret_access_key = {key.SecretAccessKey}\nregion = {region}\n";
        FileSystem.WritePrivate(path, System.Text.Encoding.ASCII.GetBytes(text), overwrite);
    }

    /// <summary>
    /// Most commits do not change keys: without a new revision, nothing is read or decrypted. Revisions only grow: a lower one belongs to an older state,
    /// which never replaces a newer one.
    /// </summary>
    private async Task<State?> ReadAsync(State? last, CancellationToken cancel)
    {
        await using var connection = await _data.ConnectAsync(cancel);
        if (last is not null && await connection.ExecuteScalarAsync<long>(KeyCatalog.RevisionQuery) <= last.Revision)
        {
            return last;
        }

        var (revision, rows, policies) = await KeyCatalog.ReadAsync(connection);
        var keys = rows.ConvertAll(k => new AccessKey(k.AccessKeyId, _box.Unseal(k.AccessKeyId, k.Secret), k.AccountId, k.UserName));
        return new State(
            revision,
            keys.ToFrozenDictionary(k => k.AccessKeyId),
            keys.ToFrozenDictionary(k => k.AccessKeyId, k => Read(policies[k.AccessKeyId])),
            keys.Find(k => rows.Exists(r => r.AccessKeyId == k.AccessKeyId && r.IsDefault != 0)));
    }

    /// <summary>Parses a key's policies. One that cannot be parsed may hold a Deny, so the others must not count without it.</summary>
    private static IReadOnlyList<IdentityPolicy> Read(IEnumerable<string> documents)
    {
        try
        {
            return [.. documents.Select(IdentityPolicy.Parse)];
        }
        catch (RefusedException)
        {
            return [];
        }
    }

    /// <summary>Encrypts secrets that an earlier version stored in plain text, and removes their traces from the database file.</summary>
    private static async Task SealPlainAsync(DbConnection connection, SecretBox box, CancellationToken cancel)
    {
        var (_, keys, _) = await KeyCatalog.ReadAsync(connection);
        var plain = keys.FindAll(k => !SecretBox.IsSealed(k.Secret));
        if (plain.Count == 0)
        {
            return;
        }

        await using (var transaction = await connection.BeginTransactionAsync(cancel))
        {
            foreach (var key in plain)
            {
                await connection.ExecuteAsync(
                    "UPDATE access_keys SET secret = @Sealed WHERE access_key_id = @AccessKeyId",
                    new { key.AccessKeyId, Sealed = box.Seal(key.AccessKeyId, key.Secret) }, transaction);
            }

            await transaction.CommitAsync(CancellationToken.None);
        }

        if (connection is Microsoft.Data.Sqlite.SqliteConnection)
        {
            // An update leaves the old text in free pages and in the write-ahead log. Runs once.
            await connection.ExecuteAsync("VACUUM");
            await connection.ExecuteAsync("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    [LoggerMessage(
        1501, LogLevel.Warning,
        "A policy of access key {AccessKeyId} has a part that no request can ever match: {Reason}. It stays in force; attach it again without that part.")]
    private static partial void PolicyUnreachable(ILogger log, string accessKeyId, string reason);

    /// <summary>The keys and policies at a revision.</summary>
    private sealed record State(
        long Revision, FrozenDictionary<string, AccessKey> Keys, FrozenDictionary<string, IReadOnlyList<IdentityPolicy>> Policies, AccessKey? Default);
}
