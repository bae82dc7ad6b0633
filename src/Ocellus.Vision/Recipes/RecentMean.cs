namespace Ocellus.Vision.Recipes;

/// <summary>Mean of the latest numbers, such as losses: one alone says little.</summary>
/// <param name="span">How many.</param>
internal sealed class RecentMean(int span)
{
    private readonly Queue<double> _values = new();

    /// <summary>Null while there are none.</summary>
    public double? Value => _values.Count == 0 ? null : _values.Average();

    public void Add(double value)
    {
        if (_values.Count == span)
        {
            _values.Dequeue();
        }

        _values.Enqueue(value);
    }

    public void Clear() => _values.Clear();
}
