using System.Buffers;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>The documents that the object store answers with: their namespace, their parts, and how they are written.</summary>
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
        Mend(root);
        using var buffer = new MemoryStream();
        // A carriage return is written as a reference: readers take a bare one for a line feed.
        using (var writer = XmlWriter.Create(buffer, new XmlWriterSettings { Encoding = new UTF8Encoding(false), NewLineHandling = NewLineHandling.Entitize }))
        {
            root.Save(writer);
        }

        response.ContentType = "application/xml";
        response.ContentLength = buffer.Length;
        await response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Writes characters that XML has no form for as errors do. A reference to one, as S3 writes it, is refused by readers together with everything else in
    /// the document;
    /// lists with <c>encoding-type=url</c> give a key exactly.
    /// </summary>
    private static void Mend(XElement root)
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
