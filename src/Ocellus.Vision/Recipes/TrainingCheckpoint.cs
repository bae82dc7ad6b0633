using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>A training between two steps: weights and both moments of each parameter, averages, and the state of its schedule.</summary>
/// <param name="Key">See <see cref="KeyOf"/>.</param>
/// <param name="Epoch">Passes completed.</param>
/// <param name="Epochs">Passes planned.</param>
/// <param name="Frozen">The first layers are frozen.</param>
/// <param name="Steps">Steps of the optimizer.</param>
/// <param name="Values">Up to three arrays by name.</param>
internal sealed record TrainingCheckpoint(string Key, int Epoch, int Epochs, bool Frozen, long Steps, IReadOnlyDictionary<string, float[][]> Values)
{
    private const string Magic = "ocellus-checkpoint-1";

    // Per entry; a value without moments leaves two empty.
    private const int Arrays = 3;

    /// <summary>Null if there is no file, or it is damaged or belongs to another training, which then starts from the beginning.</summary>
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
                var arrays = new float[Arrays][];
                for (int i = 0; i < Arrays; i++)
                {
                    arrays[i] = new float[reader.ReadInt32()];
                    reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(arrays[i].AsSpan()));
                }

                values.Add(name, arrays);
            }

            return new TrainingCheckpoint(key, epoch, epochs, frozen, steps, values);
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    /// <summary>Identifies the training that a checkpoint belongs to.</summary>
    /// <param name="text">All that a training must share with the one that wrote the checkpoint, to resume from it.</param>
    public static string KeyOf(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// A plan as text for <see cref="KeyOf"/>: without the choice of kernels, which only changes rounding and is newer than the first checkpoints, and
    /// with the members and names of that time. A plan that is repeated must not be in it.
    /// </summary>
    public static string TextOf(object plan, KernelChoice kernels) =>
        plan.ToString()!.Replace($", Kernels = {kernels}", "", StringComparison.Ordinal)
            .Replace($", {nameof(ClassifierPlan.Repeat)} = ", "", StringComparison.Ordinal)
            .Replace($", Design = , Search = , {nameof(ClassifierPlan.Head)} = {new HeadPlan()}, TimeLimit = ", "", StringComparison.Ordinal)
            .Replace($", {nameof(DetectorPlan.AnswerTimeMax)} = ", "", StringComparison.Ordinal)
            .Replace($", {nameof(DetectorPlan.Calibration)} = {new BoxCalibrationPlan()}", "", StringComparison.Ordinal)
            .Replace(nameof(ClassifierPlan.ImageCacheBytes), "PictureCacheBytes", StringComparison.Ordinal);

    /// <summary>Adds an entry of up to three arrays.</summary>
    public TrainingCheckpoint With(string name, params float[][] arrays) => With([(name, arrays)]);

    /// <summary>Adds entries of one array each.</summary>
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

    /// <summary>Writes the file atomically.</summary>
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
            foreach ((string name, float[][] arrays) in Values)
            {
                writer.Write(name);
                foreach (float[] array in arrays)
                {
                    writer.Write(array.Length);
                    writer.Write(MemoryMarshal.AsBytes(array.AsSpan()));
                }
            }
        });
    }
}
