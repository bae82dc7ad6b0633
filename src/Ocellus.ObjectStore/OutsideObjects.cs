using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;

namespace Ocellus.Objects;

/// <summary>An outside S3-compatible store, with credentials of the server's own: its buckets are for every account of this server.</summary>
internal sealed class OutsideObjects(IOptions<OutsideOptions> options) : IObjects, IDisposable
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

    /// <summary>Asks for something that any key may be refused: what counts is that the store answers and knows the key.</summary>
    /// <exception cref="S3Exception">It does not know the key.</exception>
    /// <exception cref="IOException">It does not answer.</exception>
    public Task CheckAsync(CancellationToken cancel) =>
        AskAsync(false, async () =>
        {
            await _client.ListBucketsAsync(cancel);
            return true;
        });

    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel) =>
        AskAsync<FoundBucket?>(null, async () =>
        {
            await _client.HeadBucketAsync(new HeadBucketRequest { BucketName = bucket }, cancel);
            return new FoundBucket(null, null);
        });

    public Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) =>
        AskAsync(false, async () =>
        {
            await _client.GetObjectMetadataAsync(bucket, key, cancel);
            return true;
        });

    public Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) =>
        AskAsync<ObjectContent?>(null, async () =>
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
            await AskAsync(false, async () =>
            {
                await content.Stream.CopyToAsync(target, cancel);
                return true;
            });
            return target.Length == content.Size ? true : throw new IOException($"The outside object store {options.Value.Endpoint} sent {target.Length} bytes of s3://{bucket}/{key} in place of {content.Size}.");
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
            await using var whole = new FileStream(Path.GetTempFileName(), new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite, Share = FileShare.None, Options = FileOptions.DeleteOnClose | FileOptions.Asynchronous });
            await content.CopyToAsync(whole, cancel);
            whole.Position = 0;
            await PutAsync(bucket, key, whole, contentType, cancel);
            return;
        }

        await AskAsync(false, async () =>
        {
            await _client.PutObjectAsync(new PutObjectRequest { BucketName = bucket, Key = key, InputStream = content, ContentType = contentType, AutoCloseStream = false }, cancel);
            return true;
        }, absenceIsAnAnswer: false);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Asks the store, and puts what goes wrong into the words of this server.</summary>
    private async Task<T> AskAsync<T>(T absent, Func<Task<T>> ask, bool absenceIsAnAnswer = true)
    {
        try
        {
            return await ask();
        }
        catch (AmazonS3Exception failure) when (failure.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden or HttpStatusCode.MovedPermanently or HttpStatusCode.BadRequest)
        {
            // A wrong key of the server's own must not look like a missing object.
            return failure.ErrorCode is "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "AuthorizationHeaderMalformed" || !absenceIsAnAnswer
                ? throw new S3Exception("AccessDenied", $"The outside object store {options.Value.Endpoint} answered {failure.ErrorCode}: {Readable.Cut(failure.Message)}")
                : absent;
        }
        catch (Exception failure) when (failure is AmazonServiceException or AmazonClientException or HttpRequestException or TimeoutException || (failure is OperationCanceledException && failure.InnerException is TimeoutException))
        {
            throw new StoreUnreachableException($"The outside object store {options.Value.Endpoint} failed: {Readable.Cut(failure.Message)}", failure);
        }
    }
}

/// <summary>The outside store does not answer, or answers that it cannot now.</summary>
internal sealed class StoreUnreachableException(string message, Exception inner) : IOException(message, inner);
