using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Quantization;
using static Ocellus.Vision.Onnx.OnnxParts;

namespace Ocellus.Vision.Tests.Quantization;

/// <summary>A network of two convolutions, an addition and a doubling, with weights that bytes write exactly.</summary>
public sealed class QuantizedGraphTests
{
    private const int Side = 8, Channels = 4;

    private static readonly byte[] _image = [.. Enumerable.Range(0, Side * Side * 3).Select(i => (byte)(i * 37 % 256))];

    [Fact]
    public void Answers_are_those_of_the_float_network_within_the_steps_that_they_are_written_in()
    {
        OnnxFile model = Network();
        QuantizationPlan plan = QuantizationPlan.Of(model);
        Assert.Equal(["Conv", "Conv", "Add", "Resize"], plan.Nodes.Select(n => n.Node.OpType));
        Assert.Equal(["normalised", "a", "b", "sum"], plan.Tensors);
        Dictionary<string, TensorStatistics> statistics = TensorStatistics.Collect(
            model, plan.Tensors, new HashSet<string>(), [_image], Side, Side, 1, CancellationToken.None);
        Dictionary<string, ByteScale> scales = statistics.ToDictionary(s => s.Key, s => ModelQuantizer.Range(s.Value, 1), StringComparer.Ordinal);

        OnnxFile quantized = QuantizedGraph.Write(
            model, plan, scales, ConvolutionWeights.Quantize(model, plan, scales, statistics, ByteWeights.SafeMost));

        float[] expected = Run(model), actual = Run(quantized);
        Assert.Equal(Channels * 4 * Side * Side, expected.Length);
        // The first convolution is off by half of its step, which the second multiplies by the sum of its weights at most; each later tensor adds half a step.
        float most = scales["a"].Step / 2 * (1 + Channels * 1f) + scales["b"].Step / 2 + scales["sum"].Step / 2;
        Assert.True(expected.Max() > 10 * most, "the tolerance says nothing");
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second, pair.First - most, pair.First + most));
        Assert.Contains(expected.Zip(actual), pair => pair.First != pair.Second);
    }

    [Fact]
    public void The_statistics_are_those_of_the_tensors()
    {
        Dictionary<string, TensorStatistics> statistics = TensorStatistics.Collect(
            Network(), [QuantizationPlan.Pixels], new HashSet<string>(), [_image, new byte[Side * Side * 3]], Side, Side, 1, CancellationToken.None);

        TensorStatistics pixels = statistics[QuantizationPlan.Pixels];
        Assert.Equal([(_image.Min() - 127) / 128f, -127 / 128f], pixels.Least);
        Assert.Equal([(_image.Max() - 127) / 128f, -127 / 128f], pixels.Most);
        double red = Enumerable.Range(0, Side * Side).Average(i => (_image[3 * i] - 127) / 128.0);
        Assert.Equal((red - 127 / 128.0) / 2, pixels.Mean[0], 1e-5);
        // Half way between the range of both images and that of an average one.
        float least = (pixels.Least.Min() + pixels.Least.Average()) / 2, most = (pixels.Most.Max() + pixels.Most.Average()) / 2;
        Assert.Equal(ByteScale.Of(least, most), ModelQuantizer.Range(pixels, .5));
    }

    [Fact]
    public void The_clip_of_a_convolution_is_that_of_its_bytes_and_pixels_go_in_as_they_are()
    {
        OnnxFile model = Network();
        QuantizationPlan plan = QuantizationPlan.Of(model);
        Dictionary<string, ByteScale> scales = plan.Tensors.ToDictionary(t => t, _ => ByteScale.Of(0, 6), StringComparer.Ordinal);

        OnnxFile quantized = QuantizedGraph.Write(
            model, plan, scales, ConvolutionWeights.Quantize(model, plan, scales, new Dictionary<string, TensorStatistics>(), ByteWeights.SafeMost));

        Assert.DoesNotContain(quantized.Graph.Node, n => n.OpType is "Clip" or "Cast" or "Sub" or "Div");
        Assert.Equal(["image"], quantized.Graph.Node[0].Input);
        Assert.Equal("Transpose", quantized.Graph.Node[0].OpType);
        Assert.Equal(["y"], quantized.Graph.Output.Select(o => o.Name));
        Assert.False(quantized.Has("first.weight"));
    }

    [Fact]
    public void A_network_that_normalises_otherwise_is_refused()
    {
        OnnxFile model = Network();
        model.Set("mean", [0f]);

        Assert.Throws<InvalidDataException>(() => QuantizedGraph.Write(
            model, QuantizationPlan.Of(model), new Dictionary<string, ByteScale>(), new Dictionary<string, ByteWeights>()));
    }

    private static OnnxFile Network()
    {
        var proto = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "test" } };
        proto.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        var file = new OnnxFile(proto);
        file.Graph.Input.Add(Value("image", TensorProto.Types.DataType.Uint8, "N", Side, Side, 3));
        file.Graph.Output.Add(Value("y", TensorProto.Types.DataType.Float, "N", Channels, 2 * Side, 2 * Side));
        file.Set("mean", [127f]);
        file.Set("scale", [128f]);
        file.Set("zero", [0f]);
        file.Set("six", [6f]);
        file.Set("up", [1f, 1f, 2f, 2f], 4);
        file.Set("first.weight", [.. Enumerable.Range(0, Channels * 3 * 9).Select(i => i % 27 == 0 ? 1f : (i * 29 % 129 - 64) / 64f)], Channels, 3, 3, 3);
        file.Set("first.bias", [.5f, 1, 0, -.5f], Channels);
        float[] second = [.. Enumerable.Range(0, Channels * Channels).Select(i => i % Channels == 0 ? 1f : (i * 31 % 129 - 64) / 64f)];
        file.Set("second.weight", second, Channels, Channels, 1, 1);
        file.Set("second.bias", [0f, 0, 1, 0], Channels);
        file.Graph.Node.Add(Node("Cast", ["image"], "pixels", Whole("to", (long)TensorProto.Types.DataType.Float)));
        file.Graph.Node.Add(Node("Sub", ["pixels", "mean"], "centred"));
        file.Graph.Node.Add(Node("Div", ["centred", "scale"], "scaled"));
        file.Graph.Node.Add(Node("Transpose", ["scaled"], "normalised", Wholes("perm", 0, 3, 1, 2)));
        file.Graph.Node.Add(Node("Conv", ["normalised", "first.weight", "first.bias"], "a.raw", Wholes("kernel_shape", 3, 3), Wholes("pads", 1, 1, 1, 1)));
        file.Graph.Node.Add(Node("Clip", ["a.raw", "zero", "six"], "a"));
        file.Graph.Node.Add(Node("Conv", ["a", "second.weight", "second.bias"], "b", Wholes("kernel_shape", 1, 1)));
        file.Graph.Node.Add(Node("Add", ["a", "b"], "sum"));
        file.Graph.Node.Add(Node(
            "Resize", ["sum", "", "up"], "doubled",
            Text("mode", "nearest"), Text("coordinate_transformation_mode", "asymmetric"), Text("nearest_mode", "floor")));
        file.Graph.Node.Add(Node("Identity", ["doubled"], "y"));
        return file;
    }

    private static float[] Run(OnnxFile model)
    {
        using InferenceSession session = Sessions.Open(model.ToBytes(), 1);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", new DenseTensor<byte>(_image, [1, Side, Side, 3]))], ["y"]);
        return results[0].AsTensor<float>().ToArray();
    }
}
