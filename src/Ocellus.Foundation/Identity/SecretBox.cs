using System.Security.Cryptography;
using System.Text;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>
/// Encrypts the secrets of access keys with AES-256-GCM, so that the database alone (a copy, a backup, a support bundle) reveals
/// no key. A hash would not do: the server needs the secret to compute the signatures that it verifies.
/// </summary>
internal sealed class SecretBox
{
    /// <summary>Name of the key's file in the data directory.</summary>
    public const string FileName = "secret.key";

    /// <summary>Prefix of every sealed text, which identifies the format: base64 of nonce, tag and ciphertext. No secret contains a colon.</summary>
    private const string Form = "v1:";

    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private readonly string _path;
    private readonly byte[] _key;

    private SecretBox(string path, byte[] key)
    {
        _path = path;
        _key = key;
    }

    /// <summary>Whether a text came from <see cref="Seal"/>.</summary>
    public static bool IsSealed(string text) => text.StartsWith(Form, StringComparison.Ordinal);

    /// <summary>Reads the key of a data directory, or creates it: readable by its owner only, and on disk before it is used.</summary>
    /// <param name="folder">The data directory.</param>
    /// <param name="inUse">Whether the database holds sealed secrets; a missing key is then an error.</param>
    /// <exception cref="InvalidOperationException">The key is lost or unreadable. The message says what to do.</exception>
    public static SecretBox Open(string folder, bool inUse)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            if (inUse)
            {
                throw new InvalidOperationException(
                    $"The file {path} is missing, and the secrets of the access keys in {folder} are encrypted with it. Restore it from a backup of the "
                        + $"data directory. If there is none, the secrets are lost: delete the rows of the tables access_key_policies and access_keys in "
                        + $"ocellus.db, and the next start creates a new access key.");
            }

            Create(path);
        }

        var text = File.ReadAllText(path).Trim();
        var key = new byte[KeyBytes];
        return Convert.TryFromBase64String(text, key, out var length) && length == KeyBytes
            ? new(path, key)
            : throw new InvalidOperationException(
                $"The file {path} does not hold a key: the base64 of {KeyBytes} bytes was expected, {text.Length} characters were found. Restore it from a "
                    + $"backup of the data directory.");
    }

    /// <summary>A key for a purpose, from which neither this one nor that of another purpose follows.</summary>
    public byte[] Derive(string purpose) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(purpose));

    /// <summary>The text of a new key.</summary>
    public static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes)) + "\n";

    /// <summary>Encrypts a secret for the row of one access key. In another row it cannot be decrypted.</summary>
    public string Seal(string accessKeyId, string secret)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var text = new byte[NonceBytes + TagBytes + plain.Length];
        var nonce = text.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_key, TagBytes);
        aes.Encrypt(nonce, plain, text.AsSpan(NonceBytes + TagBytes), text.AsSpan(NonceBytes, TagBytes), Encoding.UTF8.GetBytes(accessKeyId));
        return Form + Convert.ToBase64String(text);
    }

    /// <summary>Decrypts what <see cref="Seal"/> made for the same access key.</summary>
    /// <exception cref="InvalidOperationException">It was encrypted with another key, or altered.</exception>
    public string Unseal(string accessKeyId, string text)
    {
        try
        {
            var bytes = Convert.FromBase64String(text[Form.Length..]).AsSpan();
            var plain = new byte[bytes.Length - NonceBytes - TagBytes];
            using var aes = new AesGcm(_key, TagBytes);
            aes.Decrypt(bytes[..NonceBytes], bytes[(NonceBytes + TagBytes)..], bytes.Slice(NonceBytes, TagBytes), plain, Encoding.UTF8.GetBytes(accessKeyId));
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception failure) when (failure is CryptographicException or FormatException or ArgumentException or OverflowException)
        {
            throw new InvalidOperationException(
                $"The secret of access key {accessKeyId} cannot be decrypted with {_path}: the file belongs to another data directory, or the row was "
                    + $"altered. Restore {FileName} and ocellus.db from the same backup.",
                failure);
        }
    }

    /// <summary>Runs before the first row that needs the key is written: a power cut in between loses nothing.</summary>
    private static void Create(string path) => FileSystem.WritePrivate(path, Encoding.ASCII.GetBytes(NewKey()), overwrite: false);
}
