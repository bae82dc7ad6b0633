using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Quantization;

/// <summary>One operation that is done with bytes.</summary>
/// <param name="Node">The node of the float network.</param>
/// <param name="Output">The tensor that is written as bytes: of a convolution with a clip after it, the clip's.</param>
internal sealed record ByteNode(NodeProto Node, string Output);

/// <summary>Which operations of a network are done with bytes, and which stay as they are.</summary>
internal sealed class QuantizationPlan
{
    /// <summary>The tensor that the pixels become: planes, normalised.</summary>
    public const string Pixels = "normalised";

    /// <summary>The weights that stay in float: what a label's score or a box is read from.</summary>
    private static readonly string[] _float = ["classifier.", "evidence.", "heads.0.2.", "heads.1.2.", "heads.2.2."];

    private readonly Dictionary<string, ByteNode> _byFirst = new(StringComparer.Ordinal);
    private readonly HashSet<string> _clips = new(StringComparer.Ordinal);

    private QuantizationPlan()
    {
    }

    /// <summary>The operations in the order of the graph.</summary>
    public List<ByteNode> Nodes { get; } = [];

    /// <summary>Tensors whose values must be known to quantize the network; the pixels among them.</summary>
    public IReadOnlyCollection<string> Tensors => [Pixels, .. Nodes.Where(n => n.Node.OpType != "Resize").Select(n => n.Output)];

    /// <summary>Tensors that convolutions of one place read: how their channels go together tells how weights are best rounded.</summary>
    public HashSet<string> Related(OnnxFile model) => new(
        Nodes.Select(n => n.Node).Where(n => n.OpType == "Conv" && model.Shape(n.Input[1]) is [_, > 1, 1, 1]).Select(n => n.Input[0]), StringComparer.Ordinal);

    /// <summary>The operation that begins with a node; null if the node stays.</summary>
    public ByteNode? Find(NodeProto node) => _byFirst.GetValueOrDefault(node.Output[0]);

    /// <summary>Whether a node is a clip that is done by writing a convolution's output as bytes.</summary>
    public bool IsClip(NodeProto node) => _clips.Contains(node.Output[0]);

    /// <param name="model">A network that Ocellus has written.</param>
    public static QuantizationPlan Of(OnnxFile model)
    {
        var plan = new QuantizationPlan();
        ILookup<string, NodeProto> readers = model.Graph.Node.SelectMany(n => n.Input.Select(i => (i, n))).ToLookup(x => x.i, x => x.n, StringComparer.Ordinal);
        var bytes = new HashSet<string>(StringComparer.Ordinal) { Pixels };
        foreach (NodeProto node in model.Graph.Node)
        {
            if (!IsDone(model, node, bytes))
            {
                continue;
            }

            string output = node.Output[0];
            NodeProto[] next = [.. readers[output]];
            if (node.OpType == "Conv" && next is [{ OpType: "Clip" } clip] && clip.Input is [_, "zero", "six"])
            {
                output = clip.Output[0];
                plan._clips.Add(output);
            }

            var one = new ByteNode(node, output);
            plan.Nodes.Add(one);
            plan._byFirst[node.Output[0]] = one;
            bytes.Add(output);
        }

        return plan;
    }

    private static bool IsDone(OnnxFile model, NodeProto node, HashSet<string> bytes) => node.OpType switch
    {
        "Conv" => bytes.Contains(node.Input[0]) && node.Input.Count == 3 && model.Has(node.Input[1]) && model.Has(node.Input[2])
            && !_float.Any(name => node.Input[1].StartsWith(name, StringComparison.Ordinal)),
        "Add" or "Concat" => node.Input.All(bytes.Contains),
        "Resize" => bytes.Contains(node.Input[0]),
        _ => false,
    };
}
