namespace Ocellus.Objects.Files;

/// <summary>The object store that this server keeps itself.</summary>
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
            // It is there and may be mended: whoever needs it waits, as for a store that cannot be reached, and takes it for no absence.
            throw new StoreUnreachableException(damaged.Message, damaged);
        }

        return Task.FromResult(store.FindBucket(bucket) is { } found ? new FoundBucket(found.AccountId, found.Region) : null);
    }

    public async Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        return await store.HeadAsync(bucket, key, cancel).ConfigureAwait(false) is not null;
    }

    public async Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        return store.OpenRead(bucket, key, out var info) is { } stream ? new ObjectContent(stream, info!.Size) : null;
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
            // Of many images one that is damaged, which the log tells: it counts as one that is not there, and the others are fetched.
            return false;
        }
    }

    public async Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel)
    {
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        await store.PutAsync(bucket, key, content, new PutOptions { ContentType = contentType }, cancel).ConfigureAwait(false);
    }
}
