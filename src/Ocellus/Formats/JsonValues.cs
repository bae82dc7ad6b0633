using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace Ocellus.Formats;

/// <summary>Reads members of JSON objects that may be absent or of another type than expected.</summary>
internal static class JsonValues
{
    /// <summary>Nesting of a description.</summary>
    public static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Said of texts that no program can read.</summary>
    public const string NotText = "a text in it is not UTF-8, or escapes half of a character. Save the file as UTF-8.";

    /// <summary>Checks that every text of a JSON value can be read: parsers accept others, and throw when one is asked for.</summary>
    /// <exception cref="InvalidDataException">One cannot.</exception>
    public static void CheckTexts(ReadOnlySpan<byte> json, SourcePlace place)
    {
        if (!Utf8.IsValid(json))
        {
            throw new InvalidDataException($"{place}: {NotText}");
        }

        // Halves of characters are escaped as \ud800 to \udfff.
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json, JsonItems.Options);
        while (reader.Read())
        {
            try
            {
                _ = reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped ? reader.GetString() : null;
            }
            catch (InvalidOperationException)
            {
                throw new InvalidDataException($"{place}: {NotText}");
            }
        }
    }

    /// <exception cref="InvalidDataException">It is no JSON.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, SourcePlace place)
    {
        try
        {
            CheckTexts(json.Span, place);
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{place} is not valid JSON. {failure.Message}");
        }
    }

    /// <summary>A whole file of one description.</summary>
    /// <exception cref="InvalidDataException">It is no JSON, or larger than a description may be.</exception>
    public static JsonDocument Parse(SourceFile file, SourceLimits limits)
    {
        using var stream = SourceText.Open(file, limits.RecordBytesMax);
        try
        {
            using var whole = new MemoryStream();
            stream.CopyTo(whole);
            var json = whole.ToArray();
            CheckTexts(json, new(file.Name));
            return JsonDocument.Parse(json, Options);
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{file.Name}:{(failure.LineNumber ?? 0) + 1} is not valid JSON. {failure.Message}");
        }
    }

    public static JsonElement? Member(this JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? member : null;

    /// <summary>The first of the members that is a text.</summary>
    public static string? Text(this JsonElement value, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (value.Member(name) is { ValueKind: JsonValueKind.String } text && text.GetString() is { Length: > 0 } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>A number, also one that is written as a text.</summary>
    public static double? Number(this JsonElement value, string name) => value.Member(name) is { } member ? Number(member) : null;

    public static double? Number(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.TryGetDouble(out var number) ? number : null,
        JsonValueKind.String => double.TryParse(value.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null,
        _ => null,
    };

    /// <summary>The elements of a member that is an array, or the values of one that is an object; none otherwise.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement value, string name) => value.Member(name) is { } member ? Items(member) : [];

    public static IEnumerable<JsonElement> Items(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray(),
        JsonValueKind.Object => value.EnumerateObject().Select(p => p.Value),
        _ => [],
    };

    /// <summary>The texts of an array, or one text.</summary>
    public static IEnumerable<string> Texts(this JsonElement value, string name) => value.Member(name) switch
    {
        { ValueKind: JsonValueKind.String } text => [text.GetString()!],
        { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.String).Select(t => t.GetString()!),
        _ => [],
    };
}
