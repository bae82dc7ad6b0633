using System.Runtime.InteropServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Training;

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
        using (FileStream stream = File.Create(path + ".tmp"))
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
            writer.Flush();
            stream.Flush(flushToDisk: true);
        }
        File.Move(path + ".tmp", path, overwrite: true);
    }
}

/// <summary>Adam with decoupled weight decay, its state open to checkpoints.</summary>
internal sealed class AdamW
{
    private const double Beta1 = .9, Beta2 = .999, Epsilon = 1e-8;
    private readonly List<(string Name, Parameter Value, Tensor First, Tensor Second, double Rate)> _slots = [];
    private readonly double _decay;
    private long _steps;

    /// <summary>The moments belong to the dispose scope around the constructor.</summary>
    public AdamW(IEnumerable<(string Name, Parameter Value)> parameters, Func<string, double> rate, double decay)
    {
        _decay = decay;
        foreach ((string name, Parameter value) in parameters) _slots.Add((name, value, zeros_like(value), zeros_like(value), rate(name)));
        using var noGrad = no_grad();
        foreach (var s in _slots) { s.First.requires_grad = false; s.Second.requires_grad = false; }
    }

    public void ZeroGradients()
    {
        foreach (var s in _slots)
        {
            using Tensor? gradient = s.Value.grad;
            gradient?.zero_();
        }
    }

    /// <summary>One step at the given share of each parameter's rate.</summary>
    public void Step(double share)
    {
        _steps++;
        double c1 = 1 - Math.Pow(Beta1, _steps), c2 = Math.Sqrt(1 - Math.Pow(Beta2, _steps));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var s in _slots)
        {
            if (!s.Value.requires_grad || s.Value.grad is not { } gradient) continue;
            double rate = s.Rate * share;
            s.Value.mul_(1 - rate * _decay);
            s.First.mul_(Beta1).add_(gradient, 1 - Beta1);
            s.Second.mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2);
            s.Value.addcdiv_(s.First, (s.Second.sqrt() / c2).add_(Epsilon), -rate / c1);
        }
    }

    public TrainingCheckpoint Capture(string key, int epoch, int epochs, bool frozen)
    {
        using var scope = NewDisposeScope();
        return new TrainingCheckpoint(key, epoch, epochs, frozen, _steps, _slots.ToDictionary(s => s.Name, s => new[] { Plain(s.Value), Plain(s.First), Plain(s.Second) }, StringComparer.Ordinal));
    }

    public void Restore(TrainingCheckpoint from)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _steps = from.Steps;
        foreach (var s in _slots)
        {
            float[][] three = from.Values[s.Name];
            s.Value.copy_(tensor(three[0], s.Value.shape));
            s.First.copy_(tensor(three[1], s.Value.shape));
            s.Second.copy_(tensor(three[2], s.Value.shape));
        }
    }

    private static float[] Plain(Tensor t) => t.detach().contiguous().data<float>().ToArray();
}
