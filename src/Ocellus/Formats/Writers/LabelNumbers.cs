namespace Ocellus.Formats.Writers;

/// <summary>Numbers for labels, from 0: those of a list first, others as they come.</summary>
internal sealed class LabelNumbers
{
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);

    public LabelNumbers(IEnumerable<string> known)
    {
        foreach (var label in known)
        {
            Of(label);
        }
    }

    /// <summary>The labels, each at its number.</summary>
    public IReadOnlyList<string> Names => [.. _numbers.OrderBy(n => n.Value).Select(n => n.Key)];

    public int Of(string label)
    {
        if (!_numbers.TryGetValue(label, out var number))
        {
            _numbers.Add(label, number = _numbers.Count);
        }

        return number;
    }
}
