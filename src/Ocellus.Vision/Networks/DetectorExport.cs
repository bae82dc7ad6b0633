using Ocellus.Vision.Onnx;
using static Ocellus.Vision.Onnx.OnnxParts;

namespace Ocellus.Vision.Networks;

/// <summary>Composes a self-contained detector: pixels in, boxes after suppression out.</summary>
internal static class DetectorExport
{
    /// <summary>Version of the standard operators that the graph needs; any ONNX Runtime since 1.12 has it.</summary>
    public const int Opset = 17;

    /// <summary>Maximum boxes an image.</summary>
    public const int BoxesMax = 100;

    /// <summary>Minimum score of a candidate. Low, so that the test sees the whole curve; the thresholds are far above.</summary>
    public const float ScoreMin = .01f;

    /// <summary>Of two boxes of a label that overlap more than this, the worse one is dropped.</summary>
    public const float IouMax = .6f;

    /// <summary>Description of the outputs in model.json.</summary>
    public const string Output =
        "boxes: float32 [K, 4], left top right bottom in pixels of the network input; scores: float32 [K], 0 to 1; "
        + "labels: int64 [K], index of the label; pictures: int64 [K], index of the image in the input. "
        + "At most 100 an image, best score first; non-maximum suppression is done.";

    /// <param name="backbone">The backbone's graph; its weights are replaced.</param>
    /// <param name="values">Every weight and statistic with its shape, by name; the backbone's with the prefix <c>backbone.</c>.</param>
    /// <param name="labels">Number of labels.</param>
    /// <param name="width">Of the network input, pixels.</param>
    /// <param name="height">Of the network input, pixels.</param>
    /// <param name="scale">Calibrates the scores of the boxes that are answered; which they are, and their order, does not depend on it.</param>
    public static byte[] Compose(
        OnnxFile backbone, IReadOnlyDictionary<string, (float[] Values, long[] Shape)> values, int labels, int width, int height, LogitScale scale)
    {
        OnnxFile file = Trunk(backbone);
        foreach ((string name, (float[] v, long[] shape)) in values)
        {
            if (Detector.IsBackbone(name, out string inBackbone) && file.Has(inBackbone))
            {
                file.Set(inBackbone, v, shape);
            }
        }

        var graph = new Builder(file, values);
        graph.Neck();
        graph.Heads(labels, height, width);
        graph.Outputs(scale);
        file.Graph.Input.Clear();
        file.Graph.Input.Add(Value("image", TensorProto.Types.DataType.Uint8, "N", height, width, 3));
        file.Graph.Output.Clear();
        file.Graph.Output.Add(Value("boxes", TensorProto.Types.DataType.Float, "K", 4));
        file.Graph.Output.Add(Value("scores", TensorProto.Types.DataType.Float, "K"));
        file.Graph.Output.Add(Value("labels", TensorProto.Types.DataType.Int64, "K"));
        file.Graph.Output.Add(Value("pictures", TensorProto.Types.DataType.Int64, "K"));
        file.Graph.ValueInfo.Clear();
        return file.ToBytes();
    }

