using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ocellus.Encodings;

/// <summary>Detects invalid text. Read as U+FFFD, two different names would become equal.</summary>
internal static class Unicode
{
    /// <summary>Says, for people, where the bytes stop being valid UTF-8; null if all are valid.</summary>
    public static string? NotUtf8(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            return null;
        }

        if (bytes.StartsWith<byte>([0xFF, 0xFE]) || bytes.StartsWith<byte>([0xFE, 0xFF]))
        {
            return "it begins as UTF-16 does";
        }

        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        return string.Create(CultureInfo.InvariantCulture, $"byte {at + 1:N0} is 0x{bytes[at]:X2}");
    }

    /// <summary>Whether a string in JSON escapes half of a surrogate pair. Parsers accept it, but reading the string throws.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static bool HasHalfPair(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonDepth.LineMax });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
            {
                continue;
            }

            try
            {
                _ = reader.GetString();
            }
            catch (InvalidOperationException)
            {
                return true;
            }
        }

        return false;
    }
}
