using System.Buffers;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>Writes the XML documents of responses, and their common elements.</summary>
internal static class S3Xml
{
    public static readonly XNamespace Ns = "http://s3.amazonaws.com/doc/2006-03-01/";

    private static readonly SearchValues<char> _noXml = SearchValues.Create([.. Enumerable.Range(0, 32).Select(c => (char)c)
        .Where(c => c is not ('\t' or '\n' or '\r')), '\ufffe', '\uffff']);

    public static XElement Owner(string accountId) => new(Ns + "Owner", new XElement(Ns + "ID", accountId));

    public static IEnumerable<XElement> ChecksumElements(Dictionary<string, string> checksums) =>
        checksums.Select(c => new XElement(Ns + ("Checksum" + c.Key.ToUpperInvariant()), c.Value));

    public static async Task WriteAsync(HttpResponse response, XElement root, CancellationToken cancel)
    {
        EscapeInvalid(root);
        using var buffer = new MemoryStream();
        // Carriage returns are written as references: readers turn bare ones into line feeds.
        using (var writer = XmlWriter.Create(buffer, new XmlWriterSettings { Encoding = new UTF8Encoding(false), NewLineHandling = NewLineHandling.Entitize }))
        {
            root.Save(writer);
        }

        response.ContentType = "application/xml";
        response.ContentLength = buffer.Length;
        await response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Escapes characters that XML cannot represent, as in error messages. S3 writes references to them, which make readers reject the whole document. Listings
    /// with <c>encoding-type=url</c> return keys exactly.
    /// </summary>
    private static void EscapeInvalid(XElement root)
    {
        foreach (var element in root.DescendantsAndSelf().Where(e => !e.HasElements))
        {
            if (element.Value is var text && (text.AsSpan().ContainsAny(_noXml) || !Readable.IsWhole(text)))
            {
                element.Value = Readable.Plain(text);
            }
        }
    }
}
