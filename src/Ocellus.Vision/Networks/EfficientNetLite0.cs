using Ocellus.Vision.Kernels;
using Ocellus.Vision.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Networks;

/// <summary>A convolution with folded batch norm, the padding of its ONNX node, and ReLU6 unless it projects.</summary>
internal sealed class PaddedConvolution : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly ConvolutionNode node;
    private readonly IConvolutions kernels;
    private readonly ConvolutionLayer convolution;

    public PaddedConvolution(ConvolutionNode node, OnnxFile file, IConvolutions kernels) : base(node.Name)
    {
        (this.node, this.kernels) = (node, kernels);
        Shape = file.Shape(node.Name + ".weight");
        // Cloned into libtorch's aligned memory: over managed arrays, the last bit of a sum depends on their address.
        using Tensor w = tensor(file.Floats(node.Name + ".weight"), Shape), b = tensor(file.Floats(node.Name + ".bias"), file.Shape(node.Name + ".bias"));
        weight = new Parameter(w.clone());
        bias = new Parameter(b.clone());
        convolution = new ConvolutionLayer(weight, bias, node.Stride, node.Pads, Activate: !node.Name.EndsWith("project", StringComparison.Ordinal));
        RegisterComponents();
    }

    public long[] Shape { get; }

    public int Stride => node.Stride;

    public long Inputs => Shape[1] * node.Groups;

    /// <summary>This convolution followed by a depthwise one, each with its ReLU6.</summary>
    /// <param name="depthwise">The following one.</param>
    /// <param name="input">[N,C,H,W] in channels-last strides.</param>
    internal Tensor Then(PaddedConvolution depthwise, Tensor input)
    {
        using var scope = NewDisposeScope();
        return kernels.Convolve(input, convolution, depthwise.convolution).MoveToOuterDisposeScope();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return kernels.Convolve(input, convolution).MoveToOuterDisposeScope();
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

    /// <summary>Values in an embedding.</summary>
    public const int EmbeddingSize = 1280;

    private readonly Dictionary<string, PaddedConvolution> convolutions = new(StringComparer.Ordinal);

    /// <param name="file">Weights, and strides and padding.</param>
    /// <param name="kernels">Which convolution kernels to use.</param>
    public EfficientNetLite0(OnnxFile file, KernelChoice kernels = KernelChoice.Own) : base(nameof(EfficientNetLite0))
    {
        ArgumentNullException.ThrowIfNull(file);
        IConvolutions convolve = Convolutions.Of(kernels);
        foreach (ConvolutionNode node in file.Convolutions())
        {
            var convolution = new PaddedConvolution(node, file, convolve);
            convolutions.Add(node.Name, convolution);
            register_module(node.Name.Replace('.', '_'), convolution);
        }
    }

    /// <summary>Parameters under the names they have in the ONNX file.</summary>
    public IEnumerable<(string Name, Parameter Value)> WeightsByName() =>
        convolutions.SelectMany(c => c.Value.named_parameters().Select(p => (c.Key + "." + p.name, p.parameter)));

    /// <summary>Features at strides 8, 16 and 32 of normalised images [N,3,H,W].</summary>
    /// <param name="input">[N,3,H,W].</param>
    /// <param name="count">How many of the three are needed; the blocks after them are not computed.</param>
    public Tensor[] Stages(Tensor input, int count = 3)
    {
        using var scope = NewDisposeScope();
        Tensor x = TensorValues.ChannelsLast(input);
        var cuts = new List<Tensor>(count);
        for (int i = 0; cuts.Count < count; i++)
        {
            x = Block(i, x);
            if (Cuts.Contains(i)) cuts.Add(x);
        }
        return [.. cuts.Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <summary>The embedding [N,1280] of normalised images [N,3,H,W].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Embed(Stages(input)[^1]).MoveToOuterDisposeScope();
    }

    /// <summary>The embedding [N,1280] of c5, the features at stride 32.</summary>
    public Tensor Embed(Tensor c5)
    {
        using var scope = NewDisposeScope();
        return convolutions["head"].forward(c5).mean([2, 3]).MoveToOuterDisposeScope();
    }

    private Tensor Block(int index, Tensor input)
    {
        using var scope = NewDisposeScope();
        string name = $"blocks.{index}.";
        PaddedConvolution depthwise = convolutions[name + "depthwise"], project = convolutions[name + "project"];
        // The first block has no expansion; the stem takes its place.
        PaddedConvolution first = convolutions.GetValueOrDefault(name + "expand", convolutions["stem"]);
        Tensor x = project.forward(first.Then(depthwise, input));
        bool skip = depthwise.Stride == 1 && first.Inputs == project.Shape[0];
        return (skip ? input + x : x).MoveToOuterDisposeScope();
    }
}
