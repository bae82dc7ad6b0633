using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Headers;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Requests to one object.</summary>
internal sealed class ObjectRequests(ObjectStore store, BucketRequests buckets)
{
    public async Task PutAsync(S3Request request, CancellationToken cancel)
    {
        var options = S3Conditions.OfWrite(request) with
        {
            ContentType = NullIfEmpty(request.ContentType),
            UserMetadata = UserMetadata(request.Headers),
            Headers = Kept(request.Headers),
            Algorithms = S3Body.Algorithms(request.Headers),
            OnlyVerified = S3Body.OnlyVerified(request),
            Verify = d => S3Body.Verify(request, d),
            ChecksumType = "FULL_OBJECT",
            Tags = TagsOf(request.Headers),
        };
        S3Body.CheckAnnounced(request);
        var info = await store.PutAsync(request.Bucket, request.Key, request.Body, options, cancel).ConfigureAwait(false);
        request.Response.Headers.ETag = Quote(info.ETag);
        ChecksumHeaders(request.Response, info.Checksums, info.ChecksumType);
    }

    public async Task GetAsync(S3Request request, CancellationToken cancel)
    {
        var stream = store.OpenRead(request.Bucket, request.Key, out var info) ?? throw Missing(request);
        await using (stream.ConfigureAwait(false))
        {
            var response = request.Response;
            var headers = response.Headers;
            var status = S3Conditions.Evaluate(request.Headers.IfMatch, request.Headers.IfNoneMatch,
                request.Headers.IfModifiedSince, request.Headers.IfUnmodifiedSince, info!);
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
            var part = NullIfEmpty(request.Parameter("partNumber")) is { } number ? Part(request, number, info) : null;
            if ((part ?? S3Conditions.Range(request.Headers.Range.ToString(), info.Size)) is { } range)
            {
                (first, length) = range;
                response.StatusCode = 206;
                headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {first}-{first + length - 1}/{info.Size}");
            }
            else if (request.Header("x-amz-checksum-mode").Equals("ENABLED", StringComparison.OrdinalIgnoreCase))
            {
                ChecksumHeaders(request.Response, info.Checksums, info.ChecksumType);
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

            // Earlier versions accepted names that are invalid in a header.
            if (info.UserMetadata.Keys.Count(name => !HeaderText.IsName(MetadataPrefix + name)) is > 0 and var missing)
            {
                headers["x-amz-missing-meta"] = missing.ToString(CultureInfo.InvariantCulture);
            }

            foreach (var name in KeptHeaders.Append("Content-Type"))
            {
                if (NullIfEmpty(request.Parameter("response-" + name.ToLowerInvariant())) is { } value)
                {
                    headers[name] = Sendable(value);
                }
            }

            if (HttpMethods.IsHead(request.Method))
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

    public async Task CopyAsync(S3Request request, CancellationToken cancel)
    {
        var (stream, source) = CopySource.Open(request, store, buckets);
        await using (stream.ConfigureAwait(false))
        {
            var replace = S3Conditions.Directive(request, "x-amz-metadata-directive");
            if (!replace && !S3Conditions.Directive(request, "x-amz-tagging-directive") && request.CopiesFrom == (request.Bucket, request.Key))
            {
                throw new S3Exception(
                    "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.");
            }

            if (source.Size > ObjectStore.MaxObjectBytes)
            {
                throw new S3Exception(
                    "InvalidRequest",
                    $"The specified copy source is larger than the maximum allowable size for a copy source: {ObjectStore.MaxObjectBytes}. It has "
                        + $"{source.Size} bytes; copy it in parts.");
            }

            var info = await store.PutAsync(request.Bucket, request.Key, stream, S3Conditions.OfWrite(request) with
            {
                ContentType = replace ? NullIfEmpty(request.ContentType) : source.ContentType,
                UserMetadata = replace ? UserMetadata(request.Headers) : source.UserMetadata,
                Headers = replace ? Kept(request.Headers) : source.Headers,
                Algorithms = S3Body.RequestedAlgorithm(request.Headers) is { } requested ? [requested] : source.Checksums.Keys,
                ChecksumType = "FULL_OBJECT",
                Tags = S3Conditions.Directive(request, "x-amz-tagging-directive") ? TagsOf(request.Headers) : source.Tags,
            }, cancel).ConfigureAwait(false);
            await WriteAsync(request.Response, new XElement(Ns + "CopyObjectResult", new XElement(Ns + "LastModified", Iso(info.LastModified)),
                new XElement(Ns + "ETag", Quote(info.ETag)), ChecksumElements(info.Checksums),
                info.Checksums.Count > 0 ? new XElement(Ns + "ChecksumType", info.ChecksumType) : null), cancel).ConfigureAwait(false);
        }
    }

    public async Task DeleteAsync(S3Request request, CancellationToken cancel)
    {
        var conditions = DeleteConditions.Of(
            request.Headers.IfMatch, request.Header("x-amz-if-match-last-modified-time"), request.Header("x-amz-if-match-size"));
        await store.DeleteAsync(request.Bucket, request.Key, cancel, conditions).ConfigureAwait(false);
        request.Response.StatusCode = 204;
    }

    /// <summary>The range of one part of an object. An object that was not uploaded in parts counts as one part; its range is null.</summary>
    private static (long First, long Length)? Part(S3Request request, string text, ObjectInfo info)
    {
        if (request.Headers.ContainsKey("Range"))
        {
            throw new S3Exception("InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
        }

        var count = info.Parts?.Count ?? 1;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1 || number > count)
        {
            throw new S3Exception(
                "InvalidPartNumber",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The requested part number is not satisfiable: received '{Readable.Truncate(text)}', and the object has {count} part(s)."));
        }

        if (info.Parts is null)
        {
            return null;
        }

        request.Response.Headers["x-amz-mp-parts-count"] = count.ToString(CultureInfo.InvariantCulture);
        return (info.Parts.Take(number - 1).Sum(p => p.Size), info.Parts[number - 1].Size);
    }

    /// <summary>Returns an object's attributes, without its content (GetObjectAttributes).</summary>
    public async Task AttributesAsync(S3Request request, CancellationToken cancel)
    {
        string[] known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
        var wanted = request.Header("x-amz-object-attributes").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (wanted.Length == 0 || wanted.Except(known).Any())
        {
            throw new S3Exception(
                "InvalidArgument",
                $"x-amz-object-attributes must name some of {string.Join(", ", known)}; received '{Readable.Truncate(string.Join(", ", wanted))}'.");
        }

        var info = await store.HeadAsync(request.Bucket, request.Key, cancel).ConfigureAwait(false) ?? throw Missing(request);
        request.Response.Headers.LastModified = info.LastModified.ToString("R", CultureInfo.InvariantCulture);
        await WriteAsync(request.Response, new XElement(Ns + "GetObjectAttributesResponse",
            wanted.Contains("ETag") ? new XElement(Ns + "ETag", info.ETag) : null,
            wanted.Contains("Checksum") && info.Checksums.Count > 0
                ? new XElement(
                    Ns + "Checksum", ChecksumElements(info.Checksums), info.ChecksumType is null ? null : new XElement(Ns + "ChecksumType", info.ChecksumType))
                : null,
            wanted.Contains("ObjectParts") && info.Parts is { } parts ? Parts(request, parts) : null,
            wanted.Contains("StorageClass") ? new XElement(Ns + "StorageClass", "STANDARD") : null,
            wanted.Contains("ObjectSize") ? new XElement(Ns + "ObjectSize", info.Size) : null), cancel).ConfigureAwait(false);
    }

    private static XElement Parts(S3Request request, IReadOnlyList<ObjectPart> parts)
    {
        var max = (int)Math.Min(1000, Number(request.Header("x-amz-max-parts"), 1000));
        var marker = Number(request.Header("x-amz-part-number-marker"), 0);
        var rest = parts.Where(p => p.Number > marker).ToList();
        var shown = rest.Take(max).ToList();
        return new XElement(Ns + "ObjectParts", new XElement(Ns + "PartsCount", parts.Count), new XElement(Ns + "PartNumberMarker", marker),
            new XElement(
                Ns + "NextPartNumberMarker",
                shown.Count > 0 ? shown[^1].Number : 0), new XElement(Ns + "MaxParts", max), new XElement(Ns + "IsTruncated", rest.Count > shown.Count),
            shown.Select(
                p => new XElement(Ns + "Part", new XElement(Ns + "PartNumber", p.Number), new XElement(Ns + "Size", p.Size), ChecksumElements(p.Checksums))));
    }

    /// <summary>Sends a response that is the same for every object, if the object exists.</summary>
    public async Task AnswerAsync(S3Request request, XElement response, CancellationToken cancel)
    {
        _ = await store.HeadAsync(request.Bucket, request.Key, cancel).ConfigureAwait(false) ?? throw Missing(request);
        await WriteAsync(request.Response, response, cancel).ConfigureAwait(false);
    }

    public async Task GetTagsAsync(S3Request request, CancellationToken cancel)
    {
        var info = await store.HeadAsync(request.Bucket, request.Key, cancel).ConfigureAwait(false) ?? throw Missing(request);
        await WriteAsync(request.Response, ObjectTags.Write(info.Tags), cancel).ConfigureAwait(false);
    }

    public async Task PutTagsAsync(S3Request request, CancellationToken cancel)
    {
        var document = await S3Body.ReadXmlAsync(request, S3Document.Tagging, optional: false, cancel).ConfigureAwait(false);
        if (!store.SetTags(request.Bucket, request.Key, ObjectTags.Read(document!)))
        {
            throw Missing(request);
        }
    }

    public Task DeleteTagsAsync(S3Request request)
    {
        request.Response.StatusCode = 204;
        return store.SetTags(request.Bucket, request.Key, []) ? Task.CompletedTask : throw Missing(request);
    }

    private static S3Exception Missing(S3Request request) =>
        new("NoSuchKey", $"The specified key does not exist: '{Readable.Truncate(request.Key)}' in bucket '{request.Bucket}'.");
}
