using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Protocol;
using Ocellus.Protocol.SigV4;

namespace Ocellus.Objects;

/// <summary>Serves an <see cref="ObjectStore"/> as S3 in path style. The caller has authenticated the request.</summary>
internal sealed partial class S3Endpoint(ObjectStore store, TimeProvider clock, ILogger<S3Endpoint> log)
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

    /// <summary>Headers of features that are not served. To store an object and forget them would mislead: the refusal is S3's own.</summary>
    private static readonly string[] RefusedHeaders =
    [
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-copy-source-server-side-encryption-customer-algorithm", "x-amz-tagging",
        "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location", "x-amz-write-offset-bytes",
    ];

    /// <summary>Most bytes of an object's user metadata, names and values: S3's limit.</summary>
    private const int MetadataBytesMax = 2 * 1024;

    /// <summary>Most keys of one DeleteObjects: S3's limit.</summary>
    private const int DeleteKeysMax = 1000;

    private static readonly string[] ConditionsOfDelete = ["ETag", "LastModifiedTime", "Size"];

    /// <summary>Where the gate leaves the trailing headers of a streamed body.</summary>
    public const string TrailersItem = "ocellus.trailers";

    /// <summary>Headers that speak of an object: an error's body has none of them.</summary>
    public static readonly string[] ObjectHeaders = [.. KeptHeaders, "ETag", "Last-Modified", "Content-Range", "Accept-Ranges"];

    /// <exception cref="S3Exception">The request is refused.</exception>
    public Task HandleAsync(HttpContext http, string accountId, string region, CancellationToken cancel)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var (bucket, key) = Target(http);
        return DispatchAsync(http, bucket, key, accountId, region, cancel);
    }

    /// <summary>Bucket and key of a request in path style; each may be empty.</summary>
    /// <remarks>From the raw target, because the server's decoded path has its dot segments removed and keeps %2F.</remarks>
    public static (string Bucket, string Key) Target(HttpContext http)
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
        if (Array.Find(Unsupported, query.ContainsKey) is { } resource)
        {
            throw new S3Exception("NotImplemented", $"The parameter '{resource}' implies functionality that is not implemented.");
        }

        if (Array.Find(RefusedHeaders, http.Request.Headers.ContainsKey) is { } header)
        {
            throw new S3Exception("NotImplemented", $"The header '{header}' implies functionality that is not implemented.");
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
                    return WriteAsync(http, new XElement(Ns + "LocationConstraint", found.Region == Bucket.FirstRegion ? null : found.Region), cancel);
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
            throw new S3Exception("InvalidBucketName", $"The specified bucket is not valid: '{Readable.Cut(bucket)}'.");
        }

        var found = store.FindBucket(bucket) ?? throw new S3Exception("NoSuchBucket", $"The specified bucket does not exist: '{bucket}'.");
        return found.AccountId == accountId ? found : throw new S3Exception("AccessDenied", $"Access Denied: the bucket '{bucket}' belongs to another account than {accountId}.");
    }

    private Task ListBucketsAsync(HttpContext http, string accountId, CancellationToken cancel) =>
        WriteAsync(http, new XElement(Ns + "ListAllMyBucketsResult", Owner(accountId),
            new XElement(Ns + "Buckets", store.Buckets(accountId).Select(b => new XElement(Ns + "Bucket",
                new XElement(Ns + "Name", b.Name), new XElement(Ns + "CreationDate", Iso(b.CreationDate)),
                new XElement(Ns + "BucketRegion", b.Region))))), cancel);

    private async Task CreateBucketAsync(HttpContext http, string bucket, string accountId, string region, CancellationToken cancel)
    {
        var body = await ReadXmlAsync(http, 1 << 20, optional: true, cancel).ConfigureAwait(false);
        var wanted = NullIfEmpty(Child(body, "LocationConstraint"));
        if (wanted is not null && !RegionForm().IsMatch(wanted))
        {
            throw new S3Exception("InvalidLocationConstraint", $"The specified location constraint is not valid: '{Readable.Cut(wanted)}' is not the name of a region, such as eu-west-1.");
        }

        // As in AWS, us-east-1 makes buckets for every region and any other region for itself only.
        if (wanted is not null && region != Bucket.FirstRegion && wanted != region)
        {
            throw new S3Exception("IllegalLocationConstraintException", $"The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to: it is signed for {region}.");
        }

        var existing = store.FindBucket(bucket);
        if (region == Bucket.FirstRegion && wanted is null && existing is { Region: Bucket.FirstRegion } && existing.AccountId == accountId)
        {
            // An old habit of us-east-1 that scripts rely on: making one's own bucket again is no error there.
            http.Response.Headers.Location = "/" + bucket;
            return;
        }

        store.CreateBucket(bucket, accountId, wanted ?? region);
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

    private async Task CopyAsync(HttpContext http, string bucket, string key, string accountId, CancellationToken cancel)
    {
        var (stream, source) = OpenSource(http, accountId);
        await using (stream.ConfigureAwait(false))
        {
            var (fromBucket, fromKey) = Source(http);
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
        var entries = Children(body, "Object").ToList();
        if (body!.Name.LocalName != "Delete" || entries.Count is 0 or > DeleteKeysMax || entries.Exists(o => Child(o, "Key") is null))
        {
            throw new S3Exception("MalformedXML", $"The body must be a Delete element of 1 to {DeleteKeysMax} Object elements, each with a Key; received was '{Readable.Cut(body.Name.LocalName)}' with {entries.Count}.");
        }

        var quiet = Child(body, "Quiet") == "true";
        var result = new XElement(Ns + "DeleteResult");
        foreach (var entry in entries)
        {
            var key = Child(entry, "Key")!;
            if (await DeleteOneAsync(http, bucket, key, entry, cancel).ConfigureAwait(false) is { } refusal)
            {
                result.Add(new XElement(Ns + "Error", new XElement(Ns + "Key", key), new XElement(Ns + "Code", refusal.Code), new XElement(Ns + "Message", refusal.Message)));
            }
            else if (!quiet)
            {
                result.Add(new XElement(Ns + "Deleted", new XElement(Ns + "Key", key)));
            }
        }

        await WriteAsync(http, result, cancel).ConfigureAwait(false);
    }

    /// <summary>Deletes one of many keys: what goes wrong with it says nothing of the others.</summary>
    private async Task<S3Exception?> DeleteOneAsync(HttpContext http, string bucket, string key, XElement entry, CancellationToken cancel)
    {
        try
        {
            if (key.Length == 0)
            {
                throw new S3Exception("UserKeyMustBeSpecified");
            }

            S3Actions.RequireDelete(http, bucket, key);
            ObjectStore.CheckKey(key);
            if (NullIfEmpty(Child(entry, "VersionId")) is { } version && version != "null")
            {
                throw new S3Exception("NoSuchVersion", $"The specified version does not exist: '{Readable.Cut(version)}'; buckets have no versions here.");
            }

            if (Array.Find(ConditionsOfDelete, name => Child(entry, name) is not null) is { } condition)
            {
                throw new S3Exception("NotImplemented", $"The condition '{condition}' implies functionality that is not implemented.");
            }

            await store.DeleteAsync(bucket, key, cancel).ConfigureAwait(false);
            return null;
        }
        catch (S3Exception refusal) when (refusal.Code != "NoSuchBucket")
        {
            return refusal;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            DeleteFailed(log, failure, bucket, key);
            return new S3Exception("InternalError");
        }
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
            throw new S3Exception("InvalidRequest", $"Checksum algorithm provided is unsupported: '{Readable.Cut(algorithm)}'. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
        }

        var wantedType = NullIfEmpty(http.Request.Headers["x-amz-checksum-type"].ToString());
        if (wantedType is not null && (algorithm is null || wantedType != (algorithm is "crc64nvme" ? "FULL_OBJECT" : algorithm is "sha1" or "sha256" ? "COMPOSITE" : wantedType)
            || wantedType is not ("FULL_OBJECT" or "COMPOSITE")))
        {
            throw new S3Exception("InvalidRequest", $"The {Readable.Cut(wantedType)} checksum type cannot be used with the {algorithm ?? "absent"} checksum algorithm.");
        }

        var type = wantedType
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
            throw new S3Exception("InvalidArgument", $"Part number must be an integer between 1 and 10000, inclusive; received '{Readable.Cut(http.Request.Query["partNumber"].ToString())}'.");
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
            var (first, length) = CopyRange(http.Request.Headers["x-amz-copy-source-range"].ToString(), source.Size);
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
        var parts = new List<WantedPart>();
        foreach (var part in Children(body, "Part"))
        {
            if (!int.TryParse(Child(part, "PartNumber"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || Child(part, "ETag") is not { } etag)
            {
                throw new S3Exception("MalformedXML", $"Each Part needs a PartNumber and an ETag; part {parts.Count + 1} of the list has not both.");
            }

            parts.Add(new(number, etag, DigestSet.Names.Where(n => Child(part, "Checksum" + n.ToUpperInvariant()) is not null).ToDictionary(n => n, n => Child(part, "Checksum" + n.ToUpperInvariant())!.Trim())));
        }

        if (parts.Count == 0)
        {
            throw new S3Exception("MalformedXML", "A CompleteMultipartUpload element with at least one Part was expected.");
        }

        var headers = http.Request.Headers;
        var whole = DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)).ToDictionary(n => n, n => headers["x-amz-checksum-" + n].ToString());
        long? size = NullIfEmpty(headers["x-amz-mp-object-size"].ToString()) is { } text ? Number(text, 0) : null;
        var info = await store.CompleteUploadAsync(bucket, key, id, parts, whole, size, Conditions(http), cancel).ConfigureAwait(false);
        await WriteAsync(http, new XElement(Ns + "CompleteMultipartUploadResult",
            new XElement(Ns + "Location", $"{http.Request.Scheme}://{http.Request.Host}/{bucket}/{Uri.EscapeDataString(key)}"),
            new XElement(Ns + "Bucket", bucket), new XElement(Ns + "Key", key), new XElement(Ns + "ETag", Quote(info.ETag)),
            ChecksumElements(info.Checksums), info.Checksums.Count > 0 && info.ChecksumType is not null ? new XElement(Ns + "ChecksumType", info.ChecksumType) : null), cancel).ConfigureAwait(false);
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
        var query = http.Request.Query;
        if (NullIfEmpty(query["delimiter"].ToString()) is { } delimiter)
        {
            throw new S3Exception("NotImplemented", $"A delimiter ('{Readable.Cut(delimiter)}') in a list of uploads is not implemented; use a prefix.");
        }

        var prefix = query["prefix"].ToString();
        var max = Count(query["max-uploads"].ToString());
        var (keyMarker, idMarker) = (query["key-marker"].ToString(), query["upload-id-marker"].ToString());
        var rest = store.Uploads(bucket, keyMarker, idMarker).Where(u => u.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var shown = rest.Take(max).ToList();
        var more = rest.Count > shown.Count && shown.Count > 0;
        return WriteAsync(http, new XElement(Ns + "ListMultipartUploadsResult", new XElement(Ns + "Bucket", bucket),
            new XElement(Ns + "KeyMarker", encode(keyMarker)), new XElement(Ns + "UploadIdMarker", idMarker),
            more ? new XElement(Ns + "NextKeyMarker", encode(shown[^1].Key)) : null, more ? new XElement(Ns + "NextUploadIdMarker", shown[^1].Id) : null,
            new XElement(Ns + "Prefix", encode(prefix)), new XElement(Ns + "MaxUploads", max), new XElement(Ns + "IsTruncated", more),
            encode("/ ") == "/ " ? null : new XElement(Ns + "EncodingType", "url"),
            shown.Select(u => new XElement(Ns + "Upload",
                new XElement(Ns + "Key", encode(u.Key)), new XElement(Ns + "UploadId", u.Id), new XElement(Ns + "StorageClass", "STANDARD"),
                u.Algorithm is null ? null : new XElement(Ns + "ChecksumAlgorithm", u.Algorithm.ToUpperInvariant()),
                new XElement(Ns + "Initiated", Iso(u.Initiated))))), cancel);
    }

    /// <summary>Bucket and key that a copy reads.</summary>
    public static (string Bucket, string Key) Source(HttpContext http)
    {
        var raw = http.Request.Headers["x-amz-copy-source"].ToString();
        var path = Uri.UnescapeDataString(raw.Split('?', 2)[0]).TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (raw.Contains("?versionId=", StringComparison.Ordinal))
        {
            throw new S3Exception("NotImplemented", $"x-amz-copy-source names a version ('{Readable.Cut(raw)}'), and buckets have no versions here.");
        }

        return slash > 0 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..])
            : throw new S3Exception("InvalidArgument", $"x-amz-copy-source must be bucket/key, percent-encoded; received '{Readable.Cut(raw)}'.");
    }

    private (Stream Stream, ObjectInfo Info) OpenSource(HttpContext http, string accountId)
    {
        var (bucket, key) = Source(http);
        Owned(bucket, accountId);
        var stream = store.OpenRead(bucket, key, out var info) ?? throw new S3Exception("NoSuchKey", $"The specified key does not exist: '{Readable.Cut(key)}' in bucket '{bucket}', the source of the copy.");
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
            throw new S3Exception("NotImplemented", $"If-None-Match of a write may be * only; received '{Readable.Cut(none)}'.");
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

    /// <summary>The range of a copied part, which S3 takes in one form only and wholly inside its source.</summary>
    private static (long First, long Length) CopyRange(string text, long size)
    {
        if (text.Length == 0)
        {
            return (0, size);
        }

        var ends = text.StartsWith("bytes=", StringComparison.Ordinal) ? text[6..].Split('-') : [];
        if (ends.Length != 2 || !long.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            || !long.TryParse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || first > last)
        {
            throw new S3Exception("InvalidArgument", $"The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy; received '{Readable.Cut(text)}'.");
        }

        return last < size ? (first, last - first + 1)
            : throw new S3Exception("InvalidRange", string.Create(CultureInfo.InvariantCulture, $"Range specified is not valid for source object of size: {size}; received '{Readable.Cut(text)}'."));
    }

    /// <summary>Names of the trailing headers that the request says will follow its body.</summary>
    private static HashSet<string> Announced(HttpContext http) =>
        http.Request.Headers["x-amz-trailer"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static List<string> Algorithms(HttpContext http)
    {
        var headers = http.Request.Headers;
        var announced = Announced(http);
        var sdk = headers["x-amz-sdk-checksum-algorithm"].ToString() + headers["x-amz-checksum-algorithm"];
        return [.. DigestSet.Names.Where(n => headers.ContainsKey("x-amz-checksum-" + n)
            || announced.Contains("x-amz-checksum-" + n)
            || sdk.Equals(n, StringComparison.OrdinalIgnoreCase)),
            .. headers["x-amz-content-sha256"].ToString().Length == 64 ? ["sha256"] : Array.Empty<string>()];
    }

    private static void Verify(HttpContext http, ObjectDigests digests)
    {
        var headers = http.Request.Headers;
        var trailers = http.Items.TryGetValue(TrailersItem, out var item) ? item as IReadOnlyDictionary<string, string> : null;
        var decoded = headers["x-amz-decoded-content-length"].ToString();
        if ((decoded.Length > 0 ? Number(decoded, -1) : http.Request.ContentLength) is { } announced && announced != digests.Length)
        {
            throw new S3Exception("IncompleteBody", string.Create(CultureInfo.InvariantCulture, $"You did not provide the number of bytes specified by the Content-Length HTTP header: announced were {announced}, received {digests.Length}."));
        }

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

        var signed = headers["x-amz-content-sha256"].ToString();
        CheckSignedHash(signed, digests);

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

    private static void CheckSignedHash(string signed, ObjectDigests digests)
    {
        if (Canonical.IsHash(signed) && Convert.ToHexStringLower(digests.Values["sha256"]) is var computed && !signed.Equals(computed, StringComparison.OrdinalIgnoreCase))
        {
            throw new S3Exception("XAmzContentSHA256Mismatch", $"The provided 'x-amz-content-sha256' header does not match what was computed: received '{signed}', computed '{computed}'.");
        }
    }

    private static Dictionary<string, string> UserMetadata(HttpContext http)
    {
        var metadata = http.Request.Headers
            .Where(h => h.Key.StartsWith("x-amz-meta-", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(h => h.Key[11..].ToLowerInvariant(), h => h.Value.ToString());
        var bytes = metadata.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + Encoding.UTF8.GetByteCount(m.Value));
        return bytes <= MetadataBytesMax ? metadata
            : throw new S3Exception("MetadataTooLarge", string.Create(CultureInfo.InvariantCulture, $"Your metadata headers exceed the maximum allowed metadata size: received {bytes} bytes, allowed are {MetadataBytesMax}."));
    }

    /// <summary>A stored value as a header may carry it: S3 sends what is not ASCII in the form of RFC 2047.</summary>
    private static string Sendable(string value) =>
        value.All(c => c is >= ' ' and < '\u007f' or '\t') ? value : $"=?UTF-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(value))}?=";

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
        _ => throw new S3Exception("InvalidArgument", $"Invalid Encoding Method specified in Request: '{Readable.Cut(type)}'; it can be url."),
    };

    private static string FromToken(string token)
    {
        var buffer = new byte[token.Length];
        return Convert.TryFromBase64String(token, buffer, out var length)
            ? Encoding.UTF8.GetString(buffer, 0, length)
            : throw new S3Exception("InvalidArgument", $"The continuation token provided is incorrect: '{Readable.Cut(token)}'.");
    }

    private static int Count(string text) => (int)Math.Min(1000, Number(text, 1000));

    private static long Number(string text, long missing) =>
        text.Length == 0 ? missing
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var small) ? small
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new S3Exception("InvalidArgument", $"A number from 0 was expected; received '{Readable.Cut(text)}'.");

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

        body.Position = 0;
        try
        {
            using var reader = XmlReader.Create(body, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false });
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root;
        }
        catch (XmlException failure)
        {
            throw new S3Exception("MalformedXML", $"The XML that you provided was not well formed: {Readable.Cut(failure.Message)}");
        }
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"\A[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}\z")]
    private static partial System.Text.RegularExpressions.Regex RegionForm();

    [LoggerMessage(1302, LogLevel.Error, "Deleting {Key} of bucket {Bucket} failed")]
    private static partial void DeleteFailed(ILogger log, Exception failure, string bucket, string key);

    public static async Task WriteAsync(HttpContext http, XElement root, CancellationToken cancel)
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
