using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Ocellus.Objects;

/// <summary>Serves an <see cref="ObjectStore"/> as S3 in path style. The caller has authenticated the request.</summary>
internal sealed class S3Endpoint(ObjectStore store, TimeProvider clock)
{
    private const string Xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
    private static readonly XNamespace Ns = Xmlns;

    /// <summary>Sub-resources that are refused as a whole.</summary>
    private static readonly string[] Unsupported =
    [
        "accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory", "legal-hold",
        "lifecycle", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
        "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "tagging", "torrent",
        "versioning", "versions", "website", "versionId", "renameObject",
    ];

    private static readonly string[] KeptHeaders =
        ["Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires"];

    public async Task HandleAsync(HttpContext http, string accountId, string region, CancellationToken cancel)
    {
        var requestId = Guid.NewGuid().ToString("N")[..16].ToUpperInvariant();
        http.Response.Headers["x-amz-request-id"] = requestId;
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var (bucket, key) = Target(http);
        try
        {
            await DispatchAsync(http, bucket, key, accountId, region, cancel).ConfigureAwait(false);
        }
        catch (S3Exception e) when (!http.Response.HasStarted)
        {
            http.Response.StatusCode = e.Status;
            http.Response.ContentLength = null;
            if (!HttpMethods.IsHead(http.Request.Method))
            {
                var error = new XElement("Error", new XElement("Code", e.Code), new XElement("Message", e.Message));
                if (e.Code == "NoSuchKey")
                {
                    error.Add(new XElement("Key", key));
                }

                error.Add(new XElement("Resource", "/" + bucket + (key.Length > 0 ? "/" + key : "")), new XElement("RequestId", requestId));
                await WriteAsync(http, error, cancel).ConfigureAwait(false);
            }
        }
    }

    // The raw target, because the server's decoded path has its dot segments removed and keeps %2F.
    private static (string Bucket, string Key) Target(HttpContext http)
    {
        var raw = http.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(raw) || raw[0] != '/')
        {
            raw = http.Request.Path.ToUriComponent();
        }

