using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Headers;

namespace Ocellus.Objects.S3;

/// <summary>Conditions and ranges of requests.</summary>
internal static class S3Conditions
{
    public static PutOptions OfWrite(S3Request request)
    {
        var none = request.Headers.IfNoneMatch.ToString();
        if (none.Length > 0 && none != "*")
        {
            throw new S3Exception("NotImplemented", $"If-None-Match of a write may be * only; received '{Readable.Truncate(none)}'.");
        }

        return new PutOptions { OnlyIfAbsent = none == "*", OnlyIfETag = NullIfEmpty(request.Headers.IfMatch.ToString()) };
    }

    /// <summary>Whether a copy replaces what the header refers to, instead of copying it from the source.</summary>
    public static bool Directive(S3Request request, string header) => request.Header(header) switch
    {
        "REPLACE" => true,
        "" or "COPY" => false,
        var other => throw new S3Exception("InvalidArgument", $"Unknown directive '{Readable.Truncate(other)}' in {header}: it is COPY or REPLACE."),
    };

    /// <summary>Returns 200, 304 or 412. An ETag condition takes precedence over a date condition of the same kind.</summary>
    public static int Evaluate(string? match, string? noneMatch, string? modified, string? unmodified, ObjectInfo info)
    {
        if (!string.IsNullOrEmpty(match) ? !Matches(match, info.ETag) : Date(unmodified) is { } until && info.LastModified > until)
        {
            return 412;
        }

        return (!string.IsNullOrEmpty(noneMatch) ? Matches(noneMatch, info.ETag) : Date(modified) is { } since && info.LastModified <= since) ? 304 : 200;
    }

    private static bool Matches(string tags, string etag) =>
        tags.Split(',').Any(t => t.Trim() is var tag && (tag == "*" || (tag.StartsWith("W/", StringComparison.Ordinal) ? tag[2..] : tag).Trim('"') == etag));

    private static DateTimeOffset? Date(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date : null;

    /// <summary>The requested range; null if there is none or it is malformed, which HTTP requires to ignore.</summary>
    public static (long First, long Length)? Range(string text, long size)
    {
        if (!text.StartsWith("bytes=", StringComparison.OrdinalIgnoreCase) || text.Contains(',', StringComparison.Ordinal))
        {
            return null;
        }

        var ends = text[6..].Split('-');
        if (ends.Length != 2 || !TryNumber(ends[0], out var first) || !TryNumber(ends[1], out var last) || (first ?? last) is null || first > last)
        {
            return null;
        }

        if (first is null)
        {
            var length = Math.Min(last!.Value, size);
            return length > 0 ? (size - length, length) : throw new S3Exception("InvalidRange");
        }

        return first < size ? (first.Value, Math.Min(last ?? long.MaxValue, size - 1) - first.Value + 1) : throw new S3Exception("InvalidRange");

        static bool TryNumber(string text, out long? number)
        {
            var ok = long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value);
            number = ok ? value : null;
            return ok || text.Length == 0;
        }
    }

    /// <summary>The range of a copied part. S3 accepts only one form, and the range must be within the source.</summary>
    public static (long First, long Length) CopyRange(string text, long size)
    {
        if (text.Length == 0)
        {
            return (0, size);
        }

        var ends = text.StartsWith("bytes=", StringComparison.Ordinal) ? text[6..].Split('-') : [];
        if (ends.Length != 2 || !long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            || !long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || first > last)
        {
            throw new S3Exception(
                "InvalidArgument",
                $"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and "
                    + $"last bytes to copy; received '{Readable.Truncate(text)}'.");
        }

        return last < size ? (first, last - first + 1)
            : throw new S3Exception(
                "InvalidRange",
                string.Create(
                    CultureInfo.InvariantCulture, $"Range specified is not valid for source object of size: {size}; received '{Readable.Truncate(text)}'."));
    }
}
