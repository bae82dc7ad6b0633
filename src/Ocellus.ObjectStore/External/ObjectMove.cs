using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;
using Ocellus.Objects.Files;
using Ocellus.Storage;

namespace Ocellus.Objects.External;

/// <summary>
/// Copies buckets with their objects from the embedded store to an external one, and back. An object that is there already, with the same size and checksum, is
/// not copied again, so that a copy that was cut short goes on.
/// </summary>
internal sealed class ObjectMove(DataDirectory data, ExternalStoreOptions options) : IDisposable
{
    private readonly ObjectStore _embedded = new(data.ObjectsPath, TimeProvider.System);

    private const int PageMax = 1000;

    private readonly AmazonS3Client _client = ExternalObjectStore.Connect(options, TimeSpan.FromMinutes(30));

    /// <summary>Copies everything from the embedded store. Returns how many objects are there.</summary>
    /// <param name="copied">Called with each bucket and its number of objects.</param>
    /// <param name="cancel">Cancels; the next attempt goes on.</param>
    /// <exception cref="IOException">The external store cannot be used, or an object has another checksum there.</exception>
    public async Task<long> OutAsync(Action<string, long> copied, CancellationToken cancel)
    {
        long all = 0;
        _embedded.Open(cancel);
        foreach (var bucket in _embedded.Buckets())
        {
            await _embedded.OpenedAsync(bucket.Name, cancel);
            await CallAsync(() => StoreCalls.EnsureBucketAsync(_client, bucket.Name, cancel));
            var there = await ListAsync(bucket.Name, cancel);
            long count = 0;
            string? after = null;
            do
            {
                var page = _embedded.List(bucket.Name, "", null, after, PageMax);
                foreach (var item in page.Objects)
                {
                    count++;
                    await SendAsync(bucket.Name, item.Key, there, cancel);
                }

                after = page.Next;
            }
            while (after is not null);

            copied(bucket.Name, count);
            all += count;
        }

        return all;
    }

    /// <summary>Copies everything to the embedded store but the product's own bucket. Returns how many objects are there.</summary>
    /// <param name="accountId">Account that the buckets are to belong to.</param>
    /// <param name="copied">Called with each bucket and its number of objects.</param>
    /// <param name="cancel">Cancels; the next attempt goes on.</param>
    /// <exception cref="IOException">The external store cannot be used, or an object has another checksum here.</exception>
    public async Task<long> InAsync(string accountId, Action<string, long> copied, CancellationToken cancel)
    {
        long all = 0;
        _embedded.Open(cancel);
        var buckets = await CallAsync(() => _client.ListBucketsAsync(cancel));
        foreach (var bucket in (buckets.Buckets ?? []).Select(b => b.BucketName).Where(b => b != options.OwnBucket))
        {
            if (_embedded.FindBucket(bucket) is null)
            {
                _embedded.CreateBucket(bucket, accountId, options.Region);
            }

            await _embedded.OpenedAsync(bucket, cancel);
            var objects = await ListAsync(bucket, cancel);
            foreach (var (key, known) in objects)
            {
                await FetchAsync(bucket, key, known, cancel);
            }

            copied(bucket, objects.Count);
            all += objects.Count;
        }

        return all;
    }

    public void Dispose() => _client.Dispose();

    private async Task SendAsync(string bucket, string key, Dictionary<string, (long Size, string ETag)> there, CancellationToken cancel)
    {
        if (_embedded.OpenRead(bucket, key, out var info) is not { } content)
        {
            throw new IOException($"s3://{bucket}/{key} cannot be read.");
        }

        await using var open = content;
        var md5 = await Md5Async(content, cancel);
        if (there.TryGetValue(key, out var known) && known == (info!.Size, md5))
        {
            return;
        }

        content.Position = 0;
        var request = new PutObjectRequest { BucketName = bucket, Key = key, InputStream = content, ContentType = info!.ContentType, AutoCloseStream = false };
        foreach (var (name, value) in info.UserMetadata)
        {
            request.Metadata[name] = value;
        }

        foreach (var (name, value) in info.Headers)
        {
            request.Headers[name] = value;
        }

        request.TagSet = [.. info.Tags.Select(t => new Tag { Key = t.Key, Value = t.Value })];
        var put = await CallAsync(() => _client.PutObjectAsync(request, cancel));
        if (put.ETag?.Trim('"') is not { } tag || (IsMd5(tag) && tag != md5))
        {
            throw new IOException($"s3://{bucket}/{key} has another checksum in {options.Endpoint} than here.");
        }
    }

