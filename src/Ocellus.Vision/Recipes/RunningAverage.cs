using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// Exponential running average of weights, which is better and steadier than the weights of any one step. The share of the past
/// grows from a tenth, so that a short training is not held near its start.
/// </summary>
internal sealed class RunningAverage
{
    private readonly double _decayMax;
    private readonly List<(string Name, Parameter Source, Tensor Value)> _slots = [];

    /// <summary>The averages belong to the dispose scope around the constructor.</summary>
    public RunningAverage(IEnumerable<(string Name, Parameter Value)> parameters, double decayMax)
    {
        _decayMax = decayMax;
        using var noGrad = no_grad();
        foreach ((string name, Parameter value) in parameters)
        {
            _slots.Add((name, value, value.detach().clone()));
        }
    }

    /// <param name="step">Steps taken before, from 0.</param>
    public void Update(long step)
    {
        double decay = Math.Min(_decayMax, (1.0 + step) / (10 + step));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((_, Parameter source, Tensor value) in _slots)
        {
            if (source.requires_grad)
            {
                value.lerp_(source, 1 - decay);
            }
        }
    }

    /// <summary>The averages are the present values again.</summary>
    public void Restart()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((_, Parameter source, Tensor value) in _slots)
        {
            value.copy_(source);
        }
    }

    /// <summary>The averages, flat, by name.</summary>
    public Dictionary<string, float[]> Values()
    {
        using var scope = NewDisposeScope();
        return _slots.ToDictionary(s => s.Name, s => s.Value.contiguous().data<float>().ToArray(), StringComparer.Ordinal);
    }

    public void Restore(Func<string, float[]> values)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach ((string name, _, Tensor value) in _slots)
        {
            value.copy_(tensor(values(name), value.shape));
        }
    }
}
