namespace Ocellus.Objects;

/// <summary>
/// The object store as the product's own features use it: where training, import and detection read, and where results are written.
/// It is the one that this server keeps, or an external one where <c>Ocellus:S3:Endpoint</c> names it.
/// </summary>
/// <remarks>
/// Every member throws <see cref="S3Exception"/> where the store refuses, and <see cref="IOException"/> where it cannot be reached, written or read now;
/// <see cref="StoreUnreachableException"/> is the one that says that to wait may help.
/// </remarks>
internal interface IObjects
{
    /// <summary>A bucket; null if there is none, or none that may be used.</summary>
    Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel);

    /// <summary>Whether an object is there.</summary>
    Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel);

    /// <summary>Opens an object; null if there is none. What is read is one object, whatever is written meanwhile.</summary>
    Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel);

    /// <summary>Makes a file with an object's content, which keeps it whatever happens to the object, and is the caller's to delete.</summary>
    /// <returns>False when there is no such object or bucket; no file is left then.</returns>
    Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel);

    /// <summary>Stores an object whole or not at all.</summary>
    Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel);
}

/// <summary>A bucket as the product's features see it.</summary>
/// <param name="AccountId">The account that it belongs to; null if the store is for every account.</param>
/// <param name="Region">The region that it belongs to; null if it is for every region.</param>
internal sealed record FoundBucket(string? AccountId, string? Region)
{
    public bool IsOf(string accountId) => AccountId is null || AccountId == accountId;

    public bool IsIn(string region) => Region is null || Region == region;
}

/// <summary>An open object and its size in bytes.</summary>
internal sealed record ObjectContent(Stream Stream, long Size) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Stream.DisposeAsync();
}

/// <summary>Files as objects.</summary>
internal static class ObjectsExtensions
{
    /// <summary>Stores a file as an object, whole or not at all.</summary>
    public static async Task PutFileAsync(this IObjects objects, string bucket, string key, string file, string contentType, CancellationToken cancel)
    {
        var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (content.ConfigureAwait(false))
        {
            await objects.PutAsync(bucket, key, content, contentType, cancel).ConfigureAwait(false);
        }
    }
}
