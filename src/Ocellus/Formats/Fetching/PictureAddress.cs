using System.Security.Cryptography;
using System.Text;

namespace Ocellus.Formats.Fetching;

/// <summary>Addresses by which descriptions name pictures.</summary>
internal static class PictureAddress
{
    /// <summary>Characters of an address; what is longer is no address that a server takes.</summary>
    private const int LengthMax = 8192;

    /// <summary>Characters of a file's name that are taken from its address, so that a person recognizes it.</summary>
    private const int StemMax = 60;

    private const int DigestDigits = 12;

    /// <summary>A text as an address of http or https; null if it is none.</summary>
    public static Uri? Of(string? text) =>
        text is not null && text.Length <= LengthMax && text.AsSpan().TrimStart().StartsWith("http", StringComparison.OrdinalIgnoreCase)
        && Uri.TryCreate(text.Trim(), UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : null;

    /// <summary>The file that the picture of an address is kept in, without its extension: its host, the end of its path, and a digest of all of it.</summary>
    public static string FileOf(Uri address)
    {
        var last = Path.GetFileNameWithoutExtension(Uri.UnescapeDataString(address.AbsolutePath).Split('/')[^1]);
        var stem = new string([.. last.Take(StemMax).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '_')]);
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(address.AbsoluteUri)))[..DigestDigits];
        var host = new string([.. address.IdnHost.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '_')]);
        return $"{host.Trim('.')}/{(stem.Length > 0 ? stem + "-" : "")}{digest}";
    }
}
