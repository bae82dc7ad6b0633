using System.Globalization;
using System.Text;
using System.Xml;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>An element of a received document: its local name, its own text, and its children. Attributes have no meaning here and are
/// dropped.</summary>
internal sealed class XmlNode(string name)
{
    public string Name { get; } = name;

    public string Text { get; set; } = "";

    public List<XmlNode> Children { get; } = [];

    public IEnumerable<XmlNode> All(string name) => Children.Where(c => c.Name == name);

    public string? Child(string name) => Children.Find(c => c.Name == name)?.Text;
}

/// <summary>A kind of XML document in requests, and its limits.</summary>
/// <param name="Name">Name of the root element.</param>
/// <param name="BytesMax">Maximum bytes.</param>
/// <param name="ElementsMax">Maximum elements: those of the largest document that S3 allows, and some unknown ones.</param>
internal sealed record S3Document(string Name, int BytesMax, int ElementsMax)
{
    /// <summary>Maximum depth. The deepest document has four levels; every level costs the reader stack or time.</summary>
    public const int DepthMax = 16;

    /// <summary>Maximum attributes and namespaces of an element. None has a meaning here; clients declare one or two.</summary>
    public const int AttributesMax = 16;

    /// <summary>
    /// Maximum characters from one <c>&lt;</c> to the next: a tag and the text after it. A key has 1,024 bytes, or about six times as many characters if
    /// written with references. The reader compares all attributes of an element before it returns it, so a tag must be limited too.
    /// </summary>
    public const int PieceMax = 16 << 10;

    /// <summary>1,000 keys of 1 KB with up to five elements each.</summary>
    public static readonly S3Document Delete = new("Delete", 2 << 20, 10_000);

    /// <summary>10,000 parts with an ETag and a checksum each.</summary>
    public static readonly S3Document CompleteMultipartUpload = new("CompleteMultipartUpload", 2 << 20, 100_000);

    /// <summary>100 rules; 64 KB is S3's limit.</summary>
    public static readonly S3Document CorsConfiguration = new("CORSConfiguration", 64 << 10, 4_000);

    /// <summary>50 tags of 128 and 256 characters.</summary>
    public static readonly S3Document Tagging = new("Tagging", 64 << 10, 1_000);

    /// <summary>A region, and settings of which only the defaults are supported.</summary>
    public static readonly S3Document CreateBucketConfiguration = new("CreateBucketConfiguration", 64 << 10, 200);

    /// <summary>Parses a UTF-8 document, forward only, without DTDs and within the limits.</summary>
    /// <exception cref="S3Exception">MalformedXML: it is not well formed, or exceeds a limit.</exception>
    public XmlNode Parse(ReadOnlySpan<byte> document, CancellationToken cancel)
    {
        var text = (HeaderText.Utf8(document) ?? throw Malformed("it is not UTF-8.")).TrimStart('\ufeff');
        for (int at = 0, next; at < text.Length; at = next + 1)
        {
            next = text.IndexOf('<', at) is >= 0 and var found ? found : text.Length;
            if (next - at > PieceMax)
            {
                throw Malformed(string.Create(CultureInfo.InvariantCulture, $"an element with its attributes and text has more than {PieceMax} characters."));
            }
        }

        try
        {
            using var reader = XmlReader.Create(new StringReader(text), new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = BytesMax,
                IgnoreComments = true,
                IgnoreProcessingInstructions = true,
                // As in S3, a reference may stand for a character that XML does not allow.
                CheckCharacters = false,
            });
            return Read(reader, cancel);
        }
        catch (XmlException failure)
        {
            throw Malformed(Readable.Truncate(failure.Message));
        }
    }

    /// <summary>The refusal of a document.</summary>
    public S3Exception Malformed(string why) => new("MalformedXML", $"The XML that you provided was not well formed or is not a {Name}: {why}");

    private XmlNode Read(XmlReader reader, CancellationToken cancel)
    {
        // XElement is not used: it would keep every name ever seen for the life of the process.
        XmlNode? root = null;
        var open = new Stack<(XmlNode Node, StringBuilder Text)>();
        var elements = 0;
        while (reader.Read())
        {
            cancel.ThrowIfCancellationRequested();
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (++elements > ElementsMax)
                    {
                        throw Malformed(string.Create(CultureInfo.InvariantCulture, $"it has more than {ElementsMax} elements."));
                    }

                    if (reader.Depth >= DepthMax)
                    {
                        throw Malformed(string.Create(CultureInfo.InvariantCulture, $"its elements are nested more than {DepthMax} deep."));
                    }

                    if (reader.AttributeCount > AttributesMax)
                    {
                        throw Malformed(string.Create(CultureInfo.InvariantCulture, $"an element has more than {AttributesMax} attributes."));
                    }

                    var node = new XmlNode(reader.LocalName);
                    (open.Count > 0 ? open.Peek().Node.Children : []).Add(node);
                    root ??= node;
                    if (!reader.IsEmptyElement)
                    {
                        open.Push((node, new()));
                    }

                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace when open.Count > 0:
                    open.Peek().Text.Append(reader.Value);
                    break;
                case XmlNodeType.EndElement:
                    var (ended, text) = open.Pop();
                    ended.Text = text.ToString();
                    if (!Readable.IsWhole(ended.Text))
                    {
                        throw Malformed($"{Readable.Truncate(ended.Name)} has half a character, '{Readable.Truncate(ended.Text)}'.");
                    }

                    break;
            }
        }

        return root!;
    }
}
