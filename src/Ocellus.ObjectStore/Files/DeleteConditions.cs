using System.Globalization;
using Ocellus.Encodings;

namespace Ocellus.Objects.Files;

/// <summary>Conditions for deleting an object. Null members are not checked.</summary>
/// <param name="ETag">Its ETag, with or without quotes; <c>*</c> matches any.</param>
/// <param name="LastModified">Its last modification, to the second.</param>
/// <param name="Size">Its size in bytes.</param>
internal sealed record DeleteConditions(string? ETag, DateTimeOffset? LastModified, long? Size)
{
    /// <summary>From the texts of headers or of a DeleteObjects entry; null or empty if absent.</summary>
    /// <returns>Null if there are no conditions.</returns>
    /// <exception cref="S3Exception">InvalidArgument: an invalid time or size.</exception>
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

    /// <summary>Whether an object meets the conditions.</summary>
    public bool Hold(ObjectInfo info) =>
        (ETag is null or "*" || ETag.Trim('"') == info.ETag)
        && (LastModified is not { } time || time.ToUnixTimeSeconds() == info.LastModified.ToUnixTimeSeconds())
        && (Size is not { } size || size == info.Size);
}
