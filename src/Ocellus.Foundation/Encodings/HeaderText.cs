using System.Buffers;
using System.Text;

namespace Ocellus.Encodings;

/// <summary>What HTTP headers can carry (RFC 9110, section 5), and how everything else is encoded and decoded.</summary>
internal static class HeaderText
{
    private static readonly SearchValues<char> _token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly UTF8Encoding _strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Whether a text is a valid header name.</summary>
    public static bool IsName(string text) => text.Length > 0 && text.AsSpan().IndexOfAnyExcept(_token) < 0;

    /// <summary>Whether a text can be sent unencoded as a header value.</summary>
    public static bool IsValue(string text) => text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;

    /// <summary>The value in a form that a header can carry. Like S3, encodes non-ASCII text as in RFC 2047.</summary>
    public static string Sendable(string value) => IsValue(value) ? value : $"=?UTF-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(value))}?=";

    /// <summary>Decodes UTF-8; null if the bytes are not valid UTF-8.</summary>
    public static string? Utf8(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return _strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>Decodes a percent-encoded text. Null if a percent sign is not followed by two hexadecimal digits, or the bytes are not UTF-8.</summary>
    public static string? Unescape(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var encoded = Encoding.UTF8.GetBytes(text);
        var length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] != '%')
            {
                encoded[length++] = encoded[i];
            }
            else if (i + 2 < encoded.Length && char.IsAsciiHexDigit((char)encoded[i + 1]) && char.IsAsciiHexDigit((char)encoded[i + 2]))
            {
                encoded[length++] = Convert.FromHexString(Encoding.ASCII.GetString(encoded, i + 1, 2))[0];
                i += 2;
            }
            else
            {
                return null;
            }
        }

        return Utf8(encoded.AsSpan(0, length));
    }
}
