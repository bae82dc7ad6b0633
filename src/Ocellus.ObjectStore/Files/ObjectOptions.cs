using System.ComponentModel.DataAnnotations;

namespace Ocellus.Objects.Files;

/// <summary>Limits of the embedded object store. Section <c>Ocellus:Objects</c>; a wrong value stops the server at start and names the setting.</summary>
internal sealed class ObjectOptions
{
    public const string Section = "Ocellus:Objects";

    /// <summary>
    /// Maximum memory for the index of all objects and unfinished uploads, in MB; writes that would exceed it are refused. Default 1024: some 2.5 million
    /// objects of 0.4 kB, which even the smallest machine that can train has to spare. Stored objects are always read, regardless of the limit.
    /// </summary>
    [Range(1, 1 << 20)]
    public int IndexMegabytesMax { get; set; } = 1024;

    /// <summary>Maximum number of buckets of all accounts. Default 10,000: the AWS quota of one account.</summary>
    [Range(1, 1_000_000)]
    public int BucketsMax { get; set; } = 10_000;

    /// <summary>
    /// Maximum number of unfinished uploads per bucket. Default 10,000: a client that never completes uploads gets an error before it fills the disk.
    /// </summary>
    [Range(1, 1_000_000)]
    public int UploadsPerBucket { get; set; } = 10_000;

    /// <summary>
    /// Time after which an unfinished upload is removed with its parts; zero keeps it forever. Default 7 days: as in the lifecycle rules of the AWS guides.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "3650.00:00:00")]
    public TimeSpan UploadExpiry { get; set; } = TimeSpan.FromDays(7);
}

/// <summary>Tracks the memory of the index against its limit.</summary>
internal sealed class IndexMemory(ObjectOptions options)
{
    private long _bytes;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Refuses additional memory beyond the limit. Releasing memory is always allowed.</summary>
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
