using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Quantization;

/// <summary>The weights of a network's convolutions as bytes.</summary>
internal static class ConvolutionWeights
{
    /// <summary>Quantizes the weights of every convolution that is done with bytes; by their names.</summary>
    /// <param name="model">The float network.</param>
    /// <param name="plan">What is done with bytes.</param>
    /// <param name="scales">The scale of each tensor that is written as bytes.</param>
    /// <param name="statistics">Of the tensors: where they have a covariance, weights are rounded for the outputs.</param>
    /// <param name="most">Largest absolute value of a byte where products are added in pairs.</param>
    public static Dictionary<string, ByteWeights> Quantize(
        OnnxFile model, QuantizationPlan plan, IReadOnlyDictionary<string, ByteScale> scales, IReadOnlyDictionary<string, TensorStatistics> statistics,
        int most)
    {
        Dictionary<string, ByteWeights> all = new(StringComparer.Ordinal);
        NodeProto[] convolutions = [.. plan.Nodes.Select(n => n.Node).Where(n => n.OpType == "Conv")];
        Parallel.ForEach(convolutions, node =>
        {
            string input = node.Input[0];
            float[] weights = model.Floats(node.Input[1]), bias = model.Floats(node.Input[2]);
            // Depthwise products are added one by one, in 32 bits.
            int largest = model.Shape(node.Input[1])[1] == 1 ? ByteWeights.FullMost : most;
            float step = input == QuantizationPlan.Pixels ? QuantizedGraph.Pixels.Step : scales[input].Step;
            ByteWeights bytes = ByteWeights.Of(weights, bias, step, largest);
            if (statistics.GetValueOrDefault(input)?.Covariance is { } covariance)
            {
                bytes = bytes with { Values = WeightRounding.Round(weights, bytes.Steps, covariance, largest) };
            }

            lock (all)
            {
                all[node.Input[1]] = bytes;
            }
        });
        return all;
    }
}
