using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Ocellus.Encodings;

/// <summary>Tells where a text is none, so that nothing is ever read as U+FFFD: two names that differ would become one.</summary>
internal static class Unicode
{
    /// <summary>Where bytes stop being UTF-8, for a person; null where all are.</summary>
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

    /// <summary>Whether some text in JSON holds an escape of half a surrogate pair: parsers let it pass, and whoever reads that text fails.</summary>
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