    private async Task FetchAsync(string bucket, string key, (long Size, string ETag) known, CancellationToken cancel)
    {
        if (_embedded.OpenRead(bucket, key, out var info) is { } own)
        {
            await using (own)
            {
                if (info!.Size == known.Size && (!IsMd5(known.ETag) || await Md5Async(own, cancel) == known.ETag))
                {
                    return;
                }
            }
        }

        using var response = await CallAsync(() => _client.GetObjectAsync(bucket, key, cancel));
        var metadata = response.Metadata.Keys.ToDictionary(
            name => name.StartsWith("x-amz-meta-", StringComparison.OrdinalIgnoreCase) ? name["x-amz-meta-".Length..] : name,
            name => response.Metadata[name], StringComparer.Ordinal);
        var put = new PutOptions
        {
            ContentType = response.Headers.ContentType,
            UserMetadata = metadata,
            Headers = HeadersOf(response),
            Tags = response.TagCount > 0 ? await TagsAsync(bucket, key, cancel) : [],
        };
        var stored = await _embedded.PutAsync(bucket, key, response.ResponseStream, put, cancel);
        if (stored.Size != known.Size || (IsMd5(known.ETag) && stored.ETag != known.ETag))
        {
            await _embedded.DeleteAsync(bucket, key, CancellationToken.None);
            throw new IOException($"s3://{bucket}/{key} has another checksum here than in {options.Endpoint}.");
        }
    }

    /// <summary>What <see cref="ObjectInfo.Headers"/> holds.</summary>
    private static Dictionary<string, string> HeadersOf(GetObjectResponse response)
    {
        (string Name, string? Value)[] kept =
        [
            ("Cache-Control", response.Headers.CacheControl), ("Content-Disposition", response.Headers.ContentDisposition),
            ("Content-Encoding", response.Headers.ContentEncoding), ("Content-Language", response.ContentLanguage), ("Expires", response.ExpiresString),
        ];
        return kept.Where(h => !string.IsNullOrEmpty(h.Value)).ToDictionary(h => h.Name, h => h.Value!, StringComparer.Ordinal);
    }

    private async Task<Dictionary<string, string>> TagsAsync(string bucket, string key, CancellationToken cancel)
    {
        var tagged = await CallAsync(() => _client.GetObjectTaggingAsync(new GetObjectTaggingRequest { BucketName = bucket, Key = key }, cancel));
        return (tagged.Tagging ?? []).ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
    }

    /// <summary>S3 identifies content by its MD5.</summary>
    [SuppressMessage("Security", "CA5351", Justification = "S3 defines an object's entity tag as the MD5 of its content.")]
    private static async Task<string> Md5Async(Stream content, CancellationToken cancel) =>
        Convert.ToHexStringLower(await MD5.HashDataAsync(content, cancel));

    /// <summary>The entity tag of what was uploaded in parts is none of its content.</summary>
    private static bool IsMd5(string tag) => tag.Length == 32 && tag.All(char.IsAsciiHexDigit);

    private async Task<Dictionary<string, (long Size, string ETag)>> ListAsync(string bucket, CancellationToken cancel)
    {
        var found = new Dictionary<string, (long, string)>(StringComparer.Ordinal);
        string? after = null;
        do
        {
            var page = await CallAsync(() => _client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket, ContinuationToken = after }, cancel));
            foreach (var item in page.S3Objects ?? [])
            {
                found[item.Key] = (item.Size ?? 0, item.ETag?.Trim('"') ?? "");
            }

            after = page.IsTruncated is true ? page.NextContinuationToken : null;
        }
        while (after is not null);

        return found;
    }

    private Task<T> CallAsync<T>(Func<Task<T>> call) => StoreCalls.CallAsync(call, $"The object store {options.Endpoint}");
}
