using System.Collections.Frozen;
using System.Data.Common;
using System.Security.Cryptography;
using Dapper;
using Ocellus.Protocol.SigV4;
using Ocellus.Storage;

namespace Ocellus.Access;

/// <summary>The access keys of this server, read once at start.</summary>
internal sealed class KeyRing : IKeySource
{
    /// <summary>Account of the first key; AWS's own documentation uses it, so copied examples work.</summary>
    public const string DefaultAccountId = "123456789012";

    private readonly FrozenDictionary<string, AccessKey> _keys;

    private KeyRing(IEnumerable<AccessKey> keys) => _keys = keys.ToFrozenDictionary(k => k.AccessKeyId);

    public AccessKey? Find(string accessKeyId) => _keys.GetValueOrDefault(accessKeyId);

    /// <summary>Reads the keys; the first start makes one. Writes the credentials file, which only its owner may read.</summary>
    /// <exception cref="InvalidOperationException">The secrets in the database cannot be decrypted.</exception>
    public static async Task<KeyRing> OpenAsync(DataDirectory data, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var keys = (await connection.QueryAsync<KeyRow>("SELECT access_key_id AS AccessKeyId, secret AS Secret, account_id AS AccountId, user_name AS UserName FROM access_keys ORDER BY access_key_id")).ToList();
        var box = SecretBox.Open(data.Path, keys.Exists(k => SecretBox.IsSealed(k.Secret)));
        if (keys.Count == 0)
        {
            var made = new KeyRow
            {
                AccessKeyId = "AKIA" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
                Secret = RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40),
                AccountId = DefaultAccountId,
                UserName = "admin",
            };
            await connection.ExecuteAsync(
                "INSERT INTO access_keys (access_key_id, secret, account_id, user_name) VALUES (@AccessKeyId, @Sealed, @AccountId, @UserName)",
                new { made.AccessKeyId, Sealed = box.Seal(made.AccessKeyId, made.Secret), made.AccountId, made.UserName });
            keys.Add(made);
        }

        await SealPlainAsync(connection, box, cancel);
        keys = [.. keys.Select(k => SecretBox.IsSealed(k.Secret) ? k with { Secret = box.Unseal(k.AccessKeyId, k.Secret) } : k)];

        WriteCredentials(data.CredentialsPath, keys[0]);
        return new KeyRing(keys.Select(k => new AccessKey(k.AccessKeyId, k.Secret, k.AccountId, k.UserName)));
    }

    /// <summary>Encrypts what an earlier version stored in plain text, and removes the text's traces from the database file.</summary>
    private static async Task SealPlainAsync(DbConnection connection, SecretBox box, CancellationToken cancel)
    {
        var plain = (await connection.QueryAsync<KeyRow>("SELECT access_key_id AS AccessKeyId, secret AS Secret FROM access_keys")).Where(k => !SecretBox.IsSealed(k.Secret)).ToList();
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

    private static void WriteCredentials(string path, KeyRow key)
    {
        // A region in the credentials file spares the AWS CLI user a second setting.
        var text = $"[default]\naws_access_key_id = {key.AccessKeyId}\naws_secret_access_key = {key.Secret}\nregion = us-east-1\n";
        FileSystem.WritePrivate(path, System.Text.Encoding.ASCII.GetBytes(text), overwrite: true);
    }

    private sealed record KeyRow
    {
        public string AccessKeyId { get; init; } = "";

        public string Secret { get; init; } = "";

        public string AccountId { get; init; } = "";

        public string UserName { get; init; } = "";

        /// <summary>Leaves the secret out, so that a log line cannot leak it.</summary>
        public override string ToString() => $"KeyRow {{ {AccessKeyId} }}";
    }
}
