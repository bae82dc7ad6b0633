using System.Xml;
using System.Xml.Linq;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>
/// Pascal VOC: an XML file for each picture. Boxes are taken as today's tools write them: <c>xmax - xmin</c> is the width, and 0 the first pixel. An object
/// without a box is a label of the picture.
/// </summary>
internal sealed class VocReader(ReadContext context) : IFormatReader
{
    /// <summary>Bytes of the description of one picture.</summary>
    private const int BytesMax = 16 << 20;

    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        var splits = Splits();
        foreach (var file in context.Files)
        {
            cancel.ThrowIfCancellationRequested();
            if (Document(file) is { } annotation)
            {
                yield return Entry(file, annotation, splits);
            }
        }
    }

    private XElement? Document(SourceFile file)
    {
        try
        {
            using var reader = XmlText.Open(file, BytesMax);
            var root = XDocument.Load(reader, LoadOptions.SetLineInfo).Root!;
            if (root.Name.LocalName == "annotation")
            {
                return root;
            }
        }
        catch (Exception failure) when (failure is XmlException or InvalidDataException)
        {
            context.Findings.Error(
                "bad-xml", new(file.Name, (failure as XmlException)?.LineNumber is > 0 and var line ? line : null),
                $"{file.Name} is not valid XML. {failure.Message}", "Export it again.");
        }

        return null;
    }

    private SourceEntry Entry(SourceFile file, XElement annotation, Dictionary<string, Split> splits)
    {
        var stem = Path.GetFileNameWithoutExtension(file.BaseName);
        var named = annotation.Child("filename")?.Value.Trim();
        var inner = file.Name[(file.Name.LastIndexOf("Annotations/", StringComparison.Ordinal) is >= 0 and var at ? at + "Annotations/".Length : 0)..^4];
        var split = splits.TryGetValue(inner, out var listed) || splits.TryGetValue(stem, out listed) ? listed : SplitNames.OfPath(file.Name);
        List<ImageBox> boxes = [];
        List<int> lines = [];
        List<string> labels = [];
        var objects = annotation.Elements().Where(e => e.Name.LocalName == "object").ToList();
        foreach (var thing in objects)
        {
            var place = new SourcePlace(file.Name, thing.LineOf());
            var label = thing.Child("name")?.Value.Trim() ?? "";
            if (thing.Child("difficult")?.Value.Trim() is "1" or "true")
            {
                context.Findings.Warn(
                    "difficult", place, $"A '{Readable.Truncate(label)}' is marked as difficult; it was taken like the others.",
                    "Remove it if a person cannot tell what it is.");
            }

            if (Box(thing, label) is { } box)
            {
                boxes.Add(box);
                lines.Add(place.Line ?? 1);
            }
            else if (thing.Child("bndbox") is null)
            {
                labels.Add(label);
            }
            else
            {
                context.Findings.Error(
                    "bad-box", place, $"The bndbox of '{Readable.Truncate(label)}' lacks numbers.", "A bndbox has xmin, ymin, xmax and ymax.");
            }
        }

        var (picture, folder) = Picture(file, named, stem, split);
        return new SourceEntry(picture?.Name ?? (string.IsNullOrEmpty(named) ? stem + ".jpg" : named), new(file.Name, 1))
        {
            Picture = picture,
            Folder = folder,
            Split = split,
            Labels = labels,
            Boxes = boxes,
            BoxLines = lines,
            IsForBoxes = boxes.Count > 0 || objects.Count == 0,
            DeclaredWidth = annotation.Child("size")?.Number("width") ?? 0,
            DeclaredHeight = annotation.Child("size")?.Number("height") ?? 0,
        };
    }

    private static ImageBox? Box(XElement thing, string label)
    {
        if (thing.Child("bndbox") is { } b && b.Number("xmin") is { } left && b.Number("ymin") is { } top
            && b.Number("xmax") is { } right && b.Number("ymax") is { } bottom)
        {
            return Shapes.OfCorners(label, left, top, right, bottom);
        }

        // LabelImg's successors write polygons as x1, y1, x2, y2 and so on.
        var points = thing.Child("polygon")?.Elements().Select(e => XmlText.Number(e.Value)).OfType<double>().ToList() ?? [];
        return points.Count >= 6 ? Shapes.Around(label, points.Chunk(2).Where(p => p.Length == 2).Select(p => (p[0], p[1]))) : null;
    }

    /// <summary>The picture beside the XML, in <c>JPEGImages</c>, or anywhere of the name that the XML tells or has itself.</summary>
    private (SourceFile? Picture, string Folder) Picture(SourceFile file, string? named, string stem, Split split)
    {
        var folder = file.Folder.Replace("Annotations", "JPEGImages", StringComparison.Ordinal);
        foreach (var name in new[] { named, stem })
        {
            if (!string.IsNullOrEmpty(name) && context.Pictures.Find(name, folder, split).Found is { } found)
            {
                return (found, folder);
            }
        }

        return (null, folder);
    }

    /// <summary>The lists in <c>ImageSets/Main</c>: what pictures are for. A picture in several is what the rarest says.</summary>
    private Dictionary<string, Split> Splits()
    {
        var splits = new Dictionary<string, Split>(StringComparer.Ordinal);
        foreach (var (name, split) in new[] { ("train", Split.Train), ("val", Split.Validation), ("test", Split.Test) })
        {
            foreach (var list in context.All.Where(f => f.Name.EndsWith($"ImageSets/Main/{name}.txt", StringComparison.Ordinal)))
            {
                foreach (var (_, text) in SourceText.Lines(list, context.Limits).Where(l => l.Text.Trim().Length > 0))
                {
                    // Names may have blanks; lists of one class, which some name like these, end their lines with 1, 0 or -1.
                    splits[text.Trim()] = split;
                    if (text.Trim().Split(' ') is [var first, .., "1" or "0" or "-1"])
                    {
                        splits.TryAdd(first, split);
                    }
                }
            }
        }

        return splits;
    }
}
