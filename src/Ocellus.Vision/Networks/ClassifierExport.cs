using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Networks;

/// <summary>Composes a self-contained classifier: pixels in, scores out.</summary>
internal static class ClassifierExport
{
    public static byte[] Compose(OnnxFile backbone, LinearHead head, int size, bool multiLabel)
    {
        OnnxFile file = backbone.Clone();
        GraphProto graph = file.Graph;
        int labels = head.Bias.Length;
        NodeProto[] before =
        [
            OnnxParts.Node("Cast", ["image"], "pixels", OnnxParts.Whole("to", (long)TensorProto.Types.DataType.Float)),
            OnnxParts.Node("Sub", ["pixels", "mean"], "centred"),
            OnnxParts.Node("Div", ["centred", "scale"], "scaled"),
            OnnxParts.Node("Transpose", ["scaled"], "normalised", OnnxParts.Wholes("perm", 0, 3, 1, 2)),
        ];
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == "image" ? "normalised" : node.Input[i];
            }
        }

        for (int i = 0; i < before.Length; i++)
        {
            graph.Node.Insert(i, before[i]);
        }

        file.Set("mean", [127f]);
        file.Set("scale", [128f]);
        file.Set("classifier.weight", head.Weight, labels, head.Features);
        file.Set("classifier.bias", head.Bias, labels);
        graph.Node.Add(OnnxParts.Node("Gemm", ["embedding", "classifier.weight", "classifier.bias"], "logits", OnnxParts.Whole("transB", 1)));
        graph.Node.Add(
            multiLabel ? OnnxParts.Node("Sigmoid", ["logits"], "scores") : OnnxParts.Node("Softmax", ["logits"], "scores", OnnxParts.Whole("axis", 1)));
        graph.Input.Clear();
        graph.Input.Add(OnnxParts.Value("image", TensorProto.Types.DataType.Uint8, "N", size, size, 3));
        graph.Output.Clear();
        graph.Output.Add(OnnxParts.Value("scores", TensorProto.Types.DataType.Float, "N", labels));
        graph.ValueInfo.Clear();
        return file.ToBytes();
    }
}
