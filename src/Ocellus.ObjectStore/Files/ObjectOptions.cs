using System.ComponentModel.DataAnnotations;

namespace Ocellus.Objects.Files;

/// <summary>Bounds of the embedded object store. Section <c>Ocellus:Objects</c>; a wrong value stops the server at start and names the setting.</summary>
internal sealed class ObjectOptions
{
    public const string Section = "Ocellus:Objects";

    /// <summary>
    /// Memory for the index of all objects and unfinished uploads, in MB; what would need more is refused. Default 1024: some 2.5 million objects of 0.4 kB,
    /// and as much memory as the smallest machine that can train has to spare. What is stored already is always read, whatever the bound.
    /// </summary>
    [Range(1, 1 << 20)]
    public int IndexMegabytesMax { get; set; } = 1024;

    /// <summary>Buckets of all accounts. Default 10,000: AWS's quota of an account.</summary>
    [Range(1, 1_000_000)]
    public int BucketsMax { get; set; } = 10_000;

    /// <summary>
    /// Unfinished uploads of a bucket. Default 10,000: a client that never completes its uploads is told before it has filled the disk with folders.
    /// </summary>
    [Range(1, 1_000_000)]
    public int UploadsPerBucket { get; set; } = 10_000;

    /// <summary>
    /// An upload that is not completed so long after its beginning is removed with its parts; zero keeps it for ever. Default 7 days: what AWS's guides set in
    /// a lifecycle rule.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan UploadExpiry { get; set; } = TimeSpan.FromDays(7);
}

/// <summary>What the index takes in memory, held against its bound.</summary>
internal sealed class IndexMemory(ObjectOptions options)
{
    private long _bytes;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Refuses what would need more than is allowed; to need less is always allowed.</summary>
    public void Require(long more)
    {
        if (more > 0 && Bytes + more > (long)options.IndexMegabytesMax << 20)
        {
            throw new S3Exception(
                "InvalidRequest",
                $"The object store is full: the index of its objects takes {Bytes >> 20} MB of memory, and "
                    + $"{ObjectOptions.Section}:{nameof(ObjectOptions.IndexMegabytesMax)} allows {options.IndexMegabytesMax} MB. Delete objects, or raise "
                    + $"the setting on a machine with more memory.");
        }
    }
}
