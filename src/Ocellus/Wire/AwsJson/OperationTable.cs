using System.Collections.Frozen;

namespace Ocellus.Wire.AwsJson;

/// <summary>The operations that the API serves, by name.</summary>
internal sealed class OperationTable(IEnumerable<IOperation> operations)
{
    private readonly FrozenDictionary<string, IOperation> _byName = operations.ToFrozenDictionary(o => o.Name, StringComparer.Ordinal);

    public int Count => _byName.Count;

    public IOperation? Find(string name) => _byName.GetValueOrDefault(name);
}
