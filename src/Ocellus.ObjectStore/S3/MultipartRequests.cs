using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Headers;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Requests for multipart uploads.</summary>
internal sealed class MultipartRequests(ObjectStore store, BucketRequests buckets, TimeProvider clock)
{
    public Task CreateUploadAsync(S3Request request, CancellationToken cancel)
    {
        var algorithm = S3Body.RequestedAlgorithm(request.Headers);
        var wantedType = NullIfEmpty(request.Header("x-amz-checksum-type"));
        if (wantedType is not null
            && (algorithm is null
            || wantedType != (algorithm is "crc64nvme" ? "FULL_OBJECT" : algorithm is "sha1" or "sha256" ? "COMPOSITE" : wantedType)
            || wantedType is not ("FULL_OBJECT" or "COMPOSITE")))
        {
            throw new S3Exception(
                "InvalidRequest", $"The {Readable.Truncate(wantedType)} checksum type cannot be used with the {algorithm ?? "absent"} checksum algorithm.");
        }

        var type = wantedType
            ?? (algorithm is null ? null : algorithm == "crc64nvme" ? "FULL_OBJECT" : "COMPOSITE");
        var upload = store.Uploads.CreateUpload(request.Bucket, new UploadInfo
        {
            Id = "",
            Key = request.Key,
            Initiated = clock.GetUtcNow(),
            ContentType = NullIfEmpty(request.ContentType),
            UserMetadata = UserMetadata(request.Headers),
            Headers = Kept(request.Headers),
            Algorithm = algorithm,
            ChecksumType = type,
            Tags = TagsOf(request.Headers),
        });
        if (algorithm is not null)
        {
            request.Response.Headers["x-amz-checksum-algorithm"] = algorithm.ToUpperInvariant();
            request.Response.Headers["x-amz-checksum-type"] = type;
        }

        return WriteAsync(request.Response, new XElement(Ns + "InitiateMultipartUploadResult", new XElement(Ns + "Bucket", request.Bucket),
            new XElement(Ns + "Key", request.Key), new XElement(Ns + "UploadId", upload.Id)), cancel);
    }

    public async Task PutPartAsync(S3Request request, CancellationToken cancel)
    {
        if (!int.TryParse(request.Query["partNumber"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 10000)
        {
            throw new S3Exception(
                "InvalidArgument",
                $"Part number must be an integer between 1 and 10000, inclusive; received '{Readable.Truncate(request.Parameter("partNumber"))}'.");
        }

        var upload = store.Uploads.Upload(request.Bucket, request.Key, request.UploadId);
        string[] algorithms = upload.Algorithm is null ? [] : [upload.Algorithm];
        if (!request.Headers.ContainsKey("x-amz-copy-source"))
        {
            S3Body.CheckAnnounced(request);
            var part = await store.Uploads.PutPartAsync(request.Bucket, request.Key, request.UploadId, number, request.Body, new PutOptions
            {
                Algorithms = [.. algorithms, .. S3Body.Algorithms(request.Headers)],
                OnlyVerified = S3Body.OnlyVerified(request),
                Verify = d => S3Body.Verify(request, d),
            }, cancel).ConfigureAwait(false);
            request.Response.Headers.ETag = Quote(part.ETag);
            ChecksumHeaders(request.Response, part.Checksums, null);
            return;
        }

        var (stream, source) = CopySource.Open(request, store, buckets);
        await using (stream.ConfigureAwait(false))
        {
            var (first, length) = S3Conditions.CopyRange(request.Header("x-amz-copy-source-range"), source.Size);
            if (length > ObjectStore.MaxObjectBytes)
            {
                throw new S3Exception(
                    "InvalidRequest",
                    $"The specified copy range is larger than the maximum allowable size for a part: {ObjectStore.MaxObjectBytes}. It has {length} bytes; "
                        + $"select a part of it with x-amz-copy-source-range.");
            }

            stream.Position = first;
            var slice = new LimitedStream(stream, length);
            await using (slice.ConfigureAwait(false))
            {
                var options = new PutOptions { Algorithms = algorithms };
                var part = await store.Uploads.PutPartAsync(request.Bucket, request.Key, request.UploadId, number, slice, options, cancel)
                    .ConfigureAwait(false);
                await WriteAsync(request.Response, new XElement(Ns + "CopyPartResult", new XElement(Ns + "LastModified", Iso(part.LastModified)),
                    new XElement(Ns + "ETag", Quote(part.ETag)), ChecksumElements(part.Checksums)), cancel).ConfigureAwait(false);
            }
        }
    }

    public async Task CompleteAsync(S3Request request, CancellationToken cancel)
    {
        await store.Uploads.RequireAsync(request.Bucket, request.Key, request.UploadId, cancel).ConfigureAwait(false);
        var body = await S3Body.ReadXmlAsync(request, S3Document.CompleteMultipartUpload, optional: false, cancel).ConfigureAwait(false);
        var parts = new List<WantedPart>();
        foreach (var part in body!.All("Part"))
        {
            if (!int.TryParse(part.Child("PartNumber"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || part.Child("ETag") is not { } etag)
            {
                throw new S3Exception("MalformedXML", $"Each Part needs a PartNumber and an ETag; part {parts.Count + 1} of the list lacks one of them.");
            }

            parts.Add(
                new(
                    number, etag,
                    DigestSet.Names.Where(n => part.Child("Checksum" + n.ToUpperInvariant()) is not null)
                        .ToDictionary(n => n, n => part.Child("Checksum" + n.ToUpperInvariant())!.Trim())));
        }

        if (parts.Count == 0)
        {
            throw new S3Exception("MalformedXML", "A CompleteMultipartUpload element with at least one Part was expected.");
        }

        var whole = DigestSet.Names.Where(n => request.Headers.ContainsKey("x-amz-checksum-" + n))
            .ToDictionary(n => n, n => request.Header("x-amz-checksum-" + n));
        long? size = NullIfEmpty(request.Header("x-amz-mp-object-size")) is { } text ? Number(text, 0) : null;
        var conditions = S3Conditions.OfWrite(request);
        var info = await store.Uploads.CompleteUploadAsync(request.Bucket, request.Key, request.UploadId, parts, whole, size, conditions, cancel)
            .ConfigureAwait(false);
        await WriteAsync(request.Response, new XElement(Ns + "CompleteMultipartUploadResult",
            new XElement(Ns + "Location", $"{request.Origin}/{request.Bucket}/{Uri.EscapeDataString(request.Key)}"),
            new XElement(Ns + "Bucket", request.Bucket), new XElement(Ns + "Key", request.Key), new XElement(Ns + "ETag", Quote(info.ETag)),
            ChecksumElements(info.Checksums), info.Checksums.Count > 0 && info.ChecksumType is not null
                ? new XElement(Ns + "ChecksumType", info.ChecksumType)
                : null), cancel).ConfigureAwait(false);
    }

    public Task AbortAsync(S3Request request)
    {
        store.Uploads.AbortUpload(request.Bucket, request.Key, request.UploadId);
        return request.NoContent();
    }
}
