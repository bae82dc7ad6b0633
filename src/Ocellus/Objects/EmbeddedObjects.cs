namespace Ocellus.Objects;

/// <summary>The object store that this server keeps itself.</summary>
internal sealed class EmbeddedObjects(ObjectStore store) : IObjects
{
    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel) =>
        Task.FromResult(store.FindBucket(bucket) is { } found ? new FoundBucket(found.AccountId, found.Region) : null);

    public async Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) => await store.HeadAsync(bucket, key, cancel) is not null;

    public Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) =>
        Task.FromResult(store.OpenRead(bucket, key, out var info) is { } stream ? new ObjectContent(stream, info!.Size) : null);

    public Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel) => Task.FromResult(store.TryLink(bucket, key, targetFile));

    public Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel) =>
        store.PutAsync(bucket, key, content, new PutOptions { ContentType = contentType }, cancel);
}
