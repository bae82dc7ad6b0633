using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>A training between two steps: weights and both moments of each parameter, averages, and the state of its schedule.</summary>
/// <param name="Key">See <see cref="KeyOf"/>.</param>
/// <param name="Epoch">Passes that were run.</param>
/// <param name="Epochs">Passes planned.</param>
/// <param name="Frozen">The first layers stay as they were.</param>
/// <param name="Steps">Steps of the optimizer.</param>
/// <param name="Values">Up to three arrays by name.</param>
internal sealed record TrainingCheckpoint(string Key, int Epoch, int Epochs, bool Frozen, long Steps, IReadOnlyDictionary<string, float[][]> Values)
{
    private const string Magic = "ocellus-checkpoint-1";

    // Of each entry; a value that has no moments leaves two empty.
    private const int Arrays = 3;

    /// <summary>Null when there is no file, or it belongs to another training or is damaged: training then starts anew.</summary>
    public static TrainingCheckpoint? Read(string path, string key)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            if (reader.ReadString() != Magic || reader.ReadString() != key)
            {
                return null;
            }

            int epoch = reader.ReadInt32(), epochs = reader.ReadInt32();
            bool frozen = reader.ReadBoolean();
            long steps = reader.ReadInt64();
            var values = new Dictionary<string, float[][]>(StringComparer.Ordinal);
            for (int n = reader.ReadInt32(); n > 0; n--)
            {
                string name = reader.ReadString();
                var three = new float[Arrays][];
                for (int i = 0; i < Arrays; i++)
                {
                    three[i] = new float[reader.ReadInt32()];
                    reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(three[i].AsSpan()));
                }

                values.Add(name, three);
            }

            return new TrainingCheckpoint(key, epoch, epochs, frozen, steps, values);
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    /// <summary>What tells a checkpoint of one training from that of another.</summary>
    /// <param name="text">All that a training which goes on from it must have in common with the one that wrote it.</param>
    public static string KeyOf(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// A plan as text for <see cref="KeyOf"/>: without the choice of kernels, which changes nothing but rounding and came later than checkpoints, and
    /// with the name that a member had when the first checkpoints were written.
    /// </summary>
    public static string Written(object plan, KernelChoice kernels) =>
        plan.ToString()!.Replace($", Kernels = {kernels}", "", StringComparison.Ordinal)
            .Replace(nameof(ClassifierPlan.ImageCacheBytes), "PictureCacheBytes", StringComparison.Ordinal);

    /// <summary>The same with an entry more, of up to three arrays.</summary>
    public TrainingCheckpoint With(string name, params float[][] arrays) => With([(name, arrays)]);

    /// <summary>The same with more entries of one array each.</summary>
    public TrainingCheckpoint With(IEnumerable<(string Name, float[] Array)> entries) => With(entries.Select(e => (e.Name, new[] { e.Array })));

    private TrainingCheckpoint With(IEnumerable<(string Name, float[][] Arrays)> entries)
    {
        var values = new Dictionary<string, float[][]>(Values, StringComparer.Ordinal);
        foreach ((string name, float[][] arrays) in entries)
        {
            values[name] = [.. arrays, .. Enumerable.Repeat<float[]>([], Arrays - arrays.Length)];
        }

        return this with { Values = values };
    }

    /// <summary>Whole or not at all.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            writer.Write(Magic);
            writer.Write(Key);
            writer.Write(Epoch);
            writer.Write(Epochs);
            writer.Write(Frozen);
            writer.Write(Steps);
            writer.Write(Values.Count);
            foreach ((string name, float[][] three) in Values)
            {
                writer.Write(name);
                foreach (float[] array in three)
                {
                    writer.Write(array.Length);
                    writer.Write(MemoryMarshal.AsBytes(array.AsSpan()));
                }
            }
        });
    }
}
