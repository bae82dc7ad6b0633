namespace Ocellus.Objects.Files;

/// <summary>The embedded object store as the product's features use it.</summary>
internal sealed class EmbeddedObjects(ObjectStore store) : IObjects
{
    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel)
    {
        try
        {
            store.CheckReadable(bucket);
        }
        catch (S3Exception damaged)
        {
            // The bucket exists and can be repaired: callers wait, as for an unreachable store, instead of treating it as missing.
            throw new StoreUnreachableException(damaged.Message, damaged);
        }

        return Task.FromResult(store.FindBucket(bucket) is { } found ? new FoundBucket(found.AccountId, found.Region) : null);
    }

    public Task<bool> CreateBucketAsync(string bucket, string accountId, string region, CancellationToken cancel)
    {
        try
        {
            store.CreateBucket(bucket, accountId, region);
        }
        catch (S3Exception exists) when (exists.Code == "BucketAlreadyOwnedByYou")
        {
            // Another call was first.
        }

        return Task.FromResult(true);
    }

    public async Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        return await store.HeadAsync(bucket, key, cancel).ConfigureAwait(false) is not null;
    }

    public async Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        return store.OpenRead(bucket, key, out var info) is { } stream ? new ObjectContent(stream, info!.Size, info.ETag) : null;
    }

    public async Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        try
        {
            return store.TryLink(bucket, key, targetFile);
        }
        catch (S3Exception)
        {
            // The object is damaged, which is logged. It counts as missing, so that the other images of a training are still fetched.
            return false;
        }
    }

    public async Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        await store.PutAsync(bucket, key, content, new PutOptions { ContentType = contentType }, cancel).ConfigureAwait(false);
    }
}
