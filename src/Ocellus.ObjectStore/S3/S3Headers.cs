using System.Globalization;
using System.Text;
using Ocellus.Encodings;

namespace Ocellus.Objects.S3;

/// <summary>Headers and parameters of the object store: those stored with an object, and the formats of values.</summary>
internal static class S3Headers
{
    public static readonly string[] KeptHeaders =
        ["Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"];

    /// <summary>Headers that describe an object. Error responses have none of them.</summary>
    public static readonly string[] ObjectHeaders = [.. KeptHeaders, "ETag", "Last-Modified", "Content-Range", "Accept-Ranges"];

    /// <summary>Prefix of the headers of user metadata.</summary>
    public const string MetadataPrefix = "x-amz-meta-";

    /// <summary>Maximum bytes of an object's user metadata, names and values: S3's limit.</summary>
    public const int MetadataBytesMax = 2 * 1024;

    public static Dictionary<string, string> UserMetadata(IHeaderDictionary headers)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in headers.Where(h => h.Key.StartsWith(MetadataPrefix, StringComparison.OrdinalIgnoreCase)))
        {
            // Forms and links may contain invalid header names, which no response could return.
            if (!HeaderText.IsName(name))
            {
                throw new S3Exception(
                    "InvalidArgument",
                    $"'{Readable.Truncate(name)}' cannot be the name of a header: after {MetadataPrefix} it may have ASCII letters and digits and ! # $ "
                        + $"% & ' * + - . ^ _ ` | ~.");
            }

            // Header values have no surrounding white space.
            metadata[name[MetadataPrefix.Length..].ToLowerInvariant()] = value.ToString().Trim(' ', '\t');
        }

        var bytes = metadata.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + Encoding.UTF8.GetByteCount(m.Value));
        return bytes <= MetadataBytesMax ? metadata
            : throw new S3Exception(
                "MetadataTooLarge",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Your metadata headers exceed the maximum allowed metadata size: received {bytes} bytes, allowed are {MetadataBytesMax}."));
    }

    /// <summary>The tags that a request gives its object.</summary>
    public static Dictionary<string, string> TagsOf(IHeaderDictionary headers) =>
        NullIfEmpty(headers["x-amz-tagging"].ToString()) is { } tags ? ObjectTags.Parse(tags) : [];

    /// <summary>A stored value in a form that a header can carry. Like S3, encodes non-ASCII text as in RFC 2047.</summary>
    public static string Sendable(string value) => HeaderText.Sendable(value);

    public static Dictionary<string, string> Kept(IHeaderDictionary headers)
    {
        var kept = KeptHeaders.Where(headers.ContainsKey).ToDictionary(n => n, n => headers[n].ToString());
        if (kept.TryGetValue("Content-Encoding", out var encoding))
        {
            // aws-chunked describes the framing of the request, not the object. The other encodings are kept unchanged.
            var rest = string.Join(',', encoding.Split(',').Where(e => e.Trim() != "aws-chunked")).Trim();
            kept.Remove("Content-Encoding");
            if (rest.Length > 0)
            {
                kept["Content-Encoding"] = rest;
            }
        }

        return kept;
    }

    public static void ChecksumHeaders(HttpResponse response, Dictionary<string, string> checksums, string? type)
    {
        foreach (var (name, value) in checksums)
        {
            response.Headers["x-amz-checksum-" + name] = value;
        }

        if (checksums.Count > 0 && type is not null)
        {
            response.Headers["x-amz-checksum-type"] = type;
        }
    }

    public static long Number(string text, long missing) =>
        text.Length == 0 ? missing
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var small) ? small
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new S3Exception("InvalidArgument", $"A number from 0 was expected; received '{Readable.Truncate(text)}'.");

    public static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    public static string Quote(string etag) => $"\"{etag}\"";

    public static string Iso(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
