using System.Runtime.Intrinsics;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Networks;

/// <summary>A convolution with folded batch norm, the padding of its ONNX node, and ReLU6 unless it projects.</summary>
internal sealed class PaddedConvolution : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly ConvolutionNode node;
    private readonly bool activate;
    private readonly bool pointwise;

    public PaddedConvolution(ConvolutionNode node, OnnxFile file) : base(node.Name)
    {
        this.node = node;
        activate = !node.Name.EndsWith("project", StringComparison.Ordinal);
        Shape = file.Shape(node.Name + ".weight");
        pointwise = node is { Stride: 1, Groups: 1 } && Shape is [_, _, 1, 1];
        // Cloned into libtorch's own aligned memory: sums over managed arrays differ in their last bit with the address.
        using Tensor w = tensor(file.Floats(node.Name + ".weight"), Shape), b = tensor(file.Floats(node.Name + ".bias"), file.Shape(node.Name + ".bias"));
        weight = new Parameter(w.clone());
        bias = new Parameter(b.clone());
        RegisterComponents();
    }

    public long[] Shape { get; }

    public int Stride => node.Stride;

    public long Inputs => Shape[1] * node.Groups;

    /// <summary>This convolution and a depthwise one behind it, each with its ReLU6.</summary>
    /// <param name="depthwise">The one behind.</param>
    /// <param name="input">[N,C,H,W] in channels-last strides.</param>
    internal Tensor Then(PaddedConvolution depthwise, Tensor input)
    {
        using var scope = NewDisposeScope();
        if (!Vector256.IsHardwareAccelerated)
        {
            return depthwise.forward(forward(input)).MoveToOuterDisposeScope();
        }

        var (before, after) = (depthwise.node.Pads[0], depthwise.node.Pads[2]);
        (Tensor seen, Tensor across) = pointwise ? (input, weight) : (Patches.Of(input, Shape[2], node.Stride, node.Pads), Patches.Weights(weight));
        return (ExpandedDepthwise.Can(seen, across, depthwise.weight, before, after)
            ? ExpandedDepthwise.Convolve(seen, across, bias, depthwise.weight, depthwise.bias, depthwise.Stride, before, after)
            : depthwise.forward(forward(input))).MoveToOuterDisposeScope();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        if (pointwise)
        {
            return Pointwise.Convolve(input, weight, bias, activate).MoveToOuterDisposeScope();
        }

        // TensorFlow's SAME pads one more on the right and bottom where the stride is 2.
        if (node.Groups > 1)
        {
            return Depthwise.Convolve(input, weight, bias, node.Stride, node.Pads[0], node.Pads[2], activate).MoveToOuterDisposeScope();
        }

        Tensor x = nn.functional.conv2d(nn.functional.pad(input, [node.Pads[1], node.Pads[3], node.Pads[0], node.Pads[2]]), weight, bias, strides: [node.Stride, node.Stride]);
        return (activate ? nn.functional.relu6(x) : x).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// EfficientNet-Lite0 with the weights of an ONNX file, found by name. <see cref="Stages"/> gives the features at strides 8, 16
/// and 32, <see cref="forward"/> the embedding.
/// </summary>
public sealed class EfficientNetLite0 : nn.Module<Tensor, Tensor>
{
    /// <summary>Blocks whose outputs are c3, c4 and c5.</summary>
    public static readonly IReadOnlyList<int> Cuts = [4, 10, 15];

    /// <summary>Channels of c3, c4 and c5.</summary>
    public static readonly IReadOnlyList<int> Channels = [40, 112, 320];

    /// <summary>Values in an embedding.</summary>
    public const int EmbeddingSize = 1280;

    private const int Blocks = 16;
    private readonly Dictionary<string, PaddedConvolution> convolutions = new(StringComparer.Ordinal);

    public EfficientNetLite0(OnnxFile file) : base(nameof(EfficientNetLite0))
    {
        ArgumentNullException.ThrowIfNull(file);
        foreach (ConvolutionNode node in file.Convolutions())
        {
            var convolution = new PaddedConvolution(node, file);
            convolutions.Add(node.Name, convolution);
            register_module(node.Name.Replace('.', '_'), convolution);
        }
    }

    /// <summary>Parameters under the names they have in the ONNX file.</summary>
    public IEnumerable<(string Name, Parameter Value)> WeightsByName() =>
        convolutions.SelectMany(c => c.Value.named_parameters().Select(p => (c.Key + "." + p.name, p.parameter)));

    /// <summary>Features at strides 8, 16 and 32 of normalised pictures [N,3,H,W].</summary>
    public Tensor[] Stages(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor x = TensorValues.ChannelsLast(input);
        var cuts = new List<Tensor>(3);
        for (int i = 0; i < Blocks; i++)
        {
            x = Block(i, x);
            if (Cuts.Contains(i)) cuts.Add(x);
        }
        return [.. cuts.Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <summary>The embedding [N,1280] of normalised pictures [N,3,H,W].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return convolutions["head"].forward(Stages(input)[^1]).mean([2, 3]).MoveToOuterDisposeScope();
    }

    /// <summary>Writes the weights back into an ONNX file with the same names.</summary>
    public void CopyTo(OnnxFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        foreach ((string name, Parameter value) in WeightsByName())
        {
            using Tensor plain = value.detach().cpu().contiguous();
            file.Set(name, plain.data<float>().ToArray(), plain.shape);
        }
    }

    private Tensor Block(int index, Tensor input)
    {
        using var scope = NewDisposeScope();
        string name = $"blocks.{index}.";
        PaddedConvolution depthwise = convolutions[name + "depthwise"], project = convolutions[name + "project"];
        // The first block expands nothing: the stem takes that place.
        PaddedConvolution first = convolutions.GetValueOrDefault(name + "expand", convolutions["stem"]);
        Tensor x = project.forward(first.Then(depthwise, input));
        bool skip = depthwise.Stride == 1 && first.Inputs == project.Shape[0];
        return (skip ? input + x : x).MoveToOuterDisposeScope();
    }
}
