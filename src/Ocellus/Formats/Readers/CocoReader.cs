using System.Globalization;
using System.Text.Json;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>
/// COCO's detection format. Images, annotations and categories may come in any order, so all are held, as numbers. An annotation without a box has the box
/// around its polygons or its mask; one without either is a label of the image.
/// </summary>
/// <remarks>https://cocodataset.org/#format-data; masks as pycocotools has them.</remarks>
internal sealed class CocoReader(ReadContext context) : IFormatReader
{
    public IEnumerable<SourceEntry> Read(CancellationToken cancel) => context.Files.SelectMany(file => File(file, cancel));

    private IEnumerable<SourceEntry> File(SourceFile file, CancellationToken cancel)
    {
        var document = new CocoDocument(file, context.Findings);
        using (var items = new JsonItems(file, context.Limits))
        {
            while (items.Next(out var item))
            {
                cancel.ThrowIfCancellationRequested();
                document.Take(item);
                if (document.Annotations.Count > context.Limits.BoxesMax || document.Images.Count > context.Limits.ImagesMax)
                {
                    throw new Refusals.CommandRefusedException(
                        $"{file.Name} has more than {context.Limits.ImagesMax:N0} images or {context.Limits.BoxesMax:N0} annotations.");
                }
            }
        }

        context.KnownLabels.AddRange(document.Categories.Values.Where(c => c.Length > 0));
        var split = SplitNames.OfFile(file.BaseName) is var named and not Split.None ? named : SplitNames.OfPath(file.Name);
        var (first, order) = Group(document, file);
        var isForBoxes = document.Annotations.Exists(a => !a.IsWhole);
        for (var i = 0; i < document.Images.Count; i++)
        {
            yield return Entry(document, file, i, order.AsSpan(first[i]..first[i + 1]), split, isForBoxes);
        }
    }

    private SourceEntry Entry(CocoDocument document, SourceFile file, int index, ReadOnlySpan<int> annotations, Split split, bool isForBoxes)
    {
        var image = document.Images[index];
        List<ImageBox> boxes = [];
        List<int> lines = [];
        List<string> labels = [];
        foreach (var a in annotations)
        {
            var annotation = document.Annotations[a];
            var place = new SourcePlace(file.Name, annotation.Line);
            if (!document.Categories.TryGetValue(annotation.Category, out var label))
            {
                context.Findings.Error(
                    "unknown-category", place, $"An annotation has category {document.Text(annotation.Category)}, which is not among the categories.",
                    "Add the category, or remove the annotation.");
            }
            else if (annotation.IsCrowd)
            {
                context.Findings.Warn(
                    "crowd", place, $"A box of '{Readable.Truncate(label)}' is around a crowd (iscrowd) and was left out.",
                    "A detector learns from boxes around one thing each.");
            }
            else if (annotation.IsWhole)
            {
                labels.Add(label);
            }
            else
            {
                boxes.Add(new ImageBox(label, annotation.Left, annotation.Top, annotation.Width, annotation.Height));
                lines.Add(annotation.Line);
            }
        }

        return new SourceEntry(image.Name, new(file.Name, image.Line))
        {
            Folder = file.Folder,
            Split = split,
            Labels = labels,
            Boxes = boxes,
            BoxLines = lines,
            IsForBoxes = isForBoxes,
            DeclaredWidth = image.Width,
            DeclaredHeight = image.Height,
        };
    }

    /// <summary>The annotations of each image, as places in <c>Annotations</c>: those of image i are from <c>First[i]</c> to <c>First[i + 1]</c>.</summary>
    private (int[] First, int[] Order) Group(CocoDocument document, SourceFile file)
    {
        var indexes = new Dictionary<long, int>(document.Images.Count);
        for (var i = 0; i < document.Images.Count; i++)
        {
            if (!indexes.TryAdd(document.Images[i].Id, i))
            {
                context.Findings.Error(
                    "image-id-twice", new(file.Name, document.Images[i].Line),
                    $"Two images have the id {document.Text(document.Images[i].Id)}; all annotations of it went to the first.",
                    "Give each image an id of its own.");
            }
        }

        var first = new int[document.Images.Count + 1];
        foreach (var annotation in document.Annotations)
        {
            if (indexes.TryGetValue(annotation.Image, out var at))
            {
                first[at + 1]++;
            }
            else
            {
                context.Findings.Error(
                    "unknown-image", new(file.Name, annotation.Line),
                    $"An annotation is of image {document.Text(annotation.Image)}, which is not among the images.", "Add the image, or remove the annotation.");
            }
        }

        for (var i = 0; i < document.Images.Count; i++)
        {
            first[i + 1] += first[i];
        }

        var next = first.ToArray();
        var order = new int[first[^1]];
        for (var a = 0; a < document.Annotations.Count; a++)
        {
            if (indexes.TryGetValue(document.Annotations[a].Image, out var at))
            {
                order[next[at]++] = a;
            }
        }

        return (first, order);
    }
}

/// <summary>What a COCO document has. Ids may be numbers or texts; texts are numbered below zero.</summary>
internal sealed class CocoDocument(SourceFile file, Findings findings)
{
    private readonly Dictionary<string, long> _texts = new(StringComparer.Ordinal);

    public List<(long Id, string Name, double Width, double Height, int Line)> Images { get; } = [];

    public List<CocoAnnotation> Annotations { get; } = [];

    public Dictionary<long, string> Categories { get; } = [];

    /// <summary>An id as it stands in the document.</summary>
    public string Text(long id) => id < 0 && _texts.FirstOrDefault(t => t.Value == id) is { Key: { } text }
        ? $"'{Readable.Truncate(text)}'"
        : id.ToString(CultureInfo.InvariantCulture);

    public void Take(in JsonItem item)
    {
        var reader = new Utf8JsonReader(item.Json.Span);
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

    private void Image(ref Utf8JsonReader reader, int line)
    {
        long? id = null;
        string? name = null;
        double width = 0, height = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var what = reader.ValueTextEquals("id"u8) ? 1 : reader.ValueTextEquals("file_name"u8) ? 2
                : reader.ValueTextEquals("width"u8) ? 3 : reader.ValueTextEquals("height"u8) ? 4 : 0;
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

        Images.Add((id.Value, name, width, height, line));
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
            if (Categories.Any(c => c.Value == name.Trim() && c.Key != id))
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
        ReadOnlySpan<byte> shape = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var what = reader.ValueTextEquals("image_id"u8) ? 1 : reader.ValueTextEquals("category_id"u8) ? 2
                : reader.ValueTextEquals("bbox"u8) ? 3 : reader.ValueTextEquals("segmentation"u8) ? 4 : reader.ValueTextEquals("iscrowd"u8) ? 5 : 0;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
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
            else
            {
                reader.Skip();
                shape = what == 4 ? item.Json.Span[start..(int)reader.BytesConsumed] : shape;
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
        }

        return own;
    }
}

/// <summary>An annotation. A whole one has no box: it is a label of its image.</summary>
internal readonly record struct CocoAnnotation(
    long Image, long Category, double Left, double Top, double Width, double Height, int Line, bool IsCrowd, bool IsWhole);
