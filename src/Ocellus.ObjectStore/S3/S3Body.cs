using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using Ocellus.Wire.SigV4;
using static Ocellus.Objects.S3.S3Headers;

namespace Ocellus.Objects.S3;

/// <summary>Verifies a request's body against its headers, trailers and signature.</summary>
internal static class S3Body
{
    public static List<string> Algorithms(IHeaderDictionary headers)
    {
        var announced = Announced(headers);
        var sdk = headers["x-amz-sdk-checksum-algorithm"].ToString();
        var requested = RequestedAlgorithm(headers);
        return [.. DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)
            || announced.Contains("x-amz-checksum-" + n)
            || sdk.Equals(n, StringComparison.OrdinalIgnoreCase)
            || n == requested)];
    }

    /// <summary>Checksums that are computed only to verify the signature, and not stored.</summary>
    public static string[] OnlyVerified(S3Request request) => Canonical.IsHash(request.PayloadHash ?? "") ? ["sha256"] : [];

    /// <summary>The checksum algorithm that a request names, in lower case; null if it names none.</summary>
    /// <exception cref="S3Exception">InvalidRequest: there is no such checksum.</exception>
    public static string? RequestedAlgorithm(IHeaderDictionary headers) =>
        NullIfEmpty(headers["x-amz-checksum-algorithm"].ToString()) is not { } requested ? null
        : DigestSet.Names.Contains(requested.ToLowerInvariant()) ? requested.ToLowerInvariant()
        : throw new S3Exception(
            "InvalidRequest",
            $"Checksum algorithm provided is unsupported: '{Readable.Truncate(requested.ToLowerInvariant())}'. Please try again with any of the valid types: "
                + $"[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");

    /// <summary>Refuses a body whose announced length is too large, before any of it is read.</summary>
    public static void CheckAnnounced(S3Request request)
    {
        if (request.ContentLength is { } length && length > ObjectStore.MaxObjectBytes)
        {
            throw new S3Exception(
                "EntityTooLarge",
                $"Your proposed upload exceeds the maximum allowed size: {length} bytes are announced, one request may carry {ObjectStore.MaxObjectBytes} (5 "
                    + $"GB). Upload it in parts.");
        }
    }

    public static void Verify(S3Request request, ObjectDigests digests)
    {
        var decoded = request.Header("x-amz-decoded-content-length");
        if ((decoded.Length > 0 ? Number(decoded, -1) : request.ContentLength) is { } announced && announced != digests.Length)
        {
            throw new S3Exception(
                "IncompleteBody",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"You did not provide the number of bytes specified by the Content-Length HTTP header: announced were {announced}, received "
                        + $"{digests.Length}."));
        }

        VerifyChecksums(request, digests);
        CheckSignedHash(request.PayloadHash ?? "", digests);
    }

    /// <summary>Verifies a body against the digests in its headers or trailers.</summary>
    public static void VerifyChecksums(S3Request request, ObjectDigests digests)
    {
        if (NullIfEmpty(request.Headers.ContentMD5.ToString()) is { } md5)
        {
            Compare(md5, digests.Md5);
        }

        foreach (var (name, value) in digests.Values)
        {
            var header = "x-amz-checksum-" + name;
            var trailer = request.Trailers?.GetValueOrDefault(header)?.Trim();
            if (trailer is null && Announced(request.Headers).Contains(header))
            {
                throw new S3Exception("MalformedTrailerError", $"x-amz-trailer announced '{header}', and the body ended without it.");
            }

            if ((NullIfEmpty(request.Header(header)) ?? trailer) is { } wanted)
            {
                Compare(wanted, value);
            }
        }

        static void Compare(string wanted, byte[] have)
        {
            var buffer = new byte[64];
            if (wanted.Length > 64 || !Convert.TryFromBase64String(wanted, buffer, out var length) || length != have.Length)
            {
                throw new S3Exception(
                    "InvalidDigest",
                    $"The Content-MD5 or checksum value that you specified is not valid: '{Readable.Truncate(wanted)}' is not the base64 of "
                        + $"{have.Length} bytes.");
            }

            if (!buffer.AsSpan(0, length).SequenceEqual(have))
            {
                throw new S3Exception(
                    "BadDigest",
                    $"The Content-MD5 or checksum value that you specified did not match what the server received: '{wanted}' was sent, "
                        + $"'{Convert.ToBase64String(have)}' computed.");
            }
        }
    }

    /// <summary>Reads the XML document of an authorized request.</summary>
    /// <returns>Null for an empty body, if that is allowed.</returns>
    /// <exception cref="S3Exception">It exceeds the limits of its kind, is not well formed, or does not match its signature or checksums.</exception>
    public static async Task<XmlNode?> ReadXmlAsync(S3Request request, S3Document form, bool optional, CancellationToken cancel)
    {
        var tooLong = form.Malformed(string.Create(CultureInfo.InvariantCulture, $"it has more than {form.BytesMax} bytes."));
        if (request.ContentLength > form.BytesMax)
        {
            throw tooLong;
        }

        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        using var digests = new DigestSet([.. Algorithms(request.Headers), .. OnlyVerified(request)]);
        while ((read = await request.Body.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > form.BytesMax)
            {
                throw tooLong;
            }

            digests.Append(buffer.AsSpan(0, read));
            body.Write(buffer, 0, read);
        }

        var digested = digests.Finish();
        if (request.Query.ContainsKey("uploadId"))
        {
            // When an upload is completed, the checksum headers describe the object, not this document.
            CheckSignedHash(request.PayloadHash ?? "", digested);
        }
        else
        {
            Verify(request, digested);
        }

        if (body.Length == 0 && optional)
        {
            return null;
        }

        return form.Parse(body.GetBuffer().AsSpan(0, (int)body.Length), cancel);
    }

    private static void CheckSignedHash(string signed, ObjectDigests digests)
    {
        if (Canonical.IsHash(signed)
            && Convert.ToHexStringLower(digests.Values["sha256"]) is var computed
            && !signed.Equals(computed, StringComparison.OrdinalIgnoreCase))
        {
            throw new S3Exception(
                "XAmzContentSHA256Mismatch",
                $"The provided 'x-amz-content-sha256' header does not match what was computed: received '{signed}', computed '{computed}'.");
        }
    }

    /// <summary>The trailing headers that the request announces.</summary>
    private static HashSet<string> Announced(IHeaderDictionary headers) =>
        headers["x-amz-trailer"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
}
