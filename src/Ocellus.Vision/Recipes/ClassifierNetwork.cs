using System.Globalization;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// Backbone and head during training, with all that a step needs: gradients, optimizer and running average. Its tensors belong to the
/// dispose scope around the constructor.
/// </summary>
internal sealed class ClassifierNetwork : IDisposable
{
    /// <summary>
    /// Blocks that are always frozen, along with the stem. They detect edges and colours, which ImageNet has already taught them, and work
    /// at half the image's size: their gradients would take a quarter of a step's time.
    /// </summary>
    private const int AlwaysFrozenBlocks = 2;

    private const string Head = "classifier", Locations = "evidence";

    private readonly ClassifierTask _task;
    private readonly ClassifierPlan _plan;
    private readonly ClassifierDesign _design;
    private readonly OnnxFile _backbone;
    private readonly EfficientNetLite0 _network;
    private readonly (Parameter Weight, Parameter Bias)? _average;
    private readonly (Parameter Weight, Parameter Bias)? _evidence;
    private readonly List<(string Name, Parameter Value)> _named;
    private readonly AdamW _optimizer;
    private readonly RunningAverage _averages;

    /// <param name="task">Labels, and whether they are independent of one another.</param>
    /// <param name="plan">Rates, dropout, size of the finished model.</param>
    /// <param name="design">Size of the finished model, and its head.</param>
    /// <param name="backbone">Start weights and graph.</param>
    /// <param name="batch">Images a step. The rates are for the plan's number and scale with its square root.</param>
    public ClassifierNetwork(ClassifierTask task, ClassifierPlan plan, ClassifierDesign design, OnnxFile backbone, int batch)
    {
        (_task, _plan, _design, _backbone) = (task, plan, design, backbone);
        _network = new EfficientNetLite0(backbone, plan.Kernels);
        _average = design.HasAverage ? Linear(EfficientNetLite0.EmbeddingSize) : null;
        _evidence = design.HasEvidence ? Linear(EvidenceHead.Channels) : null;
        _named = [.. _network.WeightsByName()];
        Name(Head, _average);
        Name(Locations, _evidence);
        Freeze(AlwaysFrozenBlocks);
        double scale = Math.Sqrt((double)batch / plan.Batch);
        _optimizer = new AdamW(_named, Rate, plan.WeightDecay);
        _averages = new RunningAverage(_named.Select(n => (n.Name, (Tensor)n.Value)), plan.AverageDecay);

        double Rate(string name) => scale * (IsHead(name) ? plan.HeadRate : plan.BackboneRate);

        (Parameter, Parameter) Linear(int features)
        {
            using Tensor w = zeros(task.Labels.Count, features), b = zeros(task.Labels.Count);
            return (new Parameter(w.clone()), new Parameter(b.clone()));
        }

        void Name(string name, (Parameter Weight, Parameter Bias)? layer)
        {
            if (layer is var (weight, bias))
            {
                _named.AddRange([(name + ".weight", weight), (name + ".bias", bias)]);
            }
        }
    }

    /// <summary>Freezes the stem and the first blocks from now on.</summary>
    public void Freeze(int blocks)
    {
        foreach ((string name, Parameter value) in _named)
        {
            string[] parts = name.Split('.');
            if (parts[0] == "stem" || (parts[0] == "blocks" && int.Parse(parts[1], CultureInfo.InvariantCulture) < blocks))
            {
                value.requires_grad = false;
            }
        }
    }

    /// <summary>Initialises the head from a fitted one.</summary>
    public void StartFrom(ClassifierHead head)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Copy(_average, head.Average?.Weight, head.Average?.Bias);
        Copy(_evidence, head.Evidence?.Weight, head.Evidence?.Bias);
        _averages.Restart();

