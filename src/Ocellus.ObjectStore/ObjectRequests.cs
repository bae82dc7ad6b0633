using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
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
            OnlyVerified = S3Body.OnlyVerified(http),
            Verify = d => S3Body.Verify(http, d),
            ChecksumType = "FULL_OBJECT",
            Tags = TagsOf(http),
        };
        S3Body.CheckAnnounced(http);
        var info = await store.PutAsync(bucket, key, http.Request.Body, options, cancel).ConfigureAwait(false);
        http.Response.Headers.ETag = Quote(info.ETag);
        ChecksumHeaders(http, info.Checksums, info.ChecksumType);
    }

    public async Task GetAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var stream = store.OpenRead(bucket, key, out var info) ?? throw Missing(bucket, key);
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
            var part = NullIfEmpty(http.Request.Query["partNumber"].ToString()) is { } number ? Part(http, number, info) : null;
            if ((part ?? S3Conditions.Range(http.Request.Headers.Range.ToString(), info.Size)) is { } range)
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

            if (info.Tags.Count > 0)
            {
                headers["x-amz-tagging-count"] = info.Tags.Count.ToString(CultureInfo.InvariantCulture);
            }

            foreach (var (name, value) in info.UserMetadata.Where(m => HeaderText.IsName(MetadataPrefix + m.Key)))
            {
                headers[MetadataPrefix + name] = Sendable(value);
            }

            // Earlier versions took names that no header can have.
            if (info.UserMetadata.Keys.Count(name => !HeaderText.IsName(MetadataPrefix + name)) is > 0 and var missing)
            {
                headers["x-amz-missing-meta"] = missing.ToString(CultureInfo.InvariantCulture);
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
            var replace = S3Conditions.Directive(http, "x-amz-metadata-directive");
            if (!replace && !S3Conditions.Directive(http, "x-amz-tagging-directive") && fromBucket == bucket && fromKey == key)
            {
                throw new S3Exception("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.");
            }

            if (source.Size > ObjectStore.MaxObjectBytes)
            {
                throw new S3Exception("InvalidRequest", $"The specified copy source is larger than the maximum allowable size for a copy source: {ObjectStore.MaxObjectBytes}. It has {source.Size} bytes; copy it in parts.");
            }

            var info = await store.PutAsync(bucket, key, stream, S3Conditions.OfWrite(http) with
            {
                ContentType = replace ? NullIfEmpty(http.Request.ContentType) : source.ContentType,
                UserMetadata = replace ? UserMetadata(http) : source.UserMetadata,
                Headers = replace ? Kept(http) : source.Headers,
                Algorithms = S3Body.Asked(http) is { } asked ? [asked] : source.Checksums.Keys,
                ChecksumType = "FULL_OBJECT",
                Tags = S3Conditions.Directive(http, "x-amz-tagging-directive") ? TagsOf(http) : source.Tags,
            }, cancel).ConfigureAwait(false);
            await WriteAsync(http, new XElement(Ns + "CopyObjectResult", new XElement(Ns + "LastModified", Iso(info.LastModified)),
                new XElement(Ns + "ETag", Quote(info.ETag)), ChecksumElements(info.Checksums),
                info.Checksums.Count > 0 ? new XElement(Ns + "ChecksumType", info.ChecksumType) : null), cancel).ConfigureAwait(false);
        }
    }

    public async Task DeleteAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var headers = http.Request.Headers;
        await store.DeleteAsync(bucket, key, cancel, DeleteConditions.Of(headers.IfMatch, headers["x-amz-if-match-last-modified-time"], headers["x-amz-if-match-size"])).ConfigureAwait(false);
        http.Response.StatusCode = 204;
    }

    /// <summary>The bytes of one part of an object that was uploaded in parts; an object that came whole has one, and null is all of it.</summary>
    private static (long First, long Length)? Part(HttpContext http, string text, ObjectInfo info)
    {
        if (http.Request.Headers.ContainsKey("Range"))
        {
            throw new S3Exception("InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
        }

        var count = info.Parts?.Count ?? 1;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1 || number > count)
        {
            throw new S3Exception("InvalidPartNumber", string.Create(CultureInfo.InvariantCulture, $"The requested part number is not satisfiable: received '{Readable.Cut(text)}', and the object has {count} part(s)."));
        }

        if (info.Parts is null)
        {
            return null;
        }

        http.Response.Headers["x-amz-mp-parts-count"] = count.ToString(CultureInfo.InvariantCulture);
        return (info.Parts.Take(number - 1).Sum(p => p.Size), info.Parts[number - 1].Size);
    }

    /// <summary>What an object is made of, without its bytes (GetObjectAttributes).</summary>
    public async Task AttributesAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        string[] known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
        var wanted = http.Request.Headers["x-amz-object-attributes"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (wanted.Length == 0 || wanted.Except(known).Any())
        {
            throw new S3Exception("InvalidArgument", $"x-amz-object-attributes must name some of {string.Join(", ", known)}; received '{Readable.Cut(string.Join(", ", wanted))}'.");
        }

        var info = await store.HeadAsync(bucket, key, cancel).ConfigureAwait(false) ?? throw Missing(bucket, key);
        http.Response.Headers.LastModified = info.LastModified.ToString("R", CultureInfo.InvariantCulture);
        await WriteAsync(http, new XElement(Ns + "GetObjectAttributesResponse",
            wanted.Contains("ETag") ? new XElement(Ns + "ETag", info.ETag) : null,
            wanted.Contains("Checksum") && info.Checksums.Count > 0 ? new XElement(Ns + "Checksum", ChecksumElements(info.Checksums), info.ChecksumType is null ? null : new XElement(Ns + "ChecksumType", info.ChecksumType)) : null,
            wanted.Contains("ObjectParts") && info.Parts is { } parts ? Parts(http, parts) : null,
            wanted.Contains("StorageClass") ? new XElement(Ns + "StorageClass", "STANDARD") : null,
            wanted.Contains("ObjectSize") ? new XElement(Ns + "ObjectSize", info.Size) : null), cancel).ConfigureAwait(false);
    }

    private static XElement Parts(HttpContext http, IReadOnlyList<ObjectPart> parts)
    {
        var max = (int)Math.Min(1000, Number(http.Request.Headers["x-amz-max-parts"].ToString(), 1000));
        var marker = Number(http.Request.Headers["x-amz-part-number-marker"].ToString(), 0);
        var rest = parts.Where(p => p.Number > marker).ToList();
        var shown = rest.Take(max).ToList();
        return new XElement(Ns + "ObjectParts", new XElement(Ns + "PartsCount", parts.Count), new XElement(Ns + "PartNumberMarker", marker),
            new XElement(Ns + "NextPartNumberMarker", shown.Count > 0 ? shown[^1].Number : 0), new XElement(Ns + "MaxParts", max), new XElement(Ns + "IsTruncated", rest.Count > shown.Count),
            shown.Select(p => new XElement(Ns + "Part", new XElement(Ns + "PartNumber", p.Number), new XElement(Ns + "Size", p.Size), ChecksumElements(p.Checksums))));
    }

    /// <summary>Gives an answer that is the same for every object, if the object is there.</summary>
    public async Task AnswerAsync(HttpContext http, string bucket, string key, XElement answer, CancellationToken cancel)
    {
        _ = await store.HeadAsync(bucket, key, cancel).ConfigureAwait(false) ?? throw Missing(bucket, key);
        await WriteAsync(http, answer, cancel).ConfigureAwait(false);
    }

    public async Task GetTagsAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var info = await store.HeadAsync(bucket, key, cancel).ConfigureAwait(false) ?? throw Missing(bucket, key);
        await WriteAsync(http, ObjectTags.Write(info.Tags), cancel).ConfigureAwait(false);
    }

    public async Task PutTagsAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var document = await S3Body.ReadXmlAsync(http, S3Document.Tagging, optional: false, cancel).ConfigureAwait(false);
        if (!store.SetTags(bucket, key, ObjectTags.Read(document!)))
        {
            throw Missing(bucket, key);
        }
    }

    public Task DeleteTagsAsync(HttpContext http, string bucket, string key)
    {
        http.Response.StatusCode = 204;
        return store.SetTags(bucket, key, []) ? Task.CompletedTask : throw Missing(bucket, key);
    }

    private static S3Exception Missing(string bucket, string key) => new("NoSuchKey", $"The specified key does not exist: '{Readable.Cut(key)}' in bucket '{bucket}'.");
}
