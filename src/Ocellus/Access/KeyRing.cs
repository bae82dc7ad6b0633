using System.Collections.Frozen;
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
    public static async Task<KeyRing> OpenAsync(DataDirectory data, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var keys = (await connection.QueryAsync<KeyRow>("SELECT access_key_id AS AccessKeyId, secret AS Secret, account_id AS AccountId, user_name AS UserName FROM access_keys ORDER BY access_key_id")).ToList();
        if (keys.Count == 0)
        {
            var made = new KeyRow
            {
                AccessKeyId = "AKIA" + RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
                Secret = RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40),
                AccountId = DefaultAccountId,
                UserName = "admin",
            };
            await connection.ExecuteAsync("INSERT INTO access_keys (access_key_id, secret, account_id, user_name) VALUES (@AccessKeyId, @Secret, @AccountId, @UserName)", made);
            keys.Add(made);
        }

        await WriteCredentialsAsync(data.CredentialsPath, keys[0], cancel);
        return new KeyRing(keys.Select(k => new AccessKey(k.AccessKeyId, k.Secret, k.AccountId, k.UserName)));
    }

    private static async Task WriteCredentialsAsync(string path, KeyRow key, CancellationToken cancel)
    {
        // A region in the credentials file spares the AWS CLI user a second setting.
        var text = $"[default]\naws_access_key_id = {key.AccessKeyId}\naws_secret_access_key = {key.Secret}\nregion = us-east-1\n";
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using (var stream = new FileStream(temporary, options))
        {
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text), cancel);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private sealed class KeyRow
    {
        public string AccessKeyId { get; init; } = "";

        public string Secret { get; init; } = "";

        public string AccountId { get; init; } = "";

        public string UserName { get; init; } = "";
    }
}
