using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
using static Ocellus.Objects.S3Headers;
using static Ocellus.Objects.S3Xml;

namespace Ocellus.Objects;

/// <summary>Requests of an upload in parts.</summary>
internal sealed class MultipartRequests(ObjectStore store, BucketRequests buckets, TimeProvider clock)
{
    public Task CreateUploadAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var algorithm = S3Body.Asked(http);
        var wantedType = NullIfEmpty(http.Request.Headers["x-amz-checksum-type"].ToString());
        if (wantedType is not null && (algorithm is null || wantedType != (algorithm is "crc64nvme" ? "FULL_OBJECT" : algorithm is "sha1" or "sha256" ? "COMPOSITE" : wantedType)
            || wantedType is not ("FULL_OBJECT" or "COMPOSITE")))
        {
            throw new S3Exception("InvalidRequest", $"The {Readable.Cut(wantedType)} checksum type cannot be used with the {algorithm ?? "absent"} checksum algorithm.");
        }

        var type = wantedType
            ?? (algorithm is null ? null : algorithm == "crc64nvme" ? "FULL_OBJECT" : "COMPOSITE");
        var upload = store.Uploads.CreateUpload(bucket, new UploadInfo
        {
            Id = "",
            Key = key,
            Initiated = clock.GetUtcNow(),
            ContentType = NullIfEmpty(http.Request.ContentType),
            UserMetadata = UserMetadata(http),
            Headers = Kept(http),
            Algorithm = algorithm,
            ChecksumType = type,
            Tags = TagsOf(http),
        });
        if (algorithm is not null)
        {
            http.Response.Headers["x-amz-checksum-algorithm"] = algorithm.ToUpperInvariant();
            http.Response.Headers["x-amz-checksum-type"] = type;
        }

        return WriteAsync(http, new XElement(Ns + "InitiateMultipartUploadResult", new XElement(Ns + "Bucket", bucket),
            new XElement(Ns + "Key", key), new XElement(Ns + "UploadId", upload.Id)), cancel);
    }

    public async Task PutPartAsync(HttpContext http, string bucket, string key, string id, string accountId, CancellationToken cancel)
    {
        if (!int.TryParse(http.Request.Query["partNumber"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 10000)
        {
            throw new S3Exception("InvalidArgument", $"Part number must be an integer between 1 and 10000, inclusive; received '{Readable.Cut(http.Request.Query["partNumber"].ToString())}'.");
        }

        var upload = store.Uploads.Upload(bucket, key, id);
        string[] algorithms = upload.Algorithm is null ? [] : [upload.Algorithm];
        if (!http.Request.Headers.ContainsKey("x-amz-copy-source"))
        {
            S3Body.CheckAnnounced(http);
            var part = await store.Uploads.PutPartAsync(bucket, key, id, number, http.Request.Body, new PutOptions
            {
                Algorithms = [.. algorithms, .. S3Body.Algorithms(http)],
                OnlyVerified = S3Body.OnlyVerified(http),
                Verify = d => S3Body.Verify(http, d),
            }, cancel).ConfigureAwait(false);
            http.Response.Headers.ETag = Quote(part.ETag);
            ChecksumHeaders(http, part.Checksums, null);
            return;
        }

        var (stream, source) = CopySource.Open(http, store, buckets, accountId);
        await using (stream.ConfigureAwait(false))
        {
            var (first, length) = S3Conditions.CopyRange(http.Request.Headers["x-amz-copy-source-range"].ToString(), source.Size);
            if (length > ObjectStore.MaxObjectBytes)
            {
                throw new S3Exception("InvalidRequest", $"The specified copy range is larger than the maximum allowable size for a part: {ObjectStore.MaxObjectBytes}. It has {length} bytes; name a part of it with x-amz-copy-source-range.");
            }

            stream.Position = first;
            var slice = new LimitedStream(stream, length);
            await using (slice.ConfigureAwait(false))
            {
                var part = await store.Uploads.PutPartAsync(bucket, key, id, number, slice, new PutOptions { Algorithms = algorithms }, cancel).ConfigureAwait(false);
                await WriteAsync(http, new XElement(Ns + "CopyPartResult", new XElement(Ns + "LastModified", Iso(part.LastModified)),
                    new XElement(Ns + "ETag", Quote(part.ETag)), ChecksumElements(part.Checksums)), cancel).ConfigureAwait(false);
            }
        }
    }

    public async Task CompleteAsync(HttpContext http, string bucket, string key, string id, CancellationToken cancel)
    {
        await store.Uploads.RequireAsync(bucket, key, id, cancel).ConfigureAwait(false);
        var body = await S3Body.ReadXmlAsync(http, S3Document.CompleteMultipartUpload, optional: false, cancel).ConfigureAwait(false);
        var parts = new List<WantedPart>();
        foreach (var part in body!.All("Part"))
        {
            if (!int.TryParse(part.Child("PartNumber"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || part.Child("ETag") is not { } etag)
            {
                throw new S3Exception("MalformedXML", $"Each Part needs a PartNumber and an ETag; part {parts.Count + 1} of the list has not both.");
            }

            parts.Add(new(number, etag, DigestSet.Names.Where(n => part.Child("Checksum" + n.ToUpperInvariant()) is not null).ToDictionary(n => n, n => part.Child("Checksum" + n.ToUpperInvariant())!.Trim())));
        }

        if (parts.Count == 0)
        {
            throw new S3Exception("MalformedXML", "A CompleteMultipartUpload element with at least one Part was expected.");
        }

        var headers = http.Request.Headers;
        var whole = DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)).ToDictionary(n => n, n => headers["x-amz-checksum-" + n].ToString());
        long? size = NullIfEmpty(headers["x-amz-mp-object-size"].ToString()) is { } text ? Number(text, 0) : null;
        var info = await store.Uploads.CompleteUploadAsync(bucket, key, id, parts, whole, size, S3Conditions.OfWrite(http), cancel).ConfigureAwait(false);
        await WriteAsync(http, new XElement(Ns + "CompleteMultipartUploadResult",
            new XElement(Ns + "Location", $"{http.Request.Scheme}://{http.Request.Host}/{bucket}/{Uri.EscapeDataString(key)}"),
            new XElement(Ns + "Bucket", bucket), new XElement(Ns + "Key", key), new XElement(Ns + "ETag", Quote(info.ETag)),
            ChecksumElements(info.Checksums), info.Checksums.Count > 0 && info.ChecksumType is not null ? new XElement(Ns + "ChecksumType", info.ChecksumType) : null), cancel).ConfigureAwait(false);
    }

    public Task AbortAsync(HttpContext http, string bucket, string key, string id)
    {
        store.Uploads.AbortUpload(bucket, key, id);
        http.Response.StatusCode = 204;
        return Task.CompletedTask;
    }
}
