using System.Globalization;
using System.Text.Json;

namespace Ocellus.Formats.Readers;

/// <summary>The numbers of COCO annotations: boxes, polygons, and masks as run lengths.</summary>
internal static class CocoNumbers
{
    /// <summary>Runs of a mask; one of 4,096×4,096 pixels has no more.</summary>
    private const int RunsMax = 1 << 24;

    private const int CharacterBits = 5;

    /// <summary>A number, also one that is written as a text; null for anything else, which is passed over.</summary>
    public static double? Number(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Number:
                return reader.TryGetDouble(out var number) ? number : null;
            case JsonTokenType.String:
                return double.TryParse(reader.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var text) ? text : null;
            default:
                reader.Skip();
                return null;
        }
    }

    /// <summary>A box of four numbers: left, top, width, height; null if it has another form. The reader ends at the value's last token.</summary>
    public static (double Left, double Top, double Width, double Height)? Box(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return null;
        }

        Span<double> numbers = stackalloc double[4];
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var number = Number(ref reader) ?? double.NaN;
            if (count < 4)
            {
                numbers[count] = number;
            }

            count++;
        }

        return count == 0 ? null : count == 4 ? (numbers[0], numbers[1], numbers[2], numbers[3]) : (double.NaN, double.NaN, double.NaN, double.NaN);
    }

    /// <summary>The box around a segmentation; null if it is empty or of another form.</summary>
    /// <param name="json">Polygons as arrays of x and y, or a mask as an object with size and counts; empty for none.</param>
    public static (double Left, double Top, double Width, double Height)? BoxOfShape(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty)
        {
            return null;
        }

        var reader = new Utf8JsonReader(json, JsonItems.Options);
        reader.Read();
        return reader.TokenType == JsonTokenType.StartArray ? Polygons(ref reader) : reader.TokenType == JsonTokenType.StartObject ? Mask(json) : null;
    }

    /// <summary>The box around the ones of a mask in columns, from its run lengths: zeros, ones, zeros and so on.</summary>
    public static (double Left, double Top, double Width, double Height)? BoxOfRuns(IReadOnlyList<long> runs, int height)
    {
        long at = 0, left = long.MaxValue, right = -1, top = long.MaxValue, bottom = -1;
        for (var i = 0; i < runs.Count; i++)
        {
            if (i % 2 == 1 && runs[i] > 0)
            {
                var (first, last) = (at, at + runs[i] - 1);
                (left, right) = (Math.Min(left, first / height), Math.Max(right, last / height));
                var isOneColumn = first / height == last / height;
                (top, bottom) = isOneColumn ? (Math.Min(top, first % height), Math.Max(bottom, last % height)) : (0, height - 1);
            }

            at += runs[i];
        }

        return right < 0 ? null : (left, top, right - left + 1, bottom - top + 1);
    }

    private static (double, double, double, double)? Polygons(ref Utf8JsonReader reader)
    {
        double left = double.PositiveInfinity, top = double.PositiveInfinity, right = double.NegativeInfinity, bottom = double.NegativeInfinity;
        var isX = true;
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray)
            {
                isX = true;
            }
            else if (Number(ref reader) is { } number)
            {
                (left, right) = isX ? (Math.Min(left, number), Math.Max(right, number)) : (left, right);
                (top, bottom) = isX ? (top, bottom) : (Math.Min(top, number), Math.Max(bottom, number));
                isX = !isX;
            }
        }

        return double.IsFinite(right - left) && double.IsFinite(bottom - top) ? (left, top, right - left, bottom - top) : null;
    }

    private static (double, double, double, double)? Mask(ReadOnlySpan<byte> json)
    {
        using var document = JsonDocument.Parse(json.ToArray(), JsonValues.Options);
        var mask = document.RootElement;
        if (!mask.TryGetProperty("size", out var size) || size.ValueKind != JsonValueKind.Array || size.GetArrayLength() != 2
            || size[0].ValueKind != JsonValueKind.Number || !size[0].TryGetInt32(out var height) || height <= 0
            || !mask.TryGetProperty("counts", out var counts))
        {
            return null;
        }

        return counts.ValueKind switch
        {
            JsonValueKind.Array => BoxOfRuns([.. counts.EnumerateArray().Select(c => Run(c))], height),
            JsonValueKind.String => BoxOfRuns(Unpacked(counts.GetString()!), height),
            _ => null,
        };
    }

    private static long Run(JsonElement count) =>
        count.ValueKind == JsonValueKind.Number && count.TryGetInt64(out var run) ? Math.Clamp(run, 0, int.MaxValue) : 0;

    /// <summary>Run lengths from COCO's text: five bits a character, from the third on as the difference to the last but one.</summary>
    /// <remarks>rleFrString of pycocotools' maskApi.c.</remarks>
    private static List<long> Unpacked(string text)
    {
        var runs = new List<long>();
        for (var i = 0; i < text.Length && runs.Count < RunsMax;)
        {
            long run = 0;
            var shift = 0;
            var goesOn = true;
            while (goesOn && i < text.Length && shift < 60)
            {
                long bits = text[i++] - '0';
                run |= (bits & 0x1f) << shift;
                shift += CharacterBits;
                goesOn = (bits & 0x20) != 0;
                if (!goesOn && (bits & 0x10) != 0)
                {
                    run |= -1L << shift;
                }
            }

            runs.Add(Math.Clamp(runs.Count > 2 ? run + runs[^2] : run, 0, int.MaxValue));
        }

        return runs;
    }
}
