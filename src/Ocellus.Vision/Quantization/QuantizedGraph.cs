using System.Runtime.InteropServices;
using Ocellus.Vision.Onnx;
using static Ocellus.Vision.Onnx.OnnxParts;

namespace Ocellus.Vision.Quantization;

/// <summary>
/// Writes a network with operations on bytes, in the standard form of pairs of QuantizeLinear and DequantizeLinear, which ONNX Runtime fuses with the
/// operations between them. The pixels, which are bytes already, go into the first convolution as they are.
/// </summary>
internal sealed class QuantizedGraph
{
    // (pixel − 127) / 128, exactly.
    public static readonly ByteScale Pixels = new(1 / 128f, 127);

    private readonly OnnxFile _file;
    private readonly QuantizationPlan _plan;
    private readonly IReadOnlyDictionary<string, ByteScale> _scales;
    private readonly IReadOnlyDictionary<string, ByteWeights> _weights;

    // Where the bytes of a tensor are, and their scale.
    private readonly Dictionary<string, (string Name, ByteScale Scale)> _bytes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _real = new(StringComparer.Ordinal);

    private QuantizedGraph(
        OnnxFile file, QuantizationPlan plan, IReadOnlyDictionary<string, ByteScale> scales, IReadOnlyDictionary<string, ByteWeights> weights) =>
        (_file, _plan, _scales, _weights) = (file, plan, scales, weights);

    /// <summary>Writes it.</summary>
    /// <param name="model">The float network; unchanged.</param>
    /// <param name="plan">What is done with bytes.</param>
    /// <param name="scales">The scale of each tensor that is written as bytes.</param>
    /// <param name="weights">The weights of each convolution that is done with bytes.</param>
    /// <exception cref="InvalidDataException">Not a network that Ocellus has written.</exception>
    public static OnnxFile Write(
        OnnxFile model, QuantizationPlan plan, IReadOnlyDictionary<string, ByteScale> scales, IReadOnlyDictionary<string, ByteWeights> weights)
    {
        var graph = new QuantizedGraph(model.Clone(), plan, scales, weights);
        graph.Rewrite([.. model.Graph.Node]);
        return graph._file;
    }

    private void Rewrite(NodeProto[] nodes)
    {
        if (!_file.Has("mean") || !_file.Has("scale") || _file.Floats("mean") is not [127f] || _file.Floats("scale") is not [128f])
        {
            throw new InvalidDataException("The network does not bring its pixels to (pixel - 127) / 128, so it cannot be quantized.");
        }

        _file.Graph.Node.Clear();
        foreach (NodeProto node in nodes)
        {
            if (node.Output[0] == QuantizationPlan.Pixels)
            {
                const string planes = "image.planes";
                _file.Graph.Node.Add(Node("Transpose", ["image"], planes, Wholes("perm", 0, 3, 1, 2)));
                _bytes[QuantizationPlan.Pixels] = (planes, Pixels);
                SetScale(QuantizationPlan.Pixels, Pixels);
            }
            else if (_plan.Find(node) is { } one)
            {
                Quantize(one);
            }
            else if (!_plan.IsClip(node))
            {
                foreach (string input in node.Input)
                {
                    Real(input);
                }

                _file.Graph.Node.Add(node.Clone());
            }
        }

        foreach (ValueInfoProto output in _file.Graph.Output)
        {
            Real(output.Name);
        }

        _file.Prune();
    }

    private void Quantize(ByteNode one)
    {
        NodeProto node = one.Node.Clone();
        if (node.OpType == "Resize")
        {
            // It only repeats values: the bytes stay what they are.
            (string bytes, ByteScale scale) = _bytes[node.Input[0]];
            node.Input[0] = bytes;
            node.Name = node.Output[0] = one.Output + "/bytes";
            _file.Graph.Node.Add(node);
            _bytes[one.Output] = (node.Output[0], scale);
            SetScale(one.Output, scale);
            return;
        }

        int tensors = node.OpType == "Conv" ? 1 : node.Input.Count;
        ByteScale first = _bytes[node.Input[0]].Scale;
        for (int i = 0; i < tensors; i++)
        {
            string name = node.Input[i], copy = $"{name}/for/{one.Output}/{i}";
            _file.Graph.Node.Add(Node("DequantizeLinear", [_bytes[name].Name, name + "/step", name + "/zero"], copy));
            node.Input[i] = copy;
        }

        if (node.OpType == "Conv")
        {
            SetWeights(node, first);
        }

        node.Output[0] = one.Output + "/exact";
        node.Name = node.Output[0];
        _file.Graph.Node.Add(node);
        SetScale(one.Output, _scales[one.Output]);
        _file.Graph.Node.Add(Node("QuantizeLinear", [node.Output[0], one.Output + "/step", one.Output + "/zero"], one.Output + "/bytes"));
        _bytes[one.Output] = (one.Output + "/bytes", _scales[one.Output]);
    }

    /// <summary>Puts the weights of a convolution into bytes, and its bias into whole numbers of their steps.</summary>
    private void SetWeights(NodeProto node, ByteScale input)
    {
        string weight = node.Input[1], bias = node.Input[2];
        long[] shape = _file.Shape(weight);
        float[] biases = _file.Floats(bias);
        ByteWeights bytes = _weights[weight];
        int channels = biases.Length;
        float[] biasSteps = [.. bytes.Steps.Select(s => s * input.Step)];
        int[] whole = [.. biases.Select((b, c) => (int)Math.Round(b / (double)biasSteps[c]))];
        _file.SetRaw(weight + "/bytes", TensorProto.Types.DataType.Int8, MemoryMarshal.AsBytes<sbyte>(bytes.Values), shape);
        _file.Set(weight + "/step", bytes.Steps, channels);
        _file.SetRaw(weight + "/zero", TensorProto.Types.DataType.Int8, new byte[channels], channels);
        _file.SetRaw(bias + "/whole", TensorProto.Types.DataType.Int32, MemoryMarshal.AsBytes<int>(whole), channels);
        _file.Set(bias + "/step", biasSteps, channels);
        _file.SetRaw(bias + "/zero", TensorProto.Types.DataType.Int32, new byte[channels * sizeof(int)], channels);
        _file.Graph.Node.Add(Node("DequantizeLinear", [weight + "/bytes", weight + "/step", weight + "/zero"], weight + "/real", Whole("axis", 0)));
        _file.Graph.Node.Add(Node("DequantizeLinear", [bias + "/whole", bias + "/step", bias + "/zero"], bias + "/real", Whole("axis", 0)));
        node.Input[1] = weight + "/real";
        node.Input[2] = bias + "/real";
    }

    private void SetScale(string tensor, ByteScale scale)
    {
        _file.Set(tensor + "/step", [scale.Step]);
        _file.SetRaw(tensor + "/zero", TensorProto.Types.DataType.Uint8, [scale.Zero]);
    }

    /// <summary>Makes real numbers of a tensor's bytes where an operation needs them.</summary>
    private void Real(string tensor)
    {
        if (_bytes.TryGetValue(tensor, out (string Name, ByteScale Scale) bytes) && _real.Add(tensor))
        {
            _file.Graph.Node.Add(Node("DequantizeLinear", [bytes.Name, tensor + "/step", tensor + "/zero"], tensor));
        }
    }
}
