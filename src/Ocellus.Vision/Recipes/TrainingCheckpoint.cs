using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>A training between two epochs: weights and both moments of each parameter.</summary>
internal sealed record TrainingCheckpoint(string Key, int Epoch, int Epochs, bool Frozen, long Steps, IReadOnlyDictionary<string, float[][]> Values)
{
    private const string Magic = "ocellus-checkpoint-1";

    /// <summary>Null when there is no file, or it belongs to another training or is damaged: training then starts anew.</summary>
    public static TrainingCheckpoint? Read(string path, string key)
    {
        if (!File.Exists(path)) return null;
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            if (reader.ReadString() != Magic || reader.ReadString() != key) return null;
            int epoch = reader.ReadInt32(), epochs = reader.ReadInt32();
            bool frozen = reader.ReadBoolean();
            long steps = reader.ReadInt64();
            var values = new Dictionary<string, float[][]>(StringComparer.Ordinal);
            for (int n = reader.ReadInt32(); n > 0; n--)
            {
                string name = reader.ReadString();
                var three = new float[3][];
                for (int i = 0; i < 3; i++)
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

    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        WholeFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
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
