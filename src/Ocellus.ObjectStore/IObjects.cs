using Ocellus.Encodings;
using Ocellus.Identity;

namespace Ocellus.Objects;

/// <summary>
/// The object store as the product's own features use it: training, import and detection read from it, and results are written to it. It is the embedded one,
/// or the external one at <c>Ocellus:S3:Endpoint</c>.
/// </summary>
/// <remarks>
/// Every member throws <see cref="S3Exception"/> if the store refuses, and <see cref="IOException"/> if it cannot be reached, written or read now. If waiting
/// may help, the latter is a <see cref="StoreUnreachableException"/>.
/// </remarks>
internal interface IObjects
{
    /// <summary>A bucket; null if it does not exist or may not be used.</summary>
    Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel);

    /// <summary>Creates a bucket, unless the account has it already.</summary>
    /// <returns>False if the store is not one in which this program creates buckets.</returns>
    Task<bool> CreateBucketAsync(string bucket, string accountId, string region, CancellationToken cancel);

    /// <summary>Whether an object exists.</summary>
    Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel);

    /// <summary>Opens an object; null if there is none. Concurrent writes do not affect what is read.</summary>
    Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel);

    /// <summary>Creates a file with an object's content. It is independent of the object, and must be deleted by the caller.</summary>
    /// <returns>False, without a file, if there is no such object or bucket.</returns>
    Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel);

    /// <summary>Stores an object atomically.</summary>
    Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel);
}

/// <summary>A bucket as the product's features see it.</summary>
/// <param name="AccountId">The account that it belongs to; null if every account may use it.</param>
/// <param name="Region">The region that it belongs to; null if it serves every region.</param>
internal sealed record FoundBucket(string? AccountId, string? Region)
{
    public bool IsOf(string accountId) => AccountId is null || AccountId == accountId;

    public bool IsIn(string region) => Region is null || Region == region;
}

/// <summary>An open object.</summary>
/// <param name="Stream">Its content.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="ETag">Its entity tag: another content has another one.</param>
internal sealed record ObjectContent(Stream Stream, long Size, string ETag) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}

/// <summary>What the product's features need of the object store beyond its members.</summary>
internal static class ObjectsExtensions
{
    /// <summary>Why a caller cannot use a bucket, in a sentence; null if it can.</summary>
    public static async Task<string?> BucketRefusalAsync(this IObjects objects, string bucket, Caller caller, CancellationToken cancel)
    {
        var name = Readable.Truncate(bucket);
        return await objects.FindBucketAsync(bucket, cancel).ConfigureAwait(false) is not { } found || !found.IsOf(caller.AccountId)
            ? $"No bucket '{name}' exists in this account."
            : found.IsIn(caller.Region) ? null
            : $"The bucket '{name}' is in {found.Region}; the request was signed for {caller.Region}.";
    }


    /// <summary>Stores a file as an object, atomically.</summary>
    public static async Task PutFileAsync(this IObjects objects, string bucket, string key, string file, string contentType, CancellationToken cancel)
    {
        var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (content.ConfigureAwait(false))
        {
            await objects.PutAsync(bucket, key, content, contentType, cancel).ConfigureAwait(false);
        }
    }
}
