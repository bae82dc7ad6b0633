using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>How many images of a step fit into memory.</summary>
public static class TrainingMemory
{
    /// <summary>Minimum images of a step; with fewer, its direction is mostly chance.</summary>
    public const int BatchMin = 4;

    // Share of the free memory to use; the rest is for other programs.
    private const double Share = .8;

    /// <summary>Bytes available without swapping, within the limit of a container; null if unknown.</summary>
    public static long? Available()
    {
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        long? limit = memory.TotalAvailableMemoryBytes > 0 ? memory.TotalAvailableMemoryBytes - Environment.WorkingSet : null;
        long? free = MemAvailable();
        return free is null ? limit : limit is null ? free : Math.Min(free.Value, limit.Value);
    }

    /// <summary>The wanted number of images, halved until they fit.</summary>
    /// <param name="wanted">Images a step if memory allows.</param>
    /// <param name="fixedBytes">Bytes needed regardless of the batch: libraries, weights and their moments, images.</param>
    /// <param name="imageBytes">Bytes for each image of a step: activations and their gradients.</param>
    /// <param name="availableBytes">Available bytes; null if unknown, which gives the wanted number.</param>
    /// <exception cref="InsufficientMemoryException">Not even <see cref="BatchMin"/> images fit.</exception>
    public static int Batch(int wanted, long fixedBytes, long imageBytes, long? availableBytes)
    {
        if (availableBytes is not { } available)
        {
            return wanted;
        }

        long usable = (long)(available * Share);
        int batch = wanted;
        while (batch > BatchMin && fixedBytes + batch * imageBytes > usable)
        {
            batch = Math.Max(BatchMin, batch / 2);
        }

        long needed = fixedBytes + batch * imageBytes;
        return needed <= usable ? batch : throw new InsufficientMemoryException(string.Create(
            CultureInfo.InvariantCulture,
            $"There is not enough memory to train: {available >> 20:N0} MiB are available, and {(long)(needed / Share) >> 20:N0} MiB are needed for {batch} "
            + $"images a step. Stop other programs or running models, or give this machine or container more memory."));
    }

    /// <summary>As above, from what is available; a plan that is repeated has its number of images, or fails.</summary>
    /// <param name="wanted">Images a step if memory allows.</param>
    /// <param name="repeated">Images a step of the plan that is repeated; null or 0 for none.</param>
    /// <param name="fixedBytes">Bytes needed regardless of the batch.</param>
    /// <param name="imageBytes">Bytes for each image of a step.</param>
    /// <param name="memoryBytes">Memory that may be used; null for what is available.</param>
    /// <exception cref="InsufficientMemoryException">Too few images fit.</exception>
    internal static int Batch(int wanted, int? repeated, long fixedBytes, long imageBytes, long? memoryBytes)
    {
        int batch = Batch(repeated is > 0 and var planned ? planned : wanted, fixedBytes, imageBytes, memoryBytes ?? Available());
        return repeated is null or 0 || batch == repeated ? batch : throw new InsufficientMemoryException(string.Create(
            CultureInfo.InvariantCulture,
            $"There is not enough memory to repeat the plan: its steps have {repeated} images, and only {batch} fit. Stop other programs or running models."));
    }

    private static long? MemAvailable()
    {
        const string Path = "/proc/meminfo", Name = "MemAvailable:";
        if (!File.Exists(Path))
        {
            return null;
        }

        foreach (string line in File.ReadLines(Path))
        {
            if (line.StartsWith(Name, StringComparison.Ordinal)
                && long.TryParse(line.AsSpan(Name.Length).Trim().TrimEnd("kB").TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes))
            {
                return kibibytes << 10;
            }
        }

        return null;
    }
}
