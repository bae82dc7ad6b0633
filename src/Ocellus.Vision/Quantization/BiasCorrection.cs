using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Quantization;

/// <summary>Moves each convolution's biases by the mean of what rounding its weights has changed.</summary>
internal static class BiasCorrection
{
    /// <param name="model">The float network; its biases are changed.</param>
    /// <param name="plan">What is done with bytes.</param>
    /// <param name="weights">The weights of each convolution as bytes.</param>
    /// <param name="statistics">Means of the tensors.</param>
    public static void Correct(
        OnnxFile model, QuantizationPlan plan, IReadOnlyDictionary<string, ByteWeights> weights,
        IReadOnlyDictionary<string, TensorStatistics> statistics)
    {
        foreach (NodeProto node in plan.Nodes.Select(n => n.Node).Where(n => n.OpType == "Conv"))
        {
            float[] bias = model.Floats(node.Input[2]);
            float[] before = model.Floats(node.Input[1]), after = weights[node.Input[1]].Dequantize();
            double[] moved = Error(before, after, model.Shape(node.Input[1]), statistics[node.Input[0]].Mean);
            model.Set(node.Input[2], [.. bias.Select((b, c) => (float)(b + moved[c]))], bias.Length);
        }
    }

    /// <summary>For each output channel, what the weights before would give more than those after, for inputs that have their mean everywhere.</summary>
    /// <param name="before">[outputs, inputs of a group, rows, columns].</param>
    /// <param name="after">The same after rounding.</param>
    /// <param name="shape">Of the weights.</param>
    /// <param name="mean">Of each input channel.</param>
    internal static double[] Error(float[] before, float[] after, long[] shape, double[] mean)
    {
        int outputs = (int)shape[0], inputs = (int)shape[1], area = (int)(shape[2] * shape[3]), groups = mean.Length / inputs;
        var error = new double[outputs];
        for (int o = 0; o < outputs; o++)
        {
            int first = o / (outputs / groups) * inputs;
            for (int i = 0; i < inputs * area; i++)
            {
                int at = o * inputs * area + i;
                error[o] += (before[at] - (double)after[at]) * mean[first + i / area];
            }
        }

        return error;
    }
}
