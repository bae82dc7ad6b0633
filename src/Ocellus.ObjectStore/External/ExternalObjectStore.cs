using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;
using Ocellus.Objects.Files;

namespace Ocellus.Objects.External;

/// <summary>An external S3-compatible store, reached with one access key of the server's own: its buckets are open to every account of this server.</summary>
internal sealed class ExternalObjectStore(IOptions<ExternalStoreOptions> options) : IObjects, IDisposable
{
    private readonly AmazonS3Client _client = new(
        new BasicAWSCredentials(options.Value.AccessKey, options.Value.SecretKey),
        new AmazonS3Config
        {
            ServiceURL = options.Value.Endpoint,
            AuthenticationRegion = options.Value.Region,
            // Compatible stores seldom have a name for every bucket, and not all know the newer checksums.
            ForcePathStyle = true,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            // One try may not wait longer than a client of ours does.
            Timeout = TimeSpan.FromSeconds(30),
            MaxErrorRetry = 3,
        });

    /// <summary>Lists the buckets. The key may be refused that: what counts is that the store answers and knows the key.</summary>
    /// <exception cref="S3Exception">It does not know the key.</exception>
    /// <exception cref="IOException">It does not answer.</exception>
    public Task CheckAsync(CancellationToken cancel) =>
        CallAsync(false, async () =>
        {
            await _client.ListBucketsAsync(cancel);
            return true;
        });

    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel) =>
        CallAsync<FoundBucket?>(null, async () =>
        {
            await _client.HeadBucketAsync(new HeadBucketRequest { BucketName = bucket }, cancel);
            return new FoundBucket(null, null);
        });

    public Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) =>
        CallAsync(false, async () =>
        {
            await _client.GetObjectMetadataAsync(bucket, key, cancel);
            return true;
        });

    public Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) =>
        CallAsync<ObjectContent?>(null, async () =>
        {
            var response = await _client.GetObjectAsync(bucket, key, cancel);
            return new ObjectContent(response.ResponseStream, response.ContentLength);
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
                    $"The outside object store {options.Value.Endpoint} sent {target.Length} bytes of s3://{bucket}/{key} in place of {content.Size}.");
        }
        catch
        {
            ObjectFiles.TryDelete(targetFile);
            throw;
        }
    }

    public async Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel)
    {
        if (!content.CanSeek)
        {
            // What comes from the store itself, say: a request tells its length first, and may have to be sent twice.
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

    /// <summary>Calls the store, and turns its errors into those that <see cref="IObjects"/> documents.</summary>
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
            // A wrong key of the server's own must not look like a missing object.
            return failure.ErrorCode is "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "AuthorizationHeaderMalformed" || !mayBeAbsent
                ? throw new S3Exception(
                    "AccessDenied", $"The outside object store {options.Value.Endpoint} answered {failure.ErrorCode}: {Readable.Truncate(failure.Message)}")
                : absent;
        }
        catch (Exception failure) when (failure is AmazonServiceException or AmazonClientException or HttpRequestException or TimeoutException
            || (failure is OperationCanceledException && failure.InnerException is TimeoutException))
        {
            throw new StoreUnreachableException($"The outside object store {options.Value.Endpoint} failed: {Readable.Truncate(failure.Message)}", failure);
        }
    }
}
