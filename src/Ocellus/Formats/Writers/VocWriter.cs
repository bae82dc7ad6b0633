using System.Globalization;
using System.Xml;

namespace Ocellus.Formats.Writers;

/// <summary>Pascal VOC: <c>Annotations</c>, <c>JPEGImages</c> and the lists in <c>ImageSets/Main</c>. A label of an image is an object without a box.</summary>
internal sealed class VocWriter(string folder) : IDatasetWriter
{
    private const string Images = "JPEGImages", Annotations = "Annotations";

    private readonly OutputNames _names = new(isByStem: true);
    private readonly Dictionary<Split, StreamWriter> _lists = [];

    public bool NeedsSizes => false;

    public string? PlaceOf(LabelledImage image) => _names.Unique(OutputNames.Folder(Images, image.Split), image.Name);

    public void Write(LabelledImage image, string place)
    {
        var name = place[(Images.Length + 1)..];
        var stem = Path.ChangeExtension(name, null);
        var file = Path.Combine(folder, Annotations, stem + ".xml");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        using (var xml = XmlWriter.Create(file, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, CheckCharacters = false }))
        {
            xml.WriteStartElement("annotation");
            xml.WriteElementString("folder", Images);
            xml.WriteElementString("filename", name);
            xml.WriteStartElement("size");
            xml.WriteElementString("width", (image.Width ?? 0).ToString(CultureInfo.InvariantCulture));
            xml.WriteElementString("height", (image.Height ?? 0).ToString(CultureInfo.InvariantCulture));
            xml.WriteElementString("depth", "3");
            xml.WriteEndElement();
            foreach (var box in image.Boxes)
            {
                Object(xml, box.Label, box);
            }

            foreach (var label in image.Labels)
            {
                Object(xml, label, null);
            }

            xml.WriteEndElement();
        }

        if (image.Split != Split.None)
        {
            if (!_lists.TryGetValue(image.Split, out var list))
            {
                var lists = Path.Combine(folder, "ImageSets", "Main");
                Directory.CreateDirectory(lists);
                _lists.Add(image.Split, list = new StreamWriter(Path.Combine(lists, image.Split.Name() + ".txt")));
            }

            list.WriteLine(stem);
        }
    }

    public void Finish() => Dispose();

    public void Dispose()
    {
        foreach (var list in _lists.Values)
        {
            list.Dispose();
        }
    }

    private static void Object(XmlWriter xml, string label, ImageBox? box)
    {
        xml.WriteStartElement("object");
        xml.WriteElementString("name", label);
        xml.WriteElementString("difficult", "0");
        if (box is { } b)
        {
            xml.WriteStartElement("bndbox");
            xml.WriteElementString("xmin", CsvTableWriter.Pixels(b.Left));
            xml.WriteElementString("ymin", CsvTableWriter.Pixels(b.Top));
            xml.WriteElementString("xmax", CsvTableWriter.Pixels(b.Left + b.Width));
            xml.WriteElementString("ymax", CsvTableWriter.Pixels(b.Top + b.Height));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }
}