        static void Copy((Parameter Weight, Parameter Bias)? layer, float[]? weights, float[]? biases)
        {
            if (layer is var (weight, bias))
            {
                weight.copy_(tensor(weights!, weight.shape));
                bias.copy_(tensor(biases!, bias.shape));
            }
        }
    }

    /// <summary>Computes new gradients and returns the loss.</summary>
    /// <param name="batch">Images and targets.</param>
    /// <param name="step">Seeds dropout.</param>
    public double Gradients(ClassifierBatch batch, int step)
    {
        using CollectionPause pause = CollectionPause.Begin();
        using var scope = NewDisposeScope();
        manual_seed(unchecked(_plan.Seed * 1_000_003L + step)); // dropout
        Tensor x = TensorValues.Copied(batch.Planes, batch.Count, 3, batch.Height, batch.Width);
        Tensor y = TensorValues.Copied(batch.Targets, batch.Count, _task.Labels.Count);
        Tensor logits = Logits(x); // [B, labels]
        Tensor loss = _task.MultiLabel
            ? nn.functional.binary_cross_entropy_with_logits(logits, y)
            : -(nn.functional.log_softmax(logits, 1) * y).sum(1).mean();
        _optimizer.ZeroGradients();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>Updates the weights by the latest gradients, then the running average.</summary>
    /// <param name="rate">Share of the full rates.</param>
    /// <param name="step">Steps taken before, from 0.</param>
    public void Step(double rate, int step)
    {
        using CollectionPause pause = CollectionPause.Begin();
        _optimizer.Step(rate);
        _averages.Update(step);
    }

    /// <summary>Backbone and head of the averaged weights.</summary>
    /// <param name="start">The head that fine-tuning started from, with the pretrained backbone.</param>
    /// <param name="share">How far to go from there to the averaged weights, 0 to 1.</param>
    public (OnnxFile Backbone, ClassifierHead Head) Export(ClassifierHead start, double share)
    {
        Dictionary<string, (float[] Values, long[] Shape)> values = _averages.Values();
        if (share < 1)
        {
            Blend(values, start, (float)share);
        }

        OnnxFile tuned = _backbone.Clone();
        foreach ((string name, Parameter value) in _network.WeightsByName())
        {
            tuned.Set(name, values[name].Values, value.shape);
        }

        var head = new ClassifierHead(
            _average is null
                ? null
                : new LinearHead(values[Head + ".weight"].Values, values[Head + ".bias"].Values, EfficientNetLite0.EmbeddingSize),
            _evidence is null ? null : new EvidenceHead(values[Locations + ".weight"].Values, values[Locations + ".bias"].Values));
        return (tuned, head);
    }

    /// <summary>Weights, moments and averages.</summary>
    public TrainingCheckpoint Capture(string key, int epoch, int epochs, bool frozen) => _averages.AddTo(_optimizer.Capture(key, epoch, epochs, frozen));

    /// <summary>Restores what <see cref="Capture"/> saved.</summary>
    public void Restore(TrainingCheckpoint from)
    {
        _optimizer.Restore(from);
        _averages.Restore(from);
    }

    public void Dispose() => _network.Dispose();

    private void Blend(Dictionary<string, (float[] Values, long[] Shape)> values, ClassifierHead start, float share)
    {
        foreach ((string name, (float[] tuned, _)) in values)
        {
            float[] from = name switch
            {
                Head + ".weight" => start.Average!.Weight,
                Head + ".bias" => start.Average!.Bias,
                Locations + ".weight" => start.Evidence!.Weight,
                Locations + ".bias" => start.Evidence!.Bias,
                _ => _backbone.Floats(name),
            };
            for (int i = 0; i < tuned.Length; i++)
            {
                tuned[i] = from[i] + share * (tuned[i] - from[i]);
            }
        }
    }

    private static bool IsHead(string name) =>
        name.StartsWith(Head, StringComparison.Ordinal) || name.StartsWith(Locations, StringComparison.Ordinal);

    /// <summary>Logits [B, labels] of normalised images [B, 3, H, W]; with dropout of the embedding.</summary>
    private Tensor Logits(Tensor images)
    {
        Tensor[] stages = _network.Stages(images, _design.HasAverage ? 3 : 2);
        Tensor? logits = null;
        if (_average is var (weight, bias))
        {
            Tensor embedding = nn.functional.dropout(_network.Embed(stages[2]), _plan.Dropout, training: true); // [B, 1280]
            logits = nn.functional.linear(embedding, weight, bias);
        }

        if (_evidence is var (local, offset))
        {
            Tensor features = cat([nn.functional.avg_pool2d(stages[0], 2), stages[1]], 1).flatten(2); // [B, 152, L]
            Tensor scores = matmul(local, features) + offset.unsqueeze(1); // [B, labels, L]
            Tensor decided = scores.topk((int)Math.Min(EvidenceHead.Best, scores.shape[2]), 2).values.mean([2]);
            logits = logits is null ? decided : logits + decided;
        }

        return logits!;
    }
}
