namespace Ocellus.Transfer;

/// <summary>Makes the buckets that a transfer writes to, each once.</summary>
internal sealed class BucketKeeper(ObjectClient objects)
{
    private readonly HashSet<string> _ready = new(StringComparer.Ordinal);

    /// <summary>Buckets that were created.</summary>
    public List<string> Created { get; } = [];

    /// <summary>Creates a bucket if it does not exist.</summary>
    /// <exception cref="ServiceException">It is another account's, or it may not be created.</exception>
    public async Task RequireAsync(string bucket, CancellationToken cancel)
    {
        if (!_ready.Contains(bucket))
        {
            if (!await objects.HasBucketAsync(bucket, cancel))
            {
                await objects.CreateBucketAsync(bucket, cancel);
                Created.Add(bucket);
            }

            _ready.Add(bucket);
        }
    }
}
