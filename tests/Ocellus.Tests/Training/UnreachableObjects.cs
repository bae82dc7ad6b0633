using Ocellus.Objects;
using Ocellus.Refusals;

namespace Ocellus.Tests.Training;

/// <summary>A store that has every bucket, takes every object, and cannot be reached as long as the test says so.</summary>
internal sealed class UnreachableObjects : IObjects
{
    private int _refused;

    /// <summary>Buckets that cannot be asked for or written.</summary>
    public HashSet<string> Away { get; } = new(StringComparer.Ordinal);

    /// <summary>What cannot be done to them; both otherwise.</summary>
    public bool OnlyWriting { get; init; }

    /// <summary>The region of every bucket; null if they are for every region.</summary>
    public string? Region { get; init; }

    /// <summary>How often it could not be reached.</summary>
    public int Refused => Volatile.Read(ref _refused);

    public Task<FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel)
    {
        if (!OnlyWriting)
        {
            Reach(bucket);
        }

        return Task.FromResult<FoundBucket?>(new(null, Region));
    }

    public Task<bool> CreateBucketAsync(string bucket, string accountId, string region, CancellationToken cancel) => Task.FromResult(true);

    public Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) => Task.FromResult(true);

    public Task<ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) => Task.FromResult<ObjectContent?>(null);

    public async Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel)
    {
        await File.WriteAllBytesAsync(targetFile, [1], cancel);
        return true;
    }

    public Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel)
    {
        Reach(bucket);
        return Task.CompletedTask;
    }

    private void Reach(string bucket)
    {
        lock (Away)
        {
            if (Away.Contains(bucket))
            {
                Interlocked.Increment(ref _refused);
                throw new IOException("The store does not answer.");
            }
        }
    }

    /// <summary>From now on everything can be reached.</summary>
    public void ComeBack()
    {
        lock (Away)
        {
            Away.Clear();
        }
    }
}
