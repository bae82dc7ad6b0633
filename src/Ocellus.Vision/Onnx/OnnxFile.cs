using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Ocellus.Vision.Onnx;

/// <summary>A convolution of a graph: its own name, stride, groups and padding (top, left, bottom, right).</summary>
public sealed record ConvolutionNode(string Name, int Stride, int Groups, IReadOnlyList<int> Pads);

/// <summary>An ONNX model in memory: read, changed by initializer name, written.</summary>
public sealed class OnnxFile
{
    private readonly Dictionary<string, TensorProto> _initializers;

    public OnnxFile(ModelProto model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        _initializers = model.Graph.Initializer.ToDictionary(t => t.Name, StringComparer.Ordinal);
    }

    public ModelProto Model { get; }

    public GraphProto Graph => Model.Graph;

    public IReadOnlyCollection<string> InitializerNames => _initializers.Keys;

    public static OnnxFile Load(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return new OnnxFile(ModelProto.Parser.ParseFrom(stream));
    }

    public OnnxFile Clone() => new(Model.Clone());

    public byte[] ToBytes() => Model.ToByteArray();

    public bool Has(string name) => _initializers.ContainsKey(name);

    public long[] Shape(string name) => [.. Find(name).Dims];

    /// <summary>The values of a float initializer, in row-major order.</summary>
    public float[] Floats(string name)
    {
        TensorProto tensor = Find(name);
        if (tensor.DataType != (int)TensorProto.Types.DataType.Float) throw new InvalidDataException($"Initializer '{name}' is not of type float.");
        long count = tensor.Dims.Aggregate(1L, (a, b) => checked(a * b));
        float[] values = tensor.RawData.Length > 0 ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray() : [.. tensor.FloatData];
        if (values.Length != count) throw new InvalidDataException($"Initializer '{name}' has {values.Length} values, but its shape requires {count}.");
        return values;
    }

    /// <summary>Sets a float initializer, adding it if the name is new.</summary>
    public void Set(string name, ReadOnlySpan<float> values, params long[] shape) =>
        SetRaw(name, TensorProto.Types.DataType.Float, MemoryMarshal.AsBytes(values), shape);

    /// <summary>Sets an initializer of any type, adding it if the name is new.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Type of its values.</param>
    /// <param name="bytes">The values in row-major order, little-endian.</param>
    /// <param name="shape">Its dimensions; none for a single value.</param>
    public void SetRaw(string name, TensorProto.Types.DataType type, ReadOnlySpan<byte> bytes, params long[] shape)
    {
        if (!_initializers.TryGetValue(name, out TensorProto? tensor))
        {
            tensor = new TensorProto { Name = name };
            Graph.Initializer.Add(tensor);
            _initializers.Add(name, tensor);
        }
        tensor.DataType = (int)type;
        tensor.Dims.Clear();
        tensor.Dims.AddRange(shape);
        tensor.FloatData.Clear();
        tensor.RawData = ByteString.CopyFrom(bytes);
    }

    /// <summary>Adds an initializer of whole numbers, in one dimension.</summary>
    public void SetLongs(string name, params long[] numbers)
    {
        var tensor = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Int64 };
        tensor.Dims.Add(numbers.Length);
        tensor.Int64Data.AddRange(numbers);
        Graph.Initializer.Add(tensor);
        _initializers.Add(name, tensor);
    }

    /// <summary>Removes the nodes and initializers that no output of the graph needs.</summary>
    public void Prune()
    {
        var needed = Graph.Output.Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        var kept = new Stack<NodeProto>();
        foreach (NodeProto node in Graph.Node.Reverse())
        {
            if (node.Output.Any(needed.Contains))
            {
                kept.Push(node);
                needed.UnionWith(node.Input);
            }
        }

        TensorProto[] used = [.. Graph.Initializer.Where(i => needed.Contains(i.Name))];
        Graph.Node.Clear();
        Graph.Node.AddRange(kept);
        Graph.Initializer.Clear();
        Graph.Initializer.AddRange(used);
        foreach (string name in _initializers.Keys.Where(n => !needed.Contains(n)).ToList())
        {
            _initializers.Remove(name);
        }
    }

    /// <summary>The convolutions in graph order; each is named after its weights.</summary>
    public IReadOnlyList<ConvolutionNode> Convolutions() =>
        [.. Graph.Node.Where(n => n.OpType == "Conv").Select(n => new ConvolutionNode(
            n.Input[1][..^".weight".Length],
            (int)(Ints(n, "strides")?[0] ?? 1),
            (int)(n.Attribute.FirstOrDefault(a => a.Name == "group")?.I ?? 1),
            [.. (Ints(n, "pads") ?? new Google.Protobuf.Collections.RepeatedField<long> { 0, 0, 0, 0 }).Select(p => (int)p)]))];

    private static Google.Protobuf.Collections.RepeatedField<long>? Ints(NodeProto node, string name) =>
        node.Attribute.FirstOrDefault(a => a.Name == name)?.Ints;

    private TensorProto Find(string name) =>
        _initializers.TryGetValue(name, out TensorProto? tensor) ? tensor : throw new KeyNotFoundException($"The ONNX file has no initializer '{name}'.");
}
