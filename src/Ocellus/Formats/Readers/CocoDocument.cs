using System.Globalization;
using System.Text.Json;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>What a COCO document has. Ids may be numbers or texts; texts are numbered below zero.</summary>
internal sealed class CocoDocument(SourceFile file, Findings findings)
{
    private readonly Dictionary<string, long> _texts = new(StringComparer.Ordinal);
    private readonly List<string> _textOf = [];
    private readonly Dictionary<string, long> _idOfCategory = new(StringComparer.Ordinal);

    public List<(long Id, string Name, double Width, double Height, int Line, string? Address)> Images { get; } = [];

    public List<CocoAnnotation> Annotations { get; } = [];

    public Dictionary<long, string> Categories { get; } = [];

    /// <summary>An id as it stands in the document.</summary>
    public string Text(long id) => id < 0 && -1 - id < _textOf.Count
        ? $"'{Readable.Truncate(_textOf[(int)(-1 - id)])}'"
        : id.ToString(CultureInfo.InvariantCulture);

    /// <exception cref="InvalidDataException">It is no JSON.</exception>
    public void Take(in JsonItem item)
    {
        JsonValues.CheckTexts(item.Json.Span, new(file.Name, item.Line));
        var reader = new Utf8JsonReader(item.Json.Span, JsonItems.Options);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return;
            }

            switch (item.Member)
            {
                case "images":
                    Image(ref reader, item.Line);
                    break;
                case "annotations":
                    Annotation(ref reader, item);
                    break;
                case "categories":
                    Category(ref reader, item.Line);
                    break;
                default:
                    break;
            }
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{file.Name}:{item.Line + (failure.LineNumber ?? 0)}: this is not valid JSON. {failure.Message}");
        }
    }

    private void Image(ref Utf8JsonReader reader, int line)
    {
        long? id = null;
        string? name = null, address = null;
        double width = 0, height = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var what = reader.ValueTextEquals("id"u8) ? 1 : reader.ValueTextEquals("file_name"u8) ? 2
                : reader.ValueTextEquals("width"u8) ? 3 : reader.ValueTextEquals("height"u8) ? 4
                : reader.ValueTextEquals("coco_url"u8) ? 5 : reader.ValueTextEquals("flickr_url"u8) ? 6 : 0;
            reader.Read();
            switch (what)
            {
                case 1:
                    id = Id(ref reader);
                    break;
                case 2:
                    name = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                    break;
                case 3:
                    width = CocoNumbers.Number(ref reader) ?? 0;
                    break;
                case 4:
                    height = CocoNumbers.Number(ref reader) ?? 0;
                    break;
                case 5 or 6 when reader.TokenType == JsonTokenType.String && (what == 5 || address is null):
                    // COCO's own place first: photographs vanish from Flickr.
                    address = reader.GetString() is { Length: > 0 } given ? given : address;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (id is null || string.IsNullOrWhiteSpace(name))
        {
            findings.Error("image-incomplete", new(file.Name, line), "An image lacks its id or its file_name.", "Each image has an id and a file_name.");
            return;
        }

        Images.Add((id.Value, name, width, height, line, address));
    }

    private void Category(ref Utf8JsonReader reader, int line)
    {
        long? id = null;
        string? name = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isId, isName) = (reader.ValueTextEquals("id"u8), reader.ValueTextEquals("name"u8));
            reader.Read();
            if (isId)
            {
                id = Id(ref reader);
            }
            else if (isName && reader.TokenType == JsonTokenType.String)
            {
                name = reader.GetString();
            }
            else
            {
                reader.Skip();
            }
        }

        if (id is null || string.IsNullOrWhiteSpace(name))
        {
            findings.Error("category-incomplete", new(file.Name, line), "A category lacks its id or its name.", "Each category has an id and a name.");
        }
        else
        {
            if (!_idOfCategory.TryAdd(name.Trim(), id.Value) && _idOfCategory[name.Trim()] != id)
            {
                findings.Warn(
                    "category-twice", new(file.Name, line), $"Two categories are called '{Readable.Truncate(name)}'; they were taken as one label.",
                    "Rename one of them if they are different things.");
            }

            Categories[id.Value] = name.Trim();
        }
    }

    private void Annotation(ref Utf8JsonReader reader, in JsonItem item)
    {
        long? image = null, category = null;
        var box = default((double, double, double, double)?);
        var isCrowd = false;
        var json = item.Json.Span;
        ReadOnlySpan<byte> shape = [];
        var offset = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var what = reader.ValueTextEquals("image_id"u8) ? 1 : reader.ValueTextEquals("category_id"u8) ? 2
                : reader.ValueTextEquals("bbox"u8) ? 3 : reader.ValueTextEquals("segmentation"u8) ? 4 : reader.ValueTextEquals("iscrowd"u8) ? 5 : 0;
            reader.Read();
            var start = offset + (int)reader.TokenStartIndex;
            if (what is 1 or 2)
            {
                _ = what == 1 ? image = Id(ref reader) : category = Id(ref reader);
            }
            else if (what == 3)
            {
                box = CocoNumbers.Box(ref reader);
            }
            else if (what == 5)
            {
                isCrowd = reader.TokenType == JsonTokenType.True || CocoNumbers.Number(ref reader) is > 0;
            }
            else if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject
                && JsonExtent.Of(json[start..], JsonItems.DepthMax) is > 0 and var length)
            {
                // Most of a document are polygons; where there is a box nobody needs them.
                var end = new Utf8JsonReader(reader.TokenType == JsonTokenType.StartArray ? "]"u8 : "}"u8, isFinalBlock: false, reader.CurrentState);
                end.Read();
                offset = start + length;
                shape = what == 4 ? json[start..offset] : shape;
                reader = new Utf8JsonReader(json[offset..], isFinalBlock: true, end.CurrentState);
            }
            else
            {
                reader.Skip();
                shape = what == 4 ? json[start..(offset + (int)reader.BytesConsumed)] : shape;
            }
        }

        if (image is null || category is null)
        {
            findings.Error(
                "annotation-incomplete", new(file.Name, item.Line), "An annotation lacks its image_id or its category_id.",
                "Each annotation has an image_id, a category_id and a bbox.");
            return;
        }

        box ??= CocoNumbers.BoxOfShape(shape);
        var (left, top, width, height) = box ?? default;
        Annotations.Add(new(image.Value, category.Value, left, top, width, height, item.Line, isCrowd, box is null));
    }

    private long? Id(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return reader.TryGetInt64(out var id) ? id : reader.TryGetDouble(out var real) && Math.Abs(real) < 1L << 53 ? (long)real : null;
        }

        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return null;
        }

        var text = reader.GetString()!;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        if (!_texts.TryGetValue(text, out var own))
        {
            _texts.Add(text, own = -1 - _texts.Count);
            _textOf.Add(text);
        }

        return own;
    }
}

/// <summary>An annotation. A whole one has no box: it is a label of its image.</summary>
internal readonly record struct CocoAnnotation(
    long Image, long Category, double Left, double Top, double Width, double Height, int Line, bool IsCrowd, bool IsWhole);
