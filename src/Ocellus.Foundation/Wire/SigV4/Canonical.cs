using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ocellus.Wire.SigV4;

/// <summary>The canonical forms and hashes of AWS Signature Version 4.</summary>
internal static class Canonical
{
    public const string Algorithm = "AWS4-HMAC-SHA256";
    public const string DateFormat = "yyyyMMdd'T'HHmmss'Z'";
    public const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    public static string Path(string rawPath, bool objectStore)
    {
        if (rawPath.Length == 0)
        {
            return "/";
        }

        if (objectStore)
        {
            // Encoded exactly once: clients differ in which characters they leave unencoded, but all sign the strict form. The path is not normalized,
            // because an object key may contain "//" or "..".
            return string.Join('/', rawPath.Split('/').Select(segment => Encode(Decode(segment, plusIsSpace: false))));
        }

        var kept = new List<string>();
        var segments = rawPath.Split('/');
        foreach (var segment in segments)
        {
            if (segment == "..")
            {
                if (kept.Count > 0)
                {
                    kept.RemoveAt(kept.Count - 1);
                }
            }
            else if (segment.Length > 0 && segment != ".")
            {
                kept.Add(Encode(Encoding.UTF8.GetBytes(segment)));
            }
        }

        var endsInSlash = segments[^1] is "" or "." or "..";
        return kept.Count == 0 ? "/" : "/" + string.Join('/', kept) + (endsInSlash ? "/" : "");
    }

    /// <summary>Names and values of a query string, without its question mark, in the form that is signed.</summary>
    public static List<KeyValuePair<string, string>> ParseQuery(string rawQuery)
    {
        var result = new List<KeyValuePair<string, string>>();
        foreach (var part in rawQuery.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? part : part[..equals];
            var value = equals < 0 ? "" : part[(equals + 1)..];
            result.Add(new(Encode(Decode(name, plusIsSpace: true)), Encode(Decode(value, plusIsSpace: true))));
        }

        return result;
    }

    public static string Query(IEnumerable<KeyValuePair<string, string>> encoded) =>
        string.Join('&', encoded
            .OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .ThenBy(pair => pair.Value, StringComparer.Ordinal)
            .Select(pair => pair.Key + "=" + pair.Value));

    /// <summary>Trims a header value and folds each run of white space into one blank.</summary>
    public static string HeaderValue(string value)
    {
        var text = new StringBuilder(value.Length);
        foreach (var c in value.Trim())
        {
            var blank = c is ' ' or '\t' or '\r' or '\n';
            if (!blank)
            {
                text.Append(c);
            }
            else if (text.Length > 0 && text[^1] != ' ')
            {
                text.Append(' ');
            }
        }

        return text.ToString();
    }

    public static string Hash(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));

    public static string Hash(string text) => Hash(Encoding.UTF8.GetBytes(text));

    public static string Sign(byte[] key, string text) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text)));

    public static byte[] SigningKey(string secret, string day, string region, string service)
    {
        var key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (var part in new[] { day, region, service, "aws4_request" })
        {
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        }

        return key;
    }

    /// <summary>Compares in constant time.</summary>
    public static bool FixedTimeEquals(string expected, string received) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(received));

    public static bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigit);

    public static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString(DateFormat, CultureInfo.InvariantCulture);

    public static string DecodeText(string text) => Encoding.UTF8.GetString(Decode(text, plusIsSpace: false));

    private static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        foreach (var b in bytes)
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return text.ToString();
    }

    public static byte[] Decode(string text, bool plusIsSpace)
    {
        var source = Encoding.UTF8.GetBytes(text);
        var target = new byte[source.Length];
        var length = 0;
        for (var i = 0; i < source.Length; i++)
        {
            var b = source[i];
            if (b == '%' && i + 2 < source.Length
                && char.IsAsciiHexDigit((char)source[i + 1]) && char.IsAsciiHexDigit((char)source[i + 2]))
            {
                b = (byte)((HexValue(source[i + 1]) << 4) | HexValue(source[i + 2]));
                i += 2;
            }
            else if (b == '+' && plusIsSpace)
            {
                b = (byte)' ';
            }

            target[length++] = b;
        }

        return target[..length];
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
