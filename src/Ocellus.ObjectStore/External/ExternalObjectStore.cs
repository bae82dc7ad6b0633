using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;
using Ocellus.Objects.Files;

namespace Ocellus.Objects.External;

/// <summary>An external S3-compatible store. The server uses one access key of its own, so every account of this server can use its buckets.</summary>
internal sealed class ExternalObjectStore(IOptions<ExternalStoreOptions> options) : IObjects, IDisposable
{
    // One attempt must not take longer than this server's own clients wait.
    private readonly AmazonS3Client _client = Connect(options.Value, TimeSpan.FromSeconds(30));

    /// <summary>A client for the store.</summary>
    /// <param name="options">The store.</param>
    /// <param name="timeout">Longest time of one attempt.</param>
    public static AmazonS3Client Connect(ExternalStoreOptions options, TimeSpan timeout) => new(
        new BasicAWSCredentials(options.AccessKey, options.SecretKey),
        new AmazonS3Config
        {
            ServiceURL = options.Endpoint,
            AuthenticationRegion = options.Region,
            // Compatible stores seldom support bucket names in the host, and not all support the newer checksums.
            ForcePathStyle = true,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            Timeout = timeout,
            MaxErrorRetry = 3,
        });

    /// <summary>Lists the buckets. Being refused is fine: what counts is that the store responds and knows the key.</summary>
    /// <exception cref="S3Exception">The store does not know the key.</exception>
    /// <exception cref="IOException">The store does not respond.</exception>
    public Task CheckAsync(CancellationToken cancel) =>
        CallAsync(false, async () =>
        {
            await _client.ListBucketsAsync(cancel);
            return true;
        });

    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel) =>
        IsOwn(bucket) ? Task.FromResult<FoundBucket?>(null) : CallAsync<FoundBucket?>(null, async () =>
        {
            await _client.HeadBucketAsync(new HeadBucketRequest { BucketName = bucket }, cancel);
            return new FoundBucket(null, null);
        });

    public Task<bool> CreateBucketAsync(string bucket, string accountId, string region, CancellationToken cancel) => Task.FromResult(false);

    public Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) =>
        IsOwn(bucket) ? Task.FromResult(false) : CallAsync(false, async () =>
        {
            await _client.GetObjectMetadataAsync(bucket, key, cancel);
            return true;
        });

    public Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) =>
        IsOwn(bucket) ? Task.FromResult<ObjectContent?>(null) : CallAsync<ObjectContent?>(null, async () =>
        {
            var response = await _client.GetObjectAsync(bucket, key, cancel);
            return new ObjectContent(response.ResponseStream, response.ContentLength, response.ETag ?? "");
        });

    public async Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel)
    {
        await using var content = await OpenReadAsync(bucket, key, cancel);
        if (content is null)
        {
            return false;
        }

        try
        {
            await using var target = ObjectFiles.CreateImmutable(targetFile, FileOptions.Asynchronous);
            await CallAsync(false, async () =>
            {
                await content.Stream.CopyToAsync(target, cancel);
                return true;
            });
            return target.Length == content.Size
                ? true
                : throw new IOException(
                    $"The external object store {options.Value.Endpoint} sent {target.Length} of {content.Size} bytes of s3://{bucket}/{key}.");
        }
        catch
        {
            ObjectFiles.TryDelete(targetFile);
            throw;
        }
    }

    public async Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel)
    {
        if (IsOwn(bucket))
        {
            throw new S3Exception("NoSuchBucket");
        }

        if (!content.CanSeek)
        {
            // For example a stream from the store itself. A request needs its length first, and may have to be sent again.
            await using var whole = new FileStream(
                Path.GetTempFileName(),
                new FileStreamOptions
                {
                    Mode = FileMode.Create,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.None,
                    Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous,
                });
            await content.CopyToAsync(whole, cancel);
            whole.Position = 0;
            await PutAsync(bucket, key, whole, contentType, cancel);
            return;
        }

        await CallAsync(false, async () =>
        {
            await _client.PutObjectAsync(
                new PutObjectRequest { BucketName = bucket, Key = key, InputStream = content, ContentType = contentType, AutoCloseStream = false }, cancel);
            return true;
        }, mayBeAbsent: false);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>What the product keeps for itself is no bucket for those who use it.</summary>
    private bool IsOwn(string bucket) => bucket == options.Value.OwnBucket;

    /// <summary>Calls the store, and translates its errors into those documented by <see cref="IObjects"/>.</summary>
    private async Task<T> CallAsync<T>(T absent, Func<Task<T>> call, bool mayBeAbsent = true)
    {
        try
        {
            return await call();
        }
        catch (AmazonS3Exception failure) when (failure.StatusCode is HttpStatusCode.NotFound
            or HttpStatusCode.Forbidden
            or HttpStatusCode.MovedPermanently
            or HttpStatusCode.BadRequest)
        {
            // If the server's own key is wrong, objects must not seem to be missing.
            return failure.ErrorCode is "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "AuthorizationHeaderMalformed" || !mayBeAbsent
                ? throw new S3Exception(
                    "AccessDenied", $"The external object store {options.Value.Endpoint} answered {failure.ErrorCode}: {Readable.Truncate(failure.Message)}")
                : absent;
        }
        catch (Exception failure) when (StoreCalls.IsOfStore(failure))
        {
            throw new StoreUnreachableException($"The external object store {options.Value.Endpoint} failed: {Readable.Truncate(failure.Message)}", failure);
        }
    }
}
