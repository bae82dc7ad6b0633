using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Ocellus.Formats.Readers;

/// <summary>
/// Folders of images with <c>metadata.jsonl</c>: a line an image, with <c>file_name</c>, and a label, or <c>objects</c> with boxes as left, top, width, height.
/// </summary>
/// <remarks>https://huggingface.co/docs/datasets/image_dataset.</remarks>
internal sealed class ImageFolderReader(ReadContext context) : IFormatReader
{
    private static readonly string[] _labels = ["label", "labels", "class", "category", "categories", "tag", "tags"];

    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        foreach (var file in context.Files)
        {
            foreach (var (number, text) in SourceText.Lines(file, context.Limits))
            {
                cancel.ThrowIfCancellationRequested();
                if (text.Trim().Length > 0 && Line(text, new(file.Name, number), file) is { } entry)
                {
                    yield return entry;
                }
            }
        }
    }

    private SourceEntry? Line(string text, SourcePlace place, SourceFile file)
    {
        JsonDocument document;
        try
        {
            document = JsonValues.Parse(Encoding.UTF8.GetBytes(text), place);
        }
        catch (InvalidDataException failure)
        {
            context.Findings.Error("bad-json", place, failure.Message, "A line is one JSON object.");
            return null;
        }

        using (document)
        {
            var image = document.RootElement;
            var address = image.Text("url", "image_url", "coco_url");
            if ((image.Text("file_name", "image") ?? address) is not { } name)
            {
                context.Findings.Error("no-name", place, "The line lacks file_name.", "A line has file_name, the picture's name relative to this file.");
                return null;
            }

            var boxes = Boxes(image, place);
            return new SourceEntry(name, place)
            {
                Address = address,
                Folder = file.Folder,
                Split = SplitNames.Of(image.Text("split") ?? "") is { } said and not Split.None ? said
                    : SplitNames.OfPath(file.Name) is var split and not Split.None ? split : SplitNames.OfPath(name),
                Labels = boxes is null ? [.. _labels.SelectMany(l => Names(image.Member(l)))] : [],
                Boxes = boxes ?? [],
                IsForBoxes = boxes is not null,
                DeclaredWidth = image.Number("width") ?? 0,
                DeclaredHeight = image.Number("height") ?? 0,
            };
        }
    }

    /// <summary>The boxes; null where the line is not about boxes.</summary>
    private List<ImageBox>? Boxes(JsonElement image, SourcePlace place)
    {
        if (image.Member("objects") is not { ValueKind: JsonValueKind.Object } objects || objects.Member("bbox") is null)
        {
            return null;
        }

        var boxes = objects.Items("bbox").Select(b => JsonValues.Items(b).Select(n => JsonValues.Number(n) ?? double.NaN).ToArray()).ToList();
        var labels = _labels.Select(l => objects.Member(l)).FirstOrDefault(l => l is not null) is { } member ? Names(member).ToList() : [];
        if (labels.Count != boxes.Count || boxes.Exists(b => b.Length != 4))
        {
            context.Findings.Error(
                "bad-box", place, string.Create(CultureInfo.InvariantCulture, $"The objects have {boxes.Count} boxes and {labels.Count} labels."),
                "There is one label for each bbox, and a bbox has four numbers: left, top, width, height.");
            return [];
        }

        return [.. boxes.Select((b, i) => new ImageBox(labels[i], b[0], b[1], b[2], b[3]))];
    }

    /// <summary>Texts, or numbers, which stand for labels whose names are nowhere.</summary>
    private static IEnumerable<string> Names(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => [text.GetString()!],
        { ValueKind: JsonValueKind.Number } number => [number.GetRawText()],
        { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().SelectMany(v => Names(v)),
        _ => [],
    };
}
