using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Wire.SigV4;
using static Ocellus.Objects.S3Headers;

namespace Ocellus.Objects;

/// <summary>Holds what came in a request's body against what its headers, trailers and signature say of it.</summary>
internal static class S3Body
{
    /// <summary>Where the gate leaves the trailing headers of a streamed body.</summary>
    public const string TrailersItem = "ocellus.trailers";

    public static List<string> Algorithms(HttpContext http)
    {
        var headers = http.Request.Headers;
        var announced = Announced(http);
        var sdk = headers["x-amz-sdk-checksum-algorithm"].ToString();
        var asked = Asked(http);
        return [.. DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)
            || announced.Contains("x-amz-checksum-" + n)
            || sdk.Equals(n, StringComparison.OrdinalIgnoreCase)
            || n == asked)];
    }

    /// <summary>Those that are computed to hold the body against its signature and are nobody's wish to keep.</summary>
    public static string[] OnlyVerified(HttpContext http) => Canonical.IsHash(http.Request.Headers["x-amz-content-sha256"].ToString()) ? ["sha256"] : [];

    /// <summary>The checksum that a request asks by name to be computed, in lower case; null if it asks for none.</summary>
    /// <exception cref="S3Exception">InvalidRequest: there is no such checksum.</exception>
    public static string? Asked(HttpContext http) =>
        NullIfEmpty(http.Request.Headers["x-amz-checksum-algorithm"].ToString()) is not { } asked ? null
        : DigestSet.Names.Contains(asked.ToLowerInvariant()) ? asked.ToLowerInvariant()
        : throw new S3Exception("InvalidRequest", $"Checksum algorithm provided is unsupported: '{Readable.Cut(asked.ToLowerInvariant())}'. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");

    /// <summary>Refuses a body that is announced to be too long before a byte of it is read.</summary>
    public static void CheckAnnounced(HttpContext http)
    {
        if (http.Request.ContentLength is { } length && length > ObjectStore.MaxObjectBytes)
        {
            throw new S3Exception("EntityTooLarge", $"Your proposed upload exceeds the maximum allowed size: {length} bytes are announced, one request may carry {ObjectStore.MaxObjectBytes} (5 GB). Upload it in parts.");
        }
    }

    public static void Verify(HttpContext http, ObjectDigests digests)
    {
        var headers = http.Request.Headers;
        var decoded = headers["x-amz-decoded-content-length"].ToString();
        if ((decoded.Length > 0 ? Number(decoded, -1) : http.Request.ContentLength) is { } announced && announced != digests.Length)
        {
            throw new S3Exception("IncompleteBody", string.Create(CultureInfo.InvariantCulture, $"You did not provide the number of bytes specified by the Content-Length HTTP header: announced were {announced}, received {digests.Length}."));
        }

        VerifyChecksums(http, digests);
        CheckSignedHash(headers["x-amz-content-sha256"].ToString(), digests);
    }

    /// <summary>Holds a body against the digests that its headers or trailers give of it.</summary>
    public static void VerifyChecksums(HttpContext http, ObjectDigests digests)
    {
        var headers = http.Request.Headers;
        var trailers = http.Items.TryGetValue(TrailersItem, out var item) ? item as IReadOnlyDictionary<string, string> : null;
        if (NullIfEmpty(headers.ContentMD5.ToString()) is { } md5)
        {
            Compare(md5, digests.Md5);
        }

        foreach (var (name, value) in digests.Values)
        {
            var header = "x-amz-checksum-" + name;
            var trailer = trailers?.GetValueOrDefault(header)?.Trim();
            if (trailer is null && Announced(http).Contains(header))
            {
                throw new S3Exception("MalformedTrailerError", $"x-amz-trailer announced '{header}', and the body ended without it.");
            }

            if ((NullIfEmpty(headers[header].ToString()) ?? trailer) is { } wanted)
            {
                Compare(wanted, value);
            }
        }

        static void Compare(string wanted, byte[] have)
        {
            var buffer = new byte[64];
            if (wanted.Length > 64 || !Convert.TryFromBase64String(wanted, buffer, out var length) || length != have.Length)
            {
                throw new S3Exception("InvalidDigest", $"The Content-MD5 or checksum value that you specified is not valid: '{Readable.Cut(wanted)}' is not the base64 of {have.Length} bytes.");
            }

            if (!buffer.AsSpan(0, length).SequenceEqual(have))
            {
                throw new S3Exception("BadDigest", $"The Content-MD5 or checksum value that you specified did not match what the server received: '{wanted}' was sent, '{Convert.ToBase64String(have)}' computed.");
            }
        }
    }

    /// <summary>Reads the document of a request, whose sender may do what it asks for.</summary>
    /// <returns>Null for an empty body, if that is allowed.</returns>
    /// <exception cref="S3Exception">It is beyond the bounds of its kind, not well formed, or not what its signature and checksums say.</exception>
    public static async Task<XmlNode?> ReadXmlAsync(HttpContext http, S3Document form, bool optional, CancellationToken cancel)
    {
        var tooLong = form.Malformed(string.Create(CultureInfo.InvariantCulture, $"it has more than {form.BytesMax} bytes."));
        if (http.Request.ContentLength > form.BytesMax)
        {
            throw tooLong;
        }

        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        using var digests = new DigestSet([.. Algorithms(http), .. OnlyVerified(http)]);
        while ((read = await http.Request.Body.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > form.BytesMax)
            {
                throw tooLong;
            }

            digests.Append(buffer.AsSpan(0, read));
            body.Write(buffer, 0, read);
        }

        var digested = digests.Finish();
        if (http.Request.Query.ContainsKey("uploadId"))
        {
            // On completion the checksum headers are those of the object and not of this document.
            CheckSignedHash(http.Request.Headers["x-amz-content-sha256"].ToString(), digested);
        }
        else
        {
            Verify(http, digested);
        }

        if (body.Length == 0 && optional)
        {
            return null;
        }

        return form.Parse(body.GetBuffer().AsSpan(0, (int)body.Length), cancel);
    }

    private static void CheckSignedHash(string signed, ObjectDigests digests)
    {
        if (Canonical.IsHash(signed) && Convert.ToHexStringLower(digests.Values["sha256"]) is var computed && !signed.Equals(computed, StringComparison.OrdinalIgnoreCase))
        {
            throw new S3Exception("XAmzContentSHA256Mismatch", $"The provided 'x-amz-content-sha256' header does not match what was computed: received '{signed}', computed '{computed}'.");
        }
    }

    /// <summary>Names of the trailing headers that the request says will follow its body.</summary>
    private static HashSet<string> Announced(HttpContext http) =>
        http.Request.Headers["x-amz-trailer"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.OrdinalIgnoreCase);
}
