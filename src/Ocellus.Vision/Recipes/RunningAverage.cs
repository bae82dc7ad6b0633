using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// Exponential running average of weights, which is better and steadier than the weights of any one step. The share that is kept
/// grows from a tenth, so that a short training is not held near its start.
/// </summary>
internal sealed class RunningAverage
{
    private const string Prefix = "average:";

    private readonly double _decayMax;
    private readonly List<(string Name, Tensor Source, Tensor Value)> _slots = [];

    /// <summary>The averages belong to the dispose scope around the constructor.</summary>
    /// <param name="sources">What is averaged; frozen parameters stay as they are.</param>
    /// <param name="decayMax">Share that is kept at each step after the first ones, 0 to 1.</param>
    public RunningAverage(IEnumerable<(string Name, Tensor Value)> sources, double decayMax)
    {
        _decayMax = decayMax;
        using var noGrad = no_grad();
        foreach ((string name, Tensor value) in sources)
        {
            _slots.Add((name, value, value.detach().clone()));
        }
    }

    /// <summary>Share that is kept at a step.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="decayMax">Its maximum.</param>
    public static double Decay(long step, double decayMax) => Math.Min(decayMax, (1.0 + step) / (10 + step));

    /// <summary>Moves every average towards its source.</summary>
    /// <param name="step">Number of the step.</param>
    public void Update(long step)
    {
        double decay = Decay(step, _decayMax);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((_, Tensor source, Tensor value) in _slots)
        {
            if (source is not Parameter { requires_grad: false })
            {
                value.lerp_(source, 1 - decay);
            }
        }
    }

    /// <summary>Resets the averages to the current values.</summary>
    public void Restart()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((_, Tensor source, Tensor value) in _slots)
        {
            value.copy_(source);
        }
    }

    /// <summary>The averages, flat, with their shapes, by name.</summary>
    public Dictionary<string, (float[] Values, long[] Shape)> Values()
    {
        using var scope = NewDisposeScope();
        return _slots.ToDictionary(s => s.Name, s => (s.Value.contiguous().data<float>().ToArray(), s.Value.shape), StringComparer.Ordinal);
    }

    /// <summary>Adds the averages to a checkpoint.</summary>
    public TrainingCheckpoint AddTo(TrainingCheckpoint checkpoint) =>
        checkpoint.With(Values().Select(v => (Prefix + v.Key, v.Value.Values)));

    /// <summary>Restores what <see cref="AddTo"/> saved.</summary>
    public void Restore(TrainingCheckpoint from)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((string name, _, Tensor value) in _slots)
        {
            value.copy_(tensor(from.Values[Prefix + name][0], value.shape));
        }
    }
}
