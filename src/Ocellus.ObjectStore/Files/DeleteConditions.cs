using System.Globalization;
using Ocellus.Encodings;

namespace Ocellus.Objects.Files;

/// <summary>What an object must be for its deletion; null asks for nothing.</summary>
/// <param name="ETag">Its ETag, with quotes or without; <c>*</c> is any.</param>
/// <param name="LastModified">When it was written, to the second.</param>
/// <param name="Size">Its bytes.</param>
internal sealed record DeleteConditions(string? ETag, DateTimeOffset? LastModified, long? Size)
{
    /// <summary>From texts as headers and the entries of DeleteObjects have them; null or empty for those not given.</summary>
    /// <returns>Null when nothing is asked for.</returns>
    /// <exception cref="S3Exception">InvalidArgument: a time or a size that is none.</exception>
    public static DeleteConditions? Of(string? etag, string? lastModified, string? size)
    {
        if (string.IsNullOrEmpty(etag) && string.IsNullOrEmpty(lastModified) && string.IsNullOrEmpty(size))
        {
            return null;
        }

        DateTimeOffset? time = string.IsNullOrEmpty(lastModified) ? null
            : DateTimeOffset.TryParse(lastModified, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
            : throw new S3Exception("InvalidArgument", $"The last modified time of a condition must be a date; received '{Readable.Truncate(lastModified)}'.");
        long? bytes = string.IsNullOrEmpty(size) ? null
            : long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new S3Exception("InvalidArgument", $"The size of a condition must be a number of bytes; received '{Readable.Truncate(size)}'.");
        return new(string.IsNullOrEmpty(etag) ? null : etag, time, bytes);
    }

    /// <summary>Whether an object is as asked for.</summary>
    public bool Hold(ObjectInfo info) =>
        (ETag is null or "*" || ETag.Trim('"') == info.ETag)
        && (LastModified is not { } time || time.ToUnixTimeSeconds() == info.LastModified.ToUnixTimeSeconds())
        && (Size is not { } size || size == info.Size);
}
