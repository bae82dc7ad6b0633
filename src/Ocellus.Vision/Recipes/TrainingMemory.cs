using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>How many images a step may have, from the memory there is.</summary>
public static class TrainingMemory
{
    /// <summary>Fewest images of a step; with fewer the direction of a step is mostly chance.</summary>
    public const int BatchMin = 4;

    // Share of the memory that is free now; the rest is for what else the machine does meanwhile.
    private const double Share = .8;

    /// <summary>Bytes that can be had without swapping, within the limit of a container; null where the system does not say.</summary>
    public static long? Available()
    {
        GCMemoryInfo known = GC.GetGCMemoryInfo();
        long? limit = known.TotalAvailableMemoryBytes > 0 ? known.TotalAvailableMemoryBytes - Environment.WorkingSet : null;
        long? free = MemAvailable();
        return free is null ? limit : limit is null ? free : Math.Min(free.Value, limit.Value);
    }

    /// <summary>The wanted number of images, halved until they fit.</summary>
    /// <param name="wanted">Images a step when memory is plenty.</param>
    /// <param name="fixedBytes">Bytes that are needed whatever the batch: libraries, weights and their moments, images.</param>
    /// <param name="imageBytes">Bytes of each image of a step: the values between the layers and their gradients.</param>
    /// <param name="availableBytes">Bytes there are; null when unknown, which takes the wanted number.</param>
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
