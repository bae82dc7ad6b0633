using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Networks;

/// <summary>Composes a self-contained classifier: pixels in, scores out, and on request the evidence of each location.</summary>
internal static class ClassifierExport
{
    /// <summary>Name of the output with the evidence.</summary>
    public const string Evidence = "evidence";

    /// <summary>Description of the outputs in model.json.</summary>
    public const string Output =
        "scores: float32 [N, labels], 0 to 1; evidence: float32 [N, labels, rows, columns], the score of each place of the input before it is brought to "
        + "0 to 1, higher where there is more of the label: a map for people to look at";

    // The features that the embedding is the average of.
    private const string BeforeAverage = "head.out";

    private const int AverageStride = 32;

    /// <param name="backbone">The backbone's graph and weights.</param>
    /// <param name="head">What turns its features into logits.</param>
    /// <param name="width">Of the network input, pixels.</param>
    /// <param name="height">Of the network input, pixels.</param>
    /// <param name="multiLabel">Labels are independent of one another.</param>
    public static byte[] Compose(OnnxFile backbone, ClassifierHead head, int width, int height, bool multiLabel)
    {
        OnnxFile file = backbone.Clone();
        GraphProto graph = file.Graph;
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
        AddHead(file, head, EvidenceHead.Locations(width, height));
        graph.Node.Add(
            multiLabel ? OnnxParts.Node("Sigmoid", ["logits"], "scores") : OnnxParts.Node("Softmax", ["logits"], "scores", OnnxParts.Whole("axis", 1)));
        graph.Input.Clear();
        graph.Input.Add(OnnxParts.Value("image", TensorProto.Types.DataType.Uint8, "N", height, width, 3));
        graph.Output.Clear();
        graph.Output.Add(OnnxParts.Value("scores", TensorProto.Types.DataType.Float, "N", head.Labels));
        int stride = head.Evidence is null ? AverageStride : EvidenceHead.Stride;
        graph.Output.Add(OnnxParts.Value(Evidence, TensorProto.Types.DataType.Float, "N", head.Labels, height / stride, width / stride));

        graph.ValueInfo.Clear();
        file.Prune();
        return file.ToBytes();
    }

    private static void AddHead(OnnxFile file, ClassifierHead head, int locations)
    {
        GraphProto graph = file.Graph;
        if (head.Average is { } average)
        {
            file.Set("classifier.weight", average.Weight, head.Labels, average.Features);
            file.Set("classifier.bias", average.Bias, head.Labels);
            graph.Node.Add(OnnxParts.Node(
                "Gemm", ["embedding", "classifier.weight", "classifier.bias"], head.Evidence is null ? "logits" : "logits.average",
                OnnxParts.Whole("transB", 1)));
        }

        if (head.Evidence is not { } evidence)
        {
            // The average of linear scores is the linear score of the average, so each location has its own (class activation maps, arXiv:1512.04150).
            file.SetLongs("classifier.places", head.Labels, head.Average!.Features, 1, 1);
            graph.Node.Add(OnnxParts.Node("Reshape", ["classifier.weight", "classifier.places"], "classifier.kernel"));
            graph.Node.Add(OnnxParts.Node(
                "Conv", [BeforeAverage, "classifier.kernel", "classifier.bias"], Evidence, OnnxParts.Wholes("kernel_shape", 1, 1)));
            return;
        }

        file.Set("evidence.weight", evidence.Weight, head.Labels, EvidenceHead.Channels, 1, 1);
        file.Set("evidence.bias", evidence.Bias, head.Labels);
        file.SetLongs("evidence.rows", 0, head.Labels, -1);
        file.SetLongs("evidence.best", Math.Min(EvidenceHead.Best, locations));
        graph.Node.Add(OnnxParts.Node("AveragePool", ["c3"], "c3.halved", OnnxParts.Wholes("kernel_shape", 2, 2), OnnxParts.Wholes("strides", 2, 2)));
        graph.Node.Add(OnnxParts.Node("Concat", ["c3.halved", "c4"], "locations", OnnxParts.Whole("axis", 1)));
        graph.Node.Add(OnnxParts.Node("Conv", ["locations", "evidence.weight", "evidence.bias"], Evidence, OnnxParts.Wholes("kernel_shape", 1, 1)));
        graph.Node.Add(OnnxParts.Node("Reshape", [Evidence, "evidence.rows"], "evidence.flat"));
        NodeProto best = OnnxParts.Node(
            "TopK", ["evidence.flat", "evidence.best"], "evidence.highest", OnnxParts.Whole("axis", 2), OnnxParts.Whole("largest", 1),
            OnnxParts.Whole("sorted", 0));
        best.Output.Add("evidence.places");
        graph.Node.Add(best);
        graph.Node.Add(OnnxParts.Node(
            "ReduceMean", ["evidence.highest"], head.Average is null ? "logits" : "logits.evidence", OnnxParts.Wholes("axes", 2),
            OnnxParts.Whole("keepdims", 0)));
        if (head.Average is not null)
        {
            graph.Node.Add(OnnxParts.Node("Add", ["logits.average", "logits.evidence"], "logits"));
        }
    }
}
