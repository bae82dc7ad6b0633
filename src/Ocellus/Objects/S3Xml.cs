using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Ocellus.Objects;

/// <summary>The documents of the object store: their namespace, their parts, and how they are written.</summary>
internal static class S3Xml
{
    public static readonly XNamespace Ns = "http://s3.amazonaws.com/doc/2006-03-01/";

    public static XElement Owner(string accountId) => new(Ns + "Owner", new XElement(Ns + "ID", accountId));

    public static IEnumerable<XElement> Children(XElement? parent, string name) => parent?.Elements().Where(e => e.Name.LocalName == name) ?? [];

    public static string? Child(XElement? parent, string name) => Children(parent, name).FirstOrDefault()?.Value;

    public static IEnumerable<XElement> ChecksumElements(Dictionary<string, string> checksums) =>
        checksums.Select(c => new XElement(Ns + ("Checksum" + c.Key.ToUpperInvariant()), c.Value));

    /// <summary>Reads a document that came in.</summary>
    /// <exception cref="S3Exception">It is not well formed.</exception>
    public static XElement Parse(Stream document)
    {
        try
        {
            using var reader = XmlReader.Create(document, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false });
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root!;
        }
        catch (XmlException failure)
        {
            throw new S3Exception("MalformedXML", $"The XML that you provided was not well formed: {Protocol.Readable.Cut(failure.Message)}");
        }
    }

    public static async Task WriteAsync(HttpContext http, XElement root, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        // Keys may hold characters that XML 1.0 has no form for; S3 writes their references regardless.
        using (var writer = XmlWriter.Create(buffer, new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = false }))
        {
            root.Save(writer);
        }

        http.Response.ContentType = "application/xml";
        http.Response.ContentLength = buffer.Length;
        await http.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancel).ConfigureAwait(false);
    }
}
