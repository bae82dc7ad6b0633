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

    private const string Head = "classifier";

    private readonly ClassifierTask _task;
    private readonly ClassifierPlan _plan;
    private readonly OnnxFile _backbone;
    private readonly EfficientNetLite0 _network;
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly List<(string Name, Parameter Value)> _named;
    private readonly AdamW _optimizer;
    private readonly RunningAverage _average;

    /// <param name="task">Labels, and whether they are independent of one another.</param>
    /// <param name="plan">Rates, dropout, size of the finished model.</param>
    /// <param name="backbone">Start weights and graph.</param>
    /// <param name="batch">Images a step. The rates are for the plan's number and scale with its square root.</param>
    public ClassifierNetwork(ClassifierTask task, ClassifierPlan plan, OnnxFile backbone, int batch)
    {
        (_task, _plan, _backbone) = (task, plan, backbone);
        _network = new EfficientNetLite0(backbone, plan.Kernels);
        using (Tensor w = zeros(task.Labels.Count, EfficientNetLite0.EmbeddingSize), b = zeros(task.Labels.Count))
        {
            (_weight, _bias) = (new Parameter(w.clone()), new Parameter(b.clone()));
        }

        _named = [.. _network.WeightsByName(), (Head + ".weight", _weight), (Head + ".bias", _bias)];
        Freeze(AlwaysFrozenBlocks);
        double scale = Math.Sqrt((double)batch / plan.Batch);
        _optimizer = new AdamW(_named, Rate, plan.WeightDecay);
        _average = new RunningAverage(_named.Select(n => (n.Name, (Tensor)n.Value)), plan.AverageDecay);

        double Rate(string name) => scale * (name.StartsWith(Head, StringComparison.Ordinal) ? plan.HeadRate : plan.BackboneRate);
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
    public void StartFrom(LinearHead linear)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _weight.copy_(tensor(linear.Weight, _weight.shape));
        _bias.copy_(tensor(linear.Bias, _bias.shape));
        _average.Restart();
    }

    /// <summary>Computes new gradients and returns the loss.</summary>
    /// <param name="batch">Images and targets.</param>
    /// <param name="step">Seeds dropout.</param>
    public double Gradients(ClassifierBatch batch, int step)
    {
        using CollectionPause pause = CollectionPause.Begin();
        using var scope = NewDisposeScope();
        manual_seed(unchecked(_plan.Seed * 1_000_003L + step)); // dropout
        Tensor x = TensorValues.Copied(batch.Planes, batch.Count, 3, batch.Size, batch.Size);
        Tensor y = TensorValues.Copied(batch.Targets, batch.Count, _task.Labels.Count);
        Tensor embedding = nn.functional.dropout(_network.forward(x), _plan.Dropout, training: true); // [B, 1280]
        Tensor logits = nn.functional.linear(embedding, _weight, _bias); // [B, labels]
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
        _average.Update(step);
    }

    /// <summary>A model of the averaged weights.</summary>
    public byte[] Export()
    {
        Dictionary<string, (float[] Values, long[] Shape)> values = _average.Values();
        OnnxFile tuned = _backbone.Clone();
        foreach ((string name, Parameter value) in _network.WeightsByName())
        {
            tuned.Set(name, values[name].Values, value.shape);
        }

        var head = new LinearHead(values[Head + ".weight"].Values, values[Head + ".bias"].Values, EfficientNetLite0.EmbeddingSize);
        return ClassifierExport.Compose(tuned, head, _plan.Size, _task.MultiLabel);
    }

    /// <summary>Weights, moments and averages.</summary>
    public TrainingCheckpoint Capture(string key, int epoch, int epochs, bool frozen) => _average.AddTo(_optimizer.Capture(key, epoch, epochs, frozen));

    /// <summary>Restores what <see cref="Capture"/> saved.</summary>
    public void Restore(TrainingCheckpoint from)
    {
        _optimizer.Restore(from);
        _average.Restore(from);
    }

    public void Dispose() => _network.Dispose();
}