        var path = raw.Split('?', 2)[0].TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? (Uri.UnescapeDataString(path), "")
            : (Uri.UnescapeDataString(path[..slash]), Uri.UnescapeDataString(path[(slash + 1)..]));
    }

    private Task DispatchAsync(HttpContext http, string bucket, string key, string accountId, string region, CancellationToken cancel)
    {
        var method = http.Request.Method;
        var query = http.Request.Query;
        if (Unsupported.Any(query.ContainsKey))
        {
            throw new S3Exception("NotImplemented");
        }

        if (bucket.Length == 0)
        {
            return method == "GET" ? ListBucketsAsync(http, accountId, cancel) : throw new S3Exception("MethodNotAllowed");
        }

        if (key.Length == 0)
        {
            if (method == "PUT")
            {
                return CreateBucketAsync(http, bucket, accountId, region, cancel);
            }

            var found = Owned(bucket, accountId);
            switch (method)
            {
                case "HEAD":
                    http.Response.Headers["x-amz-bucket-region"] = found.Region;
                    return Task.CompletedTask;
                case "DELETE":
                    store.DeleteBucket(bucket);
                    http.Response.StatusCode = 204;
                    return Task.CompletedTask;
                case "POST" when query.ContainsKey("delete"):
                    return DeleteManyAsync(http, bucket, cancel);
                case "GET" when query.ContainsKey("location"):
                    return WriteAsync(http, new XElement(Ns + "LocationConstraint", found.Region == "us-east-1" ? null : found.Region), cancel);
                case "GET" when query.ContainsKey("uploads"):
                    return ListUploadsAsync(http, bucket, cancel);
                case "GET":
                    return ListAsync(http, bucket, query["list-type"] == "2", cancel);
                default:
                    throw new S3Exception(method == "POST" ? "NotImplemented" : "MethodNotAllowed");
            }
        }

        Owned(bucket, accountId);
        ObjectStore.CheckKey(key);
        var upload = query["uploadId"].ToString();
        var copy = http.Request.Headers.ContainsKey("x-amz-copy-source");
        return method switch
        {
            "GET" when upload.Length > 0 => ListPartsAsync(http, bucket, key, upload, cancel),
            "GET" or "HEAD" => GetAsync(http, bucket, key, cancel),
            "PUT" when upload.Length > 0 => PutPartAsync(http, bucket, key, upload, accountId, cancel),
            "PUT" when copy => CopyAsync(http, bucket, key, accountId, cancel),
            "PUT" => PutAsync(http, bucket, key, cancel),
            "POST" when query.ContainsKey("uploads") => CreateUploadAsync(http, bucket, key, cancel),
            "POST" when upload.Length > 0 => CompleteAsync(http, bucket, key, upload, cancel),
            "DELETE" when upload.Length > 0 => AbortAsync(http, bucket, key, upload),
            "DELETE" => DeleteAsync(http, bucket, key, cancel),
            _ => throw new S3Exception("MethodNotAllowed"),
        };
    }

    private Bucket Owned(string bucket, string accountId)
    {
        if (!ObjectStore.IsBucketName(bucket))
        {
            throw new S3Exception("InvalidBucketName");
        }

        var found = store.FindBucket(bucket) ?? throw new S3Exception("NoSuchBucket");
        return found.AccountId == accountId ? found : throw new S3Exception("AccessDenied");
    }

    private Task ListBucketsAsync(HttpContext http, string accountId, CancellationToken cancel) =>
        WriteAsync(http, new XElement(Ns + "ListAllMyBucketsResult", Owner(accountId),
            new XElement(Ns + "Buckets", store.Buckets(accountId).Select(b => new XElement(Ns + "Bucket",
                new XElement(Ns + "Name", b.Name), new XElement(Ns + "CreationDate", Iso(b.CreationDate)),
                new XElement(Ns + "BucketRegion", b.Region))))), cancel);

    private async Task CreateBucketAsync(HttpContext http, string bucket, string accountId, string region, CancellationToken cancel)
    {
        var body = await ReadXmlAsync(http, 1 << 20, optional: true, cancel).ConfigureAwait(false);
        var wanted = Child(body, "LocationConstraint");
        store.CreateBucket(bucket, accountId, string.IsNullOrEmpty(wanted) ? region : wanted);
        http.Response.Headers.Location = "/" + bucket;
    }

    private async Task PutAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var options = Conditions(http) with
        {
            ContentType = NullIfEmpty(http.Request.ContentType),
            UserMetadata = UserMetadata(http),
            Headers = Kept(http),
            Algorithms = Algorithms(http),
            Verify = d => Verify(http, d),
            ChecksumType = "FULL_OBJECT",
        };
        var info = await store.PutAsync(bucket, key, http.Request.Body, options, cancel).ConfigureAwait(false);
        http.Response.Headers.ETag = Quote(info.ETag);
        ChecksumHeaders(http, info.Checksums, info.ChecksumType);
    }

    private async Task GetAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var stream = store.OpenRead(bucket, key, out var info) ?? throw new S3Exception("NoSuchKey");
        await using (stream.ConfigureAwait(false))
        {
            var response = http.Response;
            var headers = response.Headers;
            var status = Evaluate(http.Request.Headers.IfMatch, http.Request.Headers.IfNoneMatch,
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
            if (Range(http.Request.Headers.Range.ToString(), info.Size) is { } range)
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
            response.ContentType = info.ContentType;
            response.ContentLength = length;
            foreach (var (name, value) in info.Headers)
            {
                headers[name] = value;
            }

            foreach (var (name, value) in info.UserMetadata)
            {
                headers["x-amz-meta-" + name] = value;
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

    private async Task CopyAsync(HttpContext http, string bucket, string key, string accountId, CancellationToken cancel)
    {
        var (stream, source) = OpenSource(http, accountId);
        await using (stream.ConfigureAwait(false))
        {
            var (fromBucket, fromKey) = Source(http);
            var replace = http.Request.Headers["x-amz-metadata-directive"] == "REPLACE";
            if (!replace && fromBucket == bucket && fromKey == key)
            {
                throw new S3Exception("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.");
            }

            var info = await store.PutAsync(bucket, key, stream, Conditions(http) with
            {
                ContentType = replace ? NullIfEmpty(http.Request.ContentType) : source.ContentType,
                UserMetadata = replace ? UserMetadata(http) : source.UserMetadata,
                Headers = replace ? Kept(http) : source.Headers,
                Algorithms = [.. source.Checksums.Keys, .. Algorithms(http)],
                ChecksumType = "FULL_OBJECT",
            }, cancel).ConfigureAwait(false);
            await WriteAsync(http, new XElement(Ns + "CopyObjectResult", new XElement(Ns + "LastModified", Iso(info.LastModified)),
                new XElement(Ns + "ETag", Quote(info.ETag)), ChecksumElements(info.Checksums)), cancel).ConfigureAwait(false);
        }
    }

    private async Task DeleteAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        await store.DeleteAsync(bucket, key, cancel).ConfigureAwait(false);
        http.Response.StatusCode = 204;
    }

    private async Task DeleteManyAsync(HttpContext http, string bucket, CancellationToken cancel)
    {
        var body = await ReadXmlAsync(http, 2 << 20, optional: false, cancel).ConfigureAwait(false);
        var keys = Children(body, "Object").Select(o => Child(o, "Key")).ToList();
        if (keys.Count is 0 or > 1000 || keys.Contains(null) || body!.Name.LocalName != "Delete")
        {
            throw new S3Exception("MalformedXML");
        }

        var quiet = Child(body, "Quiet") == "true";
        var result = new XElement(Ns + "DeleteResult");
        foreach (var key in keys)
        {
            await store.DeleteAsync(bucket, key!, cancel).ConfigureAwait(false);
            if (!quiet)
            {
                result.Add(new XElement(Ns + "Deleted", new XElement(Ns + "Key", key)));
            }
        }

        await WriteAsync(http, result, cancel).ConfigureAwait(false);
    }

    private Task ListAsync(HttpContext http, string bucket, bool v2, CancellationToken cancel)
    {
        var query = http.Request.Query;
        var encode = Encoder(query["encoding-type"].ToString());
        var prefix = query["prefix"].ToString();
        var delimiter = NullIfEmpty(query["delimiter"].ToString());
        var max = Count(query["max-keys"].ToString());
        var token = v2 ? NullIfEmpty(query["continuation-token"].ToString()) : null;
        var start = NullIfEmpty(query[v2 ? "start-after" : "marker"].ToString());
        var page = store.List(bucket, prefix, delimiter, token is null ? start : FromToken(token), max);
        var owner = !v2 || query["fetch-owner"] == "true" ? store.FindBucket(bucket)?.AccountId : null;
        var result = new XElement(Ns + "ListBucketResult",
            new XElement(Ns + "Name", bucket), new XElement(Ns + "Prefix", encode(prefix)),
            new XElement(Ns + "MaxKeys", max), new XElement(Ns + "IsTruncated", page.Next is not null),
            delimiter is null ? null : new XElement(Ns + "Delimiter", encode(delimiter)),
            encode("/ ") == "/ " ? null : new XElement(Ns + "EncodingType", "url"));
        if (v2)
        {
            result.Add(new XElement(Ns + "KeyCount", page.Objects.Count + page.Prefixes.Count),
                token is null ? null : new XElement(Ns + "ContinuationToken", token),
                start is null ? null : new XElement(Ns + "StartAfter", encode(start)),
                page.Next is null ? null : new XElement(Ns + "NextContinuationToken", Convert.ToBase64String(Encoding.UTF8.GetBytes(page.Next))));
        }
        else
        {
            result.Add(new XElement(Ns + "Marker", encode(start ?? "")),
                page.Next is null || delimiter is null ? null : new XElement(Ns + "NextMarker", encode(page.Next)));
        }

        result.Add(page.Objects.Select(o => new XElement(Ns + "Contents",
            new XElement(Ns + "Key", encode(o.Key)), new XElement(Ns + "LastModified", Iso(o.LastModified)),
            new XElement(Ns + "ETag", Quote(o.ETag)), o.Checksums.Keys.Select(c => new XElement(Ns + "ChecksumAlgorithm", c.ToUpperInvariant())),
            new XElement(Ns + "Size", o.Size), owner is null ? null : Owner(owner), new XElement(Ns + "StorageClass", "STANDARD"))));
        result.Add(page.Prefixes.Select(p => new XElement(Ns + "CommonPrefixes", new XElement(Ns + "Prefix", encode(p)))));
        return WriteAsync(http, result, cancel);
    }

    private Task CreateUploadAsync(HttpContext http, string bucket, string key, CancellationToken cancel)
    {
        var algorithm = NullIfEmpty(http.Request.Headers["x-amz-checksum-algorithm"].ToString())?.ToLowerInvariant();
        if (algorithm is not null && !DigestSet.Names.Contains(algorithm))
        {
            throw new S3Exception("InvalidRequest");
        }

        var type = NullIfEmpty(http.Request.Headers["x-amz-checksum-type"].ToString())
            ?? (algorithm is null ? null : algorithm == "crc64nvme" ? "FULL_OBJECT" : "COMPOSITE");
        var upload = store.CreateUpload(bucket, new UploadInfo
        {
            Id = "",
            Key = key,
            Initiated = clock.GetUtcNow(),
            ContentType = NullIfEmpty(http.Request.ContentType),
            UserMetadata = UserMetadata(http),
            Headers = Kept(http),
            Algorithm = algorithm,
            ChecksumType = type,
        });
        if (algorithm is not null)
        {
            http.Response.Headers["x-amz-checksum-algorithm"] = algorithm.ToUpperInvariant();
            http.Response.Headers["x-amz-checksum-type"] = type;
        }

        return WriteAsync(http, new XElement(Ns + "InitiateMultipartUploadResult", new XElement(Ns + "Bucket", bucket),
            new XElement(Ns + "Key", key), new XElement(Ns + "UploadId", upload.Id)), cancel);
    }

    private async Task PutPartAsync(HttpContext http, string bucket, string key, string id, string accountId, CancellationToken cancel)
    {
        if (!int.TryParse(http.Request.Query["partNumber"], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 10000)
        {
            throw new S3Exception("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
        }

        var upload = store.Upload(bucket, key, id);
        string[] algorithms = upload.Algorithm is null ? [] : [upload.Algorithm];
        if (!http.Request.Headers.ContainsKey("x-amz-copy-source"))
        {
            var part = await store.PutPartAsync(bucket, key, id, number, http.Request.Body, new PutOptions
            {
                Algorithms = [.. algorithms, .. Algorithms(http)],
                Verify = d => Verify(http, d),
            }, cancel).ConfigureAwait(false);
            http.Response.Headers.ETag = Quote(part.ETag);
            ChecksumHeaders(http, part.Checksums, null);
            return;
        }

        var (stream, source) = OpenSource(http, accountId);
        await using (stream.ConfigureAwait(false))
        {
            var (first, length) = Range(http.Request.Headers["x-amz-copy-source-range"].ToString(), source.Size) ?? (0, source.Size);
            stream.Position = first;
            var slice = new LimitedStream(stream, length);
            await using (slice.ConfigureAwait(false))
            {
                var part = await store.PutPartAsync(bucket, key, id, number, slice, new PutOptions { Algorithms = algorithms }, cancel).ConfigureAwait(false);
                await WriteAsync(http, new XElement(Ns + "CopyPartResult", new XElement(Ns + "LastModified", Iso(part.LastModified)),
                    new XElement(Ns + "ETag", Quote(part.ETag)), ChecksumElements(part.Checksums)), cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task CompleteAsync(HttpContext http, string bucket, string key, string id, CancellationToken cancel)
    {
        store.Upload(bucket, key, id);
        var body = await ReadXmlAsync(http, 2 << 20, optional: false, cancel).ConfigureAwait(false);
        var parts = new List<(int, string)>();
        foreach (var part in Children(body, "Part"))
        {
            if (!int.TryParse(Child(part, "PartNumber"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || Child(part, "ETag") is not { } etag)
            {
                throw new S3Exception("MalformedXML");
            }

            parts.Add((number, etag));
        }

        if (parts.Count == 0)
        {
            throw new S3Exception("MalformedXML");
        }

        var info = await store.CompleteUploadAsync(bucket, key, id, parts, Conditions(http), cancel).ConfigureAwait(false);
        await WriteAsync(http, new XElement(Ns + "CompleteMultipartUploadResult",
            new XElement(Ns + "Location", $"{http.Request.Scheme}://{http.Request.Host}/{bucket}/{Uri.EscapeDataString(key)}"),
            new XElement(Ns + "Bucket", bucket), new XElement(Ns + "Key", key), new XElement(Ns + "ETag", Quote(info.ETag)),
            ChecksumElements(info.Checksums)), cancel).ConfigureAwait(false);
    }

    private Task AbortAsync(HttpContext http, string bucket, string key, string id)
    {
        store.AbortUpload(bucket, key, id);
        http.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    private Task ListPartsAsync(HttpContext http, string bucket, string key, string id, CancellationToken cancel)
    {
        var max = Count(http.Request.Query["max-parts"].ToString());
        var marker = Number(http.Request.Query["part-number-marker"].ToString(), 0);
        var rest = store.Parts(bucket, key, id).Where(p => p.Number > marker).ToList();
        var shown = rest.Take(max).ToList();
        return WriteAsync(http, new XElement(Ns + "ListPartsResult", new XElement(Ns + "Bucket", bucket), new XElement(Ns + "Key", key),
            new XElement(Ns + "UploadId", id), new XElement(Ns + "PartNumberMarker", marker),
            new XElement(Ns + "NextPartNumberMarker", shown.Count > 0 ? shown[^1].Number : 0), new XElement(Ns + "MaxParts", max),
            new XElement(Ns + "IsTruncated", rest.Count > shown.Count), new XElement(Ns + "StorageClass", "STANDARD"),
            shown.Select(p => new XElement(Ns + "Part", new XElement(Ns + "PartNumber", p.Number), new XElement(Ns + "LastModified", Iso(p.LastModified)),
                new XElement(Ns + "ETag", Quote(p.ETag)), new XElement(Ns + "Size", p.Size), ChecksumElements(p.Checksums)))), cancel);
    }

    private Task ListUploadsAsync(HttpContext http, string bucket, CancellationToken cancel)
    {
        var encode = Encoder(http.Request.Query["encoding-type"].ToString());
        var prefix = http.Request.Query["prefix"].ToString();
        return WriteAsync(http, new XElement(Ns + "ListMultipartUploadsResult", new XElement(Ns + "Bucket", bucket),
            new XElement(Ns + "Prefix", encode(prefix)), new XElement(Ns + "MaxUploads", 1000), new XElement(Ns + "IsTruncated", false),
            store.Uploads(bucket).Where(u => u.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(u => new XElement(Ns + "Upload",
                new XElement(Ns + "Key", encode(u.Key)), new XElement(Ns + "UploadId", u.Id), new XElement(Ns + "StorageClass", "STANDARD"),
                new XElement(Ns + "Initiated", Iso(u.Initiated))))), cancel);
    }

    private static (string Bucket, string Key) Source(HttpContext http)
    {
        var raw = http.Request.Headers["x-amz-copy-source"].ToString();
        var path = Uri.UnescapeDataString(raw.Split('?', 2)[0]).TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (raw.Contains("?versionId=", StringComparison.Ordinal))
        {
            throw new S3Exception("NotImplemented");
        }

        return slash > 0 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..]) : throw new S3Exception("InvalidArgument");
    }

    private (Stream Stream, ObjectInfo Info) OpenSource(HttpContext http, string accountId)
    {
        var (bucket, key) = Source(http);
        Owned(bucket, accountId);
        var stream = store.OpenRead(bucket, key, out var info) ?? throw new S3Exception("NoSuchKey");
        var headers = http.Request.Headers;
        if (Evaluate(headers["x-amz-copy-source-if-match"].ToString(), headers["x-amz-copy-source-if-none-match"].ToString(),
            headers["x-amz-copy-source-if-modified-since"].ToString(), headers["x-amz-copy-source-if-unmodified-since"].ToString(), info!) != 200)
        {
            stream.Dispose();
            throw new S3Exception("PreconditionFailed");
        }

        return (stream, info!);
    }

    private static PutOptions Conditions(HttpContext http)
    {
        var none = http.Request.Headers.IfNoneMatch.ToString();
        if (none.Length > 0 && none != "*")
        {
            throw new S3Exception("NotImplemented");
        }

        return new PutOptions { OnlyIfAbsent = none == "*", OnlyIfETag = NullIfEmpty(http.Request.Headers.IfMatch.ToString()) };
    }

    /// <summary>200, 304 or 412. An ETag condition decides over a date of the same kind.</summary>
    private static int Evaluate(string? match, string? noneMatch, string? modified, string? unmodified, ObjectInfo info)
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

    /// <summary>The range asked for; null when there is none or it is malformed, which HTTP says to ignore.</summary>
    private static (long First, long Length)? Range(string text, long size)
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

    private static List<string> Algorithms(HttpContext http)
    {
        var headers = http.Request.Headers;
        var trailer = headers["x-amz-trailer"].ToString();
        var sdk = headers["x-amz-sdk-checksum-algorithm"].ToString() + headers["x-amz-checksum-algorithm"];
        return [.. DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)
            || trailer.Contains("x-amz-checksum-" + n, StringComparison.OrdinalIgnoreCase)
            || sdk.Equals(n, StringComparison.OrdinalIgnoreCase)),
            .. headers["x-amz-content-sha256"].ToString().Length == 64 ? ["sha256"] : Array.Empty<string>()];
    }

    private static void Verify(HttpContext http, ObjectDigests digests)
    {
        var headers = http.Request.Headers;
        var trailers = http.Items.TryGetValue("ocellus.trailers", out var item) ? item as IReadOnlyDictionary<string, string> : null;
        var decoded = headers["x-amz-decoded-content-length"].ToString();
        if ((decoded.Length > 0 ? Number(decoded, -1) : http.Request.ContentLength) is { } announced && announced != digests.Length)
        {
            throw new S3Exception("IncompleteBody");
        }

        if (NullIfEmpty(headers.ContentMD5.ToString()) is { } md5)
        {
            Compare(md5, digests.Md5);
        }

        foreach (var (name, value) in digests.Values)
        {
            var header = "x-amz-checksum-" + name;
            var wanted = NullIfEmpty(headers[header].ToString())
                ?? trailers?.FirstOrDefault(t => t.Key.Equals(header, StringComparison.OrdinalIgnoreCase)).Value?.Trim();
            if (wanted is not null)
            {
                Compare(wanted, value);
            }
        }

        var signed = headers["x-amz-content-sha256"].ToString();
        if (signed.Length == 64 && !signed.Equals(Convert.ToHexString(digests.Values["sha256"]), StringComparison.OrdinalIgnoreCase))
        {
            throw new S3Exception("XAmzContentSHA256Mismatch");
        }

        static void Compare(string wanted, byte[] have)
        {
            var buffer = new byte[64];
            if (wanted.Length > 64 || !Convert.TryFromBase64String(wanted, buffer, out var length) || length != have.Length)
            {
                throw new S3Exception("InvalidDigest");
            }

            if (!buffer.AsSpan(0, length).SequenceEqual(have))
            {
                throw new S3Exception("BadDigest");
            }
        }
    }

    private static Dictionary<string, string> UserMetadata(HttpContext http) => http.Request.Headers
        .Where(h => h.Key.StartsWith("x-amz-meta-", StringComparison.OrdinalIgnoreCase))
        .ToDictionary(h => h.Key[11..].ToLowerInvariant(), h => h.Value.ToString());

    private static Dictionary<string, string> Kept(HttpContext http)
    {
        var kept = KeptHeaders.Where(http.Request.Headers.ContainsKey).ToDictionary(n => n, n => http.Request.Headers[n].ToString());
        if (kept.TryGetValue("Content-Encoding", out var encoding))
        {
            // aws-chunked names the framing of the request and not the object.
            var rest = string.Join(",", encoding.Split(',', StringSplitOptions.TrimEntries).Where(e => e.Length > 0 && e != "aws-chunked"));
            kept.Remove("Content-Encoding");
            if (rest.Length > 0)
            {
                kept["Content-Encoding"] = rest;
            }
        }

        return kept;
    }

    private static void ChecksumHeaders(HttpContext http, Dictionary<string, string> checksums, string? type)
    {
        foreach (var (name, value) in checksums)
        {
            http.Response.Headers["x-amz-checksum-" + name] = value;
        }

        if (checksums.Count > 0 && type is not null)
        {
            http.Response.Headers["x-amz-checksum-type"] = type;
        }
    }

    private static IEnumerable<XElement> ChecksumElements(Dictionary<string, string> checksums) =>
        checksums.Select(c => new XElement(Ns + ("Checksum" + c.Key.ToUpperInvariant()), c.Value));

    private static Func<string, string> Encoder(string type) => type switch
    {
        "" => s => s,
        "url" => s => Uri.EscapeDataString(s).Replace("%2F", "/", StringComparison.Ordinal),
        _ => throw new S3Exception("InvalidArgument", "Invalid Encoding Method specified in Request"),
    };

    private static string FromToken(string token)
    {
        var buffer = new byte[token.Length];
        return Convert.TryFromBase64String(token, buffer, out var length)
            ? Encoding.UTF8.GetString(buffer, 0, length)
            : throw new S3Exception("InvalidArgument", "The continuation token provided is incorrect");
    }

    private static int Count(string text) => (int)Math.Min(1000, Number(text, 1000));

    private static long Number(string text, long missing) =>
        text.Length == 0 ? missing
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var small) ? small
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new S3Exception("InvalidArgument");

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static string Quote(string etag) => $"\"{etag}\"";

    private static string Iso(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private static XElement Owner(string accountId) => new(Ns + "Owner", new XElement(Ns + "ID", accountId));

    private static IEnumerable<XElement> Children(XElement? parent, string name) => parent?.Elements().Where(e => e.Name.LocalName == name) ?? [];

    private static string? Child(XElement? parent, string name) => Children(parent, name).FirstOrDefault()?.Value;

    private static async Task<XElement?> ReadXmlAsync(HttpContext http, int limit, bool optional, CancellationToken cancel)
    {
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        using var digests = new DigestSet(Algorithms(http));
        while ((read = await http.Request.Body.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
        {
            if (body.Length + read > limit)
            {
                throw new S3Exception("MalformedXML");
            }

            digests.Append(buffer.AsSpan(0, read));
            body.Write(buffer, 0, read);
        }

        if (!http.Request.Query.ContainsKey("uploadId"))
        {
            // On completion the checksum headers are those of the object and not of this document.
            Verify(http, digests.Finish());
        }

        if (body.Length == 0 && optional)
        {
            return null;
        }

        body.Position = 0;
        try
        {
            using var reader = XmlReader.Create(body, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false });
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root;
        }
        catch (XmlException)
        {
            throw new S3Exception("MalformedXML");
        }
    }

    private static async Task WriteAsync(HttpContext http, XElement root, CancellationToken cancel)
    {
        using var buffer = new MemoryStream();
        // Keys may hold characters that XML 1.0 has no form for; S3 writes their references regardless.
        using (var writer = XmlWriter.Create(buffer, new XmlWriterSettings { Encoding = new UTF8Encoding(false), CheckCharacters = false }))
        {
            root.Save(writer);
        }

        http.Response.ContentType = "application/xml";
        http.Response.ContentLength = buffer.Length;
        await http.Response.Body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), cancel).ConfigureAwait(false);
    }

    /// <summary>The next bytes of a stream, up to a number of them.</summary>
    private sealed class LimitedStream(Stream inner, long left) : Stream
    {
        private long _left = left;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
            _left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
