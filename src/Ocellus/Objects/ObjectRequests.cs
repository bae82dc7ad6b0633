using System.Globalization;
using System.Xml.Linq;
using Ocellus.Protocol;
using static Ocellus.Objects.S3Headers;
using static Ocellus.Objects.S3Xml;

namespace Ocellus.Objects;

/// <summary>Requests to one object.</summary>
internal sealed class ObjectRequests(ObjectStore store, BucketRequests buckets)
{
    public async Task PutAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var options = S3Conditions.OfWrite(http) with
        {
            ContentType = NullIfEmpty(http.Request.ContentType),
            UserMetadata = UserMetadata(http),
            Headers = Kept(http),
            Algorithms = S3Body.Algorithms(http),
            Verify = d => S3Body.Verify(http, d),
            ChecksumType = "FULL_OBJECT",
        };
        var info = await store.PutAsync(bucket, key, http.Request.Body, options, cancel).ConfigureAwait(false);
        http.Response.Headers.ETag = Quote(info.ETag);
        ChecksumHeaders(http, info.Checksums, info.ChecksumType);
    }

    public async Task GetAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        // The parts of an upload are joined when it completes, so every object has one part here.
        if (NullIfEmpty(http.Request.Query["partNumber"].ToString()) is { } part && part != "1")
        {
            throw new S3Exception("InvalidPartNumber", $"The requested part number is not satisfiable: received '{Readable.Cut(part)}', and objects have one part here.");
        }

        var stream = store.OpenRead(bucket, key, out var info) ?? throw new S3Exception("NoSuchKey", $"The specified key does not exist: '{Readable.Cut(key)}' in bucket '{bucket}'.");
        await using (stream.ConfigureAwait(false))
        {
            var response = http.Response;
            var headers = response.Headers;
            var status = S3Conditions.Evaluate(http.Request.Headers.IfMatch, http.Request.Headers.IfNoneMatch,
                http.Request.Headers.IfModifiedSince, http.Request.Headers.IfUnmodifiedSince, info!);
            if (status == 412)
            {
                throw new S3Exception("PreconditionFailed");
            }

            headers.ETag = Quote(info!.ETag);
            headers.LastModified = info.LastModified.ToString("R", CultureInfo.InvariantCulture);
            if (status == 304)
            {
                response.StatusCode = 304;
                return;
            }

            long first = 0;
            var length = info.Size;
            if (S3Conditions.Range(http.Request.Headers.Range.ToString(), info.Size) is { } range)
            {
                (first, length) = range;
                response.StatusCode = 206;
                headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {first}-{first + length - 1}/{info.Size}");
            }
            else if (http.Request.Headers["x-amz-checksum-mode"].ToString().Equals("ENABLED", StringComparison.OrdinalIgnoreCase))
            {
                ChecksumHeaders(http, info.Checksums, info.ChecksumType);
            }

            headers.AcceptRanges = "bytes";
            response.ContentType = Sendable(info.ContentType);
            response.ContentLength = length;
            foreach (var (name, value) in info.Headers)
            {
                headers[name] = Sendable(value);
            }

            foreach (var (name, value) in info.UserMetadata)
            {
                headers["x-amz-meta-" + name] = Sendable(value);
            }

            foreach (var name in KeptHeaders.Append("Content-Type"))
            {
                if (NullIfEmpty(http.Request.Query["response-" + name.ToLowerInvariant()].ToString()) is { } value)
                {
                    headers[name] = Sendable(value);
                }
            }

            if (HttpMethods.IsHead(http.Request.Method))
            {
                return;
            }

            stream.Position = first;
            var buffer = new byte[(int)Math.Clamp(length, 1, 64 * 1024)];
            while (length > 0)
            {
                var read = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length)), cancel).ConfigureAwait(false);
                if (read == 0)
                {
                    throw new EndOfStreamException("An object's data is shorter than its metadata says.");
                }

                await response.Body.WriteAsync(buffer.AsMemory(0, read), cancel).ConfigureAwait(false);
                length -= read;
            }
        }
    }

    public async Task CopyAsync(HttpContext http, string bucket, string key, string accountId, CancellationToken cancel)
    {
        var (stream, source) = CopySource.Open(http, store, buckets, accountId);
        await using (stream.ConfigureAwait(false))
        {
            var (fromBucket, fromKey) = CopySource.Of(http);
            var replace = http.Request.Headers["x-amz-metadata-directive"].ToString() switch
            {
                "REPLACE" => true,
                "" or "COPY" => false,
                var other => throw new S3Exception("InvalidArgument", $"Unknown metadata directive '{Readable.Cut(other)}': it is COPY or REPLACE."),
            };
            if (!replace && fromBucket == bucket && fromKey == key)
            {
                throw new S3Exception("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.");
            }

            var info = await store.PutAsync(bucket, key, stream, S3Conditions.OfWrite(http) with
            {
                ContentType = replace ? NullIfEmpty(http.Request.ContentType) : source.ContentType,
                UserMetadata = replace ? UserMetadata(http) : source.UserMetadata,
                Headers = replace ? Kept(http) : source.Headers,
                Algorithms = [.. source.Checksums.Keys, .. S3Body.Algorithms(http)],
                ChecksumType = "FULL_OBJECT",
            }, cancel).ConfigureAwait(false);
            await WriteAsync(http, new XElement(Ns + "CopyObjectResult", new XElement(Ns + "LastModified", Iso(info.LastModified)),
                new XElement(Ns + "ETag", Quote(info.ETag)), ChecksumElements(info.Checksums)), cancel).ConfigureAwait(false);
        }
    }

    public async Task DeleteAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        await store.DeleteAsync(bucket, key, cancel).ConfigureAwait(false);
        http.Response.StatusCode = 204;
    }
}
