using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Opaque continuation tokens, bound to the call they came from: a token of another call, account, parent or filter is refused.</summary>
[Assumed(
    "Page tokens",
    "A token is opaque. It belongs to one call with its filters; with another call, or after a restart of the server, it is "
    + "`InvalidPaginationTokenException`.")]
internal sealed class PageToken
{
    private const int MacBytes = 16;

    private readonly byte[] _key;

    /// <param name="key">Null: tokens live as long as the process, and a restart makes them invalid, as an expiry would.</param>
    public PageToken(byte[]? key = null) => _key = key ?? RandomNumberGenerator.GetBytes(32);

    /// <summary>Makes a token that says where the next page begins.</summary>
    /// <param name="scope">Operation, account, region, parent and filters of the call.</param>
    /// <param name="position">Where the next page begins.</param>
    public string Make(string scope, string position)
    {
        var text = Encoding.UTF8.GetBytes(position);
        return Base64Url.EncodeToString([.. Mac(scope, text), .. text]);
    }

    /// <summary>One page of rows. They were read with one row more than a page has, which shows that there is a next page.</summary>
    /// <param name="scope">As for <see cref="Make"/>.</param>
    /// <param name="rows">The rows after the last page, <paramref name="count"/> + 1 at most.</param>
    /// <param name="count">Rows per page.</param>
    /// <param name="position">Where the next page begins, from the last row of this one.</param>
    /// <returns>The page, and the token of the next one; null on the last.</returns>
    public (IReadOnlyList<T> Page, string? NextToken) Truncate<T>(string scope, IReadOnlyList<T> rows, int count, Func<T, string> position) =>
        rows.Count > count ? ([.. rows.Take(count)], Make(scope, position(rows[count - 1]))) : (rows, null);

    /// <returns>The position, or null when the token is absent or empty: the first page.</returns>
    /// <exception cref="RefusedException">InvalidToken: not a token of this call.</exception>
    public string? Read(string scope, string? token)
    {
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }

        var bytes = Base64Url.IsValid(token) ? Base64Url.DecodeFromChars(token) : [];
        if (bytes.Length < MacBytes || !CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, MacBytes), Mac(scope, bytes.AsSpan(MacBytes))))
        {
            throw new RefusedException(
                RefusalKind.InvalidToken,
                $"Invalid Pagination Token '{Readable.Truncate(token)}': it is not from this call with these filters; start again without NextToken.");
        }

        return Encoding.UTF8.GetString(bytes.AsSpan(MacBytes));
    }

    private byte[] Mac(string scope, ReadOnlySpan<byte> position)
    {
        var scopeBytes = Encoding.UTF8.GetBytes(scope);
        byte[] text = [.. BitConverter.GetBytes(scopeBytes.Length), .. scopeBytes, .. position];
        return HMACSHA256.HashData(_key, text)[..MacBytes];
    }
}