    /// <summary>The backbone up to its three stages, with the normalisation before it.</summary>
    private static OnnxFile Trunk(OnnxFile backbone)
    {
        ModelProto model = backbone.Model.Clone();
        GraphProto graph = model.Graph;
        var needed = new HashSet<string>(["c3", "c4", "c5"], StringComparer.Ordinal);
        var kept = new List<NodeProto>();
        foreach (NodeProto node in graph.Node.Reverse())
        {
            if (node.Output.Any(needed.Contains))
            {
                kept.Add(node);
                needed.UnionWith(node.Input);
            }
        }

        kept.Reverse();
        TensorProto[] used = [.. graph.Initializer.Where(i => needed.Contains(i.Name))];
        graph.Initializer.Clear();
        graph.Initializer.AddRange(used);
        graph.Node.Clear();
        graph.Node.Add(Node("Cast", ["image"], "pixels", Whole("to", (long)TensorProto.Types.DataType.Float)));
        graph.Node.Add(Node("Sub", ["pixels", "mean"], "centred"));
        graph.Node.Add(Node("Div", ["centred", "scale"], "scaled"));
        graph.Node.Add(Node("Transpose", ["scaled"], "normalised", Wholes("perm", 0, 3, 1, 2)));
        foreach (NodeProto node in kept)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == "image" ? "normalised" : node.Input[i];
            }
        }

        graph.Node.AddRange(kept);
        var file = new OnnxFile(model);
        file.Set("mean", [127f]);
        file.Set("scale", [128f]);
        return file;
    }

    private sealed class Builder(OnnxFile file, IReadOnlyDictionary<string, (float[] Values, long[] Shape)> values)
    {
        public void Neck()
        {
            for (int l = 0; l < Detector.Strides.Count; l++)
            {
                Convolve($"c{l + 3}", $"lateral.{l}", $"l{l + 3}");
            }

            file.Set("up.scales", [1f, 1f, 2f, 2f], 4);
            Up("l5", "l5.up");
            Add("Concat", ["l4", "l5.up"], "top_down.0.in", Whole("axis", 1));
            Separable("top_down.0.in", "top_down.0", 1, "p4");
            Up("p4", "p4.up");
            Add("Concat", ["l3", "p4.up"], "top_down.1.in", Whole("axis", 1));
            Separable("top_down.1.in", "top_down.1", 1, "p3");
            Separable("p3", "down.0", 2, "p3.down");
            Add("Concat", ["p4", "p3.down"], "bottom_up.0.in", Whole("axis", 1));
            Separable("bottom_up.0.in", "bottom_up.0", 1, "n4");
            Separable("n4", "down.1", 2, "n4.down");
            Add("Concat", ["l5", "n4.down"], "bottom_up.1.in", Whole("axis", 1));
            Separable("bottom_up.1.in", "bottom_up.1", 1, "n5");
        }

        /// <summary>Scores [N, labels, A] and boxes [N, A, 4] of all points.</summary>
        public void Heads(int labels, int height, int width)
        {
            string[] levels = ["p3", "n4", "n5"];
            Longs("heads.shape", 0, labels + Detector.Sides, -1);
            for (int l = 0; l < levels.Length; l++)
            {
                Separable(levels[l], $"heads.{l}.0", 1, $"heads.{l}.0.out");
                Separable($"heads.{l}.0.out", $"heads.{l}.1", 1, $"heads.{l}.1.out");
                Convolve($"heads.{l}.1.out", $"heads.{l}.2", $"heads.{l}.out");
                Add("Reshape", [$"heads.{l}.out", "heads.shape"], $"heads.{l}.flat");
            }

            Add("Concat", ["heads.0.flat", "heads.1.flat", "heads.2.flat"], "heads.all", Whole("axis", 2)); // [N, labels + 4, A]
            Longs("heads.parts", labels, 2, 2);
            NodeProto split = Node("Split", ["heads.all", "heads.parts"], "logits", Whole("axis", 1));
            split.Output.Add(["before.raw", "after.raw"]);
            file.Graph.Node.Add(split);
            Add("Sigmoid", ["logits"], "scores.all");

            (float[] centres, float[] strides) = Detector.Points(height, width);
            int points = strides.Length;
            file.Set("points.reach", [.. strides.Select(s => 2 * s)], 1, 1, points);
            // All x, then all y.
            file.Set("points.centres", [.. Enumerable.Range(0, 2 * points).Select(i => centres[i % points * 2 + i / points])], 1, 2, points);
            foreach (string side in (string[])["before", "after"])
            {
                Add("Softplus", [side + ".raw"], side + ".soft");
                Add("Mul", [side + ".soft", "points.reach"], side);
            }

            Add("Sub", ["points.centres", "before"], "corner.first");
            Add("Add", ["points.centres", "after"], "corner.second");
            Add("Concat", ["corner.first", "corner.second"], "boxes.planes", Whole("axis", 1)); // [N, 4, A]
            Add("Transpose", ["boxes.planes"], "boxes.all", Wholes("perm", 0, 2, 1));
        }

        /// <summary>Suppression for each label, then the best of each image, best first.</summary>
        public void Outputs(LogitScale scale)
        {
            Longs("boxes.max", BoxesMax);
            file.Set("iou.max", [IouMax], 1);
            file.Set("score.min", [ScoreMin], 1);
            Scalar("0", 0);
            Scalar("1", 1);
            // The operator calls the axes y and x; overlap does not care which is which.
            Add("NonMaxSuppression", ["boxes.all", "scores.all", "boxes.max", "iou.max", "score.min"], "chosen"); // [M, 3]: image, label, point
            Add("GatherND", ["scores.all", "chosen"], "chosen.scores");
            Add("Shape", ["chosen.scores"], "chosen.count");
            NodeProto sort = Node("TopK", ["chosen.scores", "chosen.count"], "sorted.scores", Whole("axis", 0), Whole("largest", 1), Whole("sorted", 1));
            sort.Output.Add("sorted.order");
            file.Graph.Node.Add(sort);
            Add("Gather", ["chosen", "sorted.order"], "sorted", Whole("axis", 0));
            Add("Gather", ["sorted", "scalar.0"], "sorted.pictures", Whole("axis", 1));

            // The rank of each box within its image: a running count of boxes for each image, read at the box's image.
            Add("Shape", ["image"], "image.shape");
            Add("Gather", ["image.shape", "scalar.0"], "picture.count", Whole("axis", 0));
            Longs("off.on", 0, 1);
            Add("OneHot", ["sorted.pictures", "picture.count", "off.on"], "sorted.which", Whole("axis", 1)); // [M, N]
            Add("CumSum", ["sorted.which", "scalar.0"], "sorted.counts");
            Longs("axis.1", 1);
            Add("Unsqueeze", ["sorted.pictures", "axis.1"], "sorted.column");
            Add("GatherElements", ["sorted.counts", "sorted.column"], "sorted.place", Whole("axis", 1));
            Add("Squeeze", ["sorted.place", "axis.1"], "place");
            Add("LessOrEqual", ["place", "boxes.max"], "stays");

            Add("Compress", ["sorted", "stays"], "left", Whole("axis", 0));
            Add("GatherND", ["logits", "left"], "left.logits");
            file.Set("scores.factor", [scale.Factor], 1);
            file.Set("scores.shift", [scale.Shift], 1);
            Add("Mul", ["left.logits", "scores.factor"], "left.scaled");
            Add("Add", ["left.scaled", "scores.shift"], "left.calibrated");
            Add("Sigmoid", ["left.calibrated"], "scores");
            Add("Gather", ["left", "scalar.0"], "pictures", Whole("axis", 1));
            Add("Gather", ["left", "scalar.1"], "labels", Whole("axis", 1));
            Longs("picture.point", 0, 2);
            Add("Gather", ["left", "picture.point"], "left.points", Whole("axis", 1));
            Add("GatherND", ["boxes.all", "left.points"], "boxes");
        }

        private void Add(string operation, string[] inputs, string output, params AttributeProto[] attributes) =>
            file.Graph.Node.Add(Node(operation, inputs, output, attributes));

        private void Up(string input, string output)
        {
            Add(
                "Resize", [input, "", "up.scales"], output,
                Text("mode", "nearest"), Text("coordinate_transformation_mode", "asymmetric"), Text("nearest_mode", "floor"));
        }

        private void Convolve(string input, string name, string output)
        {
            Copy(name + ".weight");
            Copy(name + ".bias");
            Add("Conv", [input, name + ".weight", name + ".bias"], output, Wholes("kernel_shape", 1, 1));
        }

        private void Separable(string input, string name, int stride, string output)
        {
            Fold(name + ".0", name + ".1");
            long channels = values[name + ".0.weight"].Shape[0], side = values[name + ".0.weight"].Shape[2], pad = side / 2;
            Add("Conv", [input, name + ".0.weight", name + ".0.bias"], name + ".0.raw",
                Wholes("kernel_shape", side, side), Wholes("strides", stride, stride), Wholes("pads", pad, pad, pad, pad), Whole("group", channels));
            Add("Clip", [name + ".0.raw", "zero", "six"], name + ".0.out");
            Fold(name + ".3", name + ".4");
            Add("Conv", [name + ".0.out", name + ".3.weight", name + ".3.bias"], name + ".3.raw", Wholes("kernel_shape", 1, 1));
            Add("Clip", [name + ".3.raw", "zero", "six"], output);
        }

        private void Copy(string name) => file.Set(name, values[name].Values, values[name].Shape);

        /// <summary>Folds a batch norm into the convolution before it.</summary>
        private void Fold(string convolution, string norm)
        {
            (float[] weight, long[] shape) = values[convolution + ".weight"];
            float[] gain = values[norm + ".weight"].Values, shift = values[norm + ".bias"].Values;
            float[] mean = values[norm + ".running_mean"].Values, variance = values[norm + ".running_var"].Values;
            int row = weight.Length / gain.Length;
            var folded = new float[weight.Length];
            var bias = new float[gain.Length];
            for (int c = 0; c < gain.Length; c++)
            {
                double scale = gain[c] / Math.Sqrt(variance[c] + Detector.NormEpsilon);
                bias[c] = (float)(shift[c] - mean[c] * scale);
                for (int i = 0; i < row; i++)
                {
                    folded[c * row + i] = (float)(weight[c * row + i] * scale);
                }
            }

            file.Set(convolution + ".weight", folded, shape);
            file.Set(convolution + ".bias", bias, gain.Length);
        }

        private void Longs(string name, params long[] numbers)
        {
            var proto = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Int64 };
            proto.Dims.Add(numbers.Length);
            proto.Int64Data.AddRange(numbers);
            file.Graph.Initializer.Add(proto);
        }

        private void Scalar(string name, long number) =>
            file.Graph.Initializer.Add(new TensorProto { Name = "scalar." + name, DataType = (int)TensorProto.Types.DataType.Int64, Int64Data = { number } });
    }
}
