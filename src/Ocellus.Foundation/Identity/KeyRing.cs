using System.Collections.Frozen;
using System.Data.Common;
using Dapper;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>The access keys of this server and their policies, in memory. <see cref="RefreshAsync"/> makes it what the database says now.</summary>
internal sealed partial class KeyRing : IKeySource
{
    /// <summary>Account of the first key; AWS's own documentation uses it, so copied examples work.</summary>
    public const string DefaultAccountId = "123456789012";

    private readonly Lock _gate = new();
    private readonly DataDirectory _data;
    private readonly SecretBox _box;
    private volatile State _state;
    // What the database's mark was before the state was last found current.
    private long? _mark;

    private KeyRing(DataDirectory data, SecretBox box, State state) => (_data, _box, _state) = (data, box, state);

    public AccessKey? Find(string accessKeyId) => _state.Keys.GetValueOrDefault(accessKeyId);

    /// <summary>The identity policies of a key; none for one that is not there.</summary>
    public IReadOnlyList<IdentityPolicy> PoliciesOf(string accessKeyId) => _state.Policies.GetValueOrDefault(accessKeyId) ?? [];

    /// <summary>Warns of policies that an earlier version took and that hold what no request can ever meet. They go on as they were: a key that is in use must not end with an update.</summary>
    public void WarnOfUnreachable(ILogger log)
    {
        foreach (var (id, policies) in _state.Policies)
        {
            foreach (var reason in policies.Select(p => p.Unreachable).OfType<string>())
            {
                PolicyUnreachable(log, id, reason);
            }
        }
    }

    /// <summary>Takes up what was changed since, by this process or another: a new, changed or revoked key counts from the next request on.</summary>
    public async Task RefreshAsync(CancellationToken cancel)
    {
        var mark = _data.Commits.Now();
        lock (_gate)
        {
            if (_mark == mark)
            {
                return;
            }
        }

        await using var connection = await _data.ConnectAsync(cancel);
        if (await connection.ExecuteScalarAsync<long>(KeyCatalog.RevisionQuery) != _state.Revision)
        {
            var read = await ReadAsync(connection, _box);
            lock (_gate)
            {
                // Of two that refresh side by side the one with the older state may come last.
                if (read.Revision > _state.Revision)
                {
                    _state = read;
                }
            }
        }

        lock (_gate)
        {
            _mark = mark;
        }
    }

    /// <summary>Reads the keys; the first start makes one. Writes the credentials file, which only its owner may read.</summary>
    /// <exception cref="InvalidOperationException">The secrets in the database cannot be decrypted.</exception>
    public static async Task<KeyRing> OpenAsync(DataDirectory data, CancellationToken cancel)
    {
        // Opened here, where a lack of files or rights shows at the start.
        data.Commits.Now();
        await using var connection = await data.ConnectAsync(cancel);
        var (_, keys, _) = await KeyCatalog.ReadAsync(connection);
        var box = SecretBox.Open(data.Path, keys.Exists(k => SecretBox.IsSealed(k.Secret)));
        if (keys.Count == 0)
        {
            await new KeyCatalog(data, TimeProvider.System).CreateAsync("admin", DefaultAccountId, [ReadyMadePolicies.Get(ReadyMadePolicies.Administrator)], isDefault: true, cancel);
        }

        await SealPlainAsync(connection, box, cancel);
        var state = await ReadAsync(connection, box);
        if (state.Default is { } key)
        {
            WriteCredentials(data.CredentialsPath, key, "us-east-1", overwrite: true);
        }

        return new KeyRing(data, box, state);
    }

    /// <summary>Writes an AWS shared-credentials file that only its owner may read.</summary>
    /// <exception cref="IOException">There is such a file and it is not to be overwritten, or the disk does not take it.</exception>
    public static void WriteCredentials(string path, AccessKey key, string region, bool overwrite)
    {
        // A region in the credentials file spares the AWS CLI user a second setting.
        var text = $"[default]\naws_access_key_id = {key.AccessKeyId}\naws_secret_access_key = {key.SecretAccessKey}\nregion = {region}\n";
        FileSystem.WritePrivate(path, System.Text.Encoding.ASCII.GetBytes(text), overwrite);
    }

    private static async Task<State> ReadAsync(DbConnection connection, SecretBox box)
    {
        var (revision, rows, policies) = await KeyCatalog.ReadAsync(connection);
        var keys = rows.ConvertAll(k => new AccessKey(k.AccessKeyId, box.Unseal(k.AccessKeyId, k.Secret), k.AccountId, k.UserName));
        return new(
            revision,
            keys.ToFrozenDictionary(k => k.AccessKeyId),
            keys.ToFrozenDictionary(k => k.AccessKeyId, k => Read(policies[k.AccessKeyId])),
            keys.Find(k => rows.Exists(r => r.AccessKeyId == k.AccessKeyId && r.IsDefault != 0)));
    }

    /// <summary>Parses a key's policies. One that is not understood may hold a Deny, so without it the others must not count either.</summary>
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

    /// <summary>Encrypts what an earlier version stored in plain text, and removes the text's traces from the database file.</summary>
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
                await connection.ExecuteAsync("UPDATE access_keys SET secret = @Sealed WHERE access_key_id = @AccessKeyId", new { key.AccessKeyId, Sealed = box.Seal(key.AccessKeyId, key.Secret) }, transaction);
            }

            await transaction.CommitAsync(cancel);
        }

        // An update leaves the old text in free pages and in the write-ahead log. SQLite only; it happens once.
        await connection.ExecuteAsync("VACUUM");
        await connection.ExecuteAsync("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    [LoggerMessage(1501, LogLevel.Warning, "A policy of the access key {AccessKeyId} holds what no request can ever meet, and goes on as it was: {Reason}. Attach it anew without that.")]
    private static partial void PolicyUnreachable(ILogger log, string accessKeyId, string reason);

    /// <summary>What the database said at a revision.</summary>
    private sealed record State(long Revision, FrozenDictionary<string, AccessKey> Keys, FrozenDictionary<string, IReadOnlyList<IdentityPolicy>> Policies, AccessKey? Default);
}
