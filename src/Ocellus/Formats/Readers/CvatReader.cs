using System.Xml;
using System.Xml.Linq;
using Ocellus.Refusals;

namespace Ocellus.Formats.Readers;

/// <summary>CVAT for images 1.1: one XML file of all images, read one image at a time; each has a bound of its own.</summary>
/// <remarks>https://docs.cvat.ai/docs/other/xml_format.</remarks>
internal sealed class CvatReader(ReadContext context) : IFormatReader
{
    /// <summary>Characters of an image: a hundred thousand boxes.</summary>
    private const int CharactersMax = 16 << 20;

    public IEnumerable<SourceEntry> Read(CancellationToken cancel) => context.Files.SelectMany(file => Images(file, cancel));

    private IEnumerable<SourceEntry> Images(SourceFile file, CancellationToken cancel)
    {
        var bound = new XmlText.RecordBound(file.Name, Math.Min(CharactersMax, context.Limits.RecordBytesMax));
        using var reader = XmlText.Open(file, context.Limits.DocumentBytesMax, bound);
        while (Next(reader, file) is { } image)
        {
            cancel.ThrowIfCancellationRequested();
            bound.Begin();
            if (image.Name.LocalName == "label")
            {
                if (image.Child("name")?.Value.Trim() is { Length: > 0 } label)
                {
                    context.KnownLabels.Add(label);
                    if (context.KnownLabels.Count > context.Limits.LabelsMax)
                    {
                        throw new CommandRefusedException($"{file.Name} has more than {context.Limits.LabelsMax:N0} labels.");
                    }
                }
            }
            else if (image.Name.LocalName == "track")
            {
                context.Findings.Error(
                    "video", new(file.Name, image.LineOf()), "This is a track of a video, and its frames are no pictures.",
                    "Export from CVAT as 'CVAT for images 1.1'.");
            }
            else
            {
                yield return Entry(image, file);
            }
        }
    }

    /// <summary>The next image, label or track; null at the end.</summary>
    private static XElement? Next(XmlReader reader, SourceFile file)
    {
        try
        {
            while (!reader.EOF)
            {
                if (reader.NodeType == XmlNodeType.Element && (reader.LocalName is "image" or "track" || (reader.LocalName == "label" && reader.Depth > 2)))
                {
                    var line = ((IXmlLineInfo)reader).LineNumber;
                    var element = (XElement)XNode.ReadFrom(reader);
                    element.AddAnnotation(new Line(line));
                    return element;
                }

                reader.Read();
            }

            return null;
        }
        catch (XmlException failure)
        {
            throw new InvalidDataException($"{file.Name}:{failure.LineNumber} is not valid XML. {failure.Message}");
        }
    }

    private SourceEntry Entry(XElement image, SourceFile file)
    {
        var place = new SourcePlace(file.Name, image.Annotation<Line>()?.Number);
        List<ImageBox> boxes = [];
        List<string> labels = [];
        foreach (var shape in image.Elements())
        {
            var label = (string?)shape.Attribute("label") ?? "";
            if (shape.Name.LocalName == "tag")
            {
                labels.Add(label);
            }
            else if (Box(shape, label) is { } box)
            {
                boxes.Add(box);
            }
            else
            {
                context.Findings.Warn(
                    "no-area", place, $"A shape of kind {shape.Name.LocalName} has no area and was left out.", "Draw boxes or polygons.");
            }
        }

        var split = SplitNames.Of((string?)image.Attribute("subset") ?? "") ?? Split.None;
        return new SourceEntry((string?)image.Attribute("name") ?? "", place)
        {
            Folder = file.Folder,
            Split = split == Split.None ? SplitNames.OfPath((string?)image.Attribute("name") ?? "") : split,
            Labels = labels,
            Boxes = boxes,
            IsForBoxes = boxes.Count > 0 || labels.Count == 0,
            DeclaredWidth = image.NumberOf("width") ?? 0,
            DeclaredHeight = image.NumberOf("height") ?? 0,
        };
    }

    private static ImageBox? Box(XElement shape, string label)
    {
        switch (shape.Name.LocalName)
        {
            case "box" when shape.NumberOf("xtl") is { } l && shape.NumberOf("ytl") is { } t && shape.NumberOf("xbr") is { } r
                && shape.NumberOf("ybr") is { } b:
                var box = Shapes.OfCorners(label, l, t, r, b);
                return Shapes.Turned(box, shape.NumberOf("rotation") ?? 0, box.Left + (box.Width / 2), box.Top + (box.Height / 2));
            case "ellipse" when shape.NumberOf("cx") is { } x && shape.NumberOf("cy") is { } y && shape.NumberOf("rx") is { } rx
                && shape.NumberOf("ry") is { } ry:
                return Shapes.Turned(new ImageBox(label, x - rx, y - ry, 2 * rx, 2 * ry), shape.NumberOf("rotation") ?? 0, x, y);
            case "polygon":
                return Shapes.Around(label, Points((string?)shape.Attribute("points") ?? ""));
            case "mask" when shape.NumberOf("left") is { } l && shape.NumberOf("top") is { } t && shape.NumberOf("width") is { } w
                && shape.NumberOf("height") is { } h:
                return new ImageBox(label, l, t, w, h);
            default:
                return null;
        }
    }

    private static IEnumerable<(double, double)> Points(string text) => text.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split(','))
        .Where(p => p.Length == 2).Select(p => (XmlText.Number(p[0]) ?? double.NaN, XmlText.Number(p[1]) ?? double.NaN));

    private sealed record Line(int Number);
}
