using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Ocellus.Encodings;

namespace Ocellus.Objects.External;

/// <summary>What all calls of an outside store have in common.</summary>
internal static class StoreCalls
{
    /// <summary>Whether a failure is the store's, or that of the way to it.</summary>
    public static bool IsOfStore(Exception failure) =>
        failure is AmazonServiceException or AmazonClientException or HttpRequestException or TimeoutException
            || (failure is OperationCanceledException && failure.InnerException is TimeoutException);

    /// <summary>The result of a call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="unusable">What cannot be used if it fails: the beginning of the message.</param>
    /// <exception cref="StoreUnreachableException">It fails.</exception>
    public static async Task<T> CallAsync<T>(Func<Task<T>> call, string unusable)
    {
        try
        {
            return await call();
        }
        catch (Exception failure) when (IsOfStore(failure))
        {
            throw new StoreUnreachableException($"{unusable} cannot be used: {Readable.Truncate(failure.Message)}", failure);
        }
    }

    /// <summary>Makes a bucket unless it is there.</summary>
    public static async Task<bool> EnsureBucketAsync(IAmazonS3 client, string bucket, CancellationToken cancel)
    {
        try
        {
            await client.HeadBucketAsync(new HeadBucketRequest { BucketName = bucket }, cancel);
        }
        catch (AmazonS3Exception failure) when (failure.StatusCode == HttpStatusCode.NotFound)
        {
            await client.PutBucketAsync(bucket, cancel);
        }

        return true;
    }
}
