using Ocellus.Vision.Boxes;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The detector during training, with all that a step needs: gradients, optimizer and running average. Its tensors belong to the dispose
/// scope around the constructor.
/// </summary>
internal sealed class DetectorNetwork : IDisposable
{
    private const string StatisticPrefix = "statistic:";

    // Weight of the box loss relative to the score loss.
    private const double BoxLossWeight = 2;

    private readonly DetectorTask _task;
    private readonly DetectorPlan _plan;
    private readonly OnnxFile _backbone;
    private readonly DetectorInput _input;
    private readonly Detector _network;
    private readonly AdamW _optimizer;
    private readonly RunningAverage _average;
    private readonly float[] _points;
    private readonly Tensor _centres;

    /// <param name="task">The labels.</param>
    /// <param name="plan">Rates, frozen blocks, start weights.</param>
    /// <param name="backbone">Start weights and graph of the backbone.</param>
    /// <param name="input">Size of the network input.</param>
    public DetectorNetwork(DetectorTask task, DetectorPlan plan, OnnxFile backbone, DetectorInput input)
    {
        (_task, _plan, _backbone, _input) = (task, plan, backbone, input);
        _network = new Detector(backbone, OnnxFile.Load(plan.StartPath), task.Labels.Count, plan.Seed, plan.Kernels);
        _network.Freeze(plan.FrozenBlocks);
        _optimizer = new AdamW(_network.Weights(), name => Detector.IsBackbone(name, out _) ? plan.BackboneRate : plan.Rate, plan.WeightDecay);
        _average = new RunningAverage(_network.Weights().Select(w => (w.Name, (Tensor)w.Value)).Concat(_network.Statistics()), plan.Average);
        (_points, float[] strides) = Detector.Points(input.Height, input.Width);
        _centres = tensor(_points, [strides.Length, 2]).clone();
    }

    /// <summary>Runs forward, losses and backward; leaves the gradients in the weights.</summary>
    /// <returns>The loss.</returns>
    public double Gradients(DetectorBatch batch)
    {
        using var inner = NewDisposeScope(); // frees every tensor of this step
        // [B,3,H,W] in channels-last strides
        Tensor images = TensorValues.Copied(batch.Pixels, batch.Truth.Length, _input.Height, _input.Width, 3).permute(0, 3, 1, 2);
        (Tensor logits, Tensor boxes) = _network.Forward(images, _centres, training: true); // [B,A,labels], [B,A,4]
        Tensor loss = Loss(logits, boxes, batch.Truth);
        _optimizer.ZeroGradients();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>Updates the weights by the latest gradients, then the running average.</summary>
    /// <param name="rate">Share of the full rates.</param>
    /// <param name="step">Number of the step, from 1.</param>
    public void Step(double rate, int step)
    {
        nn.utils.clip_grad_norm_(_network.Weights().Select(w => w.Value).Where(w => w.requires_grad), _plan.GradientNormMax);
        _optimizer.Step(rate);
        _average.Update(step);
    }

    /// <summary>Runs something without learning from it: the batch norms' statistics are restored afterwards.</summary>
    public void WithoutLearning(Action run)
    {
        using var inner = NewDisposeScope();
        List<(Tensor Value, Tensor Before)> statistics = [.. _network.Statistics().Select(s => (s.Value, s.Value.clone()))];
        run();
        using var noGrad = no_grad();
        foreach ((Tensor value, Tensor before) in statistics)
        {
            value.copy_(before);
        }
    }

    /// <summary>A model of the averaged weights.</summary>
    /// <param name="scale">Calibrates its scores.</param>
    public byte[] Export(LogitScale scale)
    {
        using var noGrad = no_grad();
        return DetectorExport.Compose(_backbone, _average.Values(), _task.Labels.Count, _input.Width, _input.Height, scale);
    }

    /// <summary>Weights, moments, averages and statistics.</summary>
    public TrainingCheckpoint Capture(string key, int epoch, int epochs)
    {
        using var inner = NewDisposeScope();
        return _average.AddTo(_optimizer.Capture(key, epoch, epochs, frozen: false))
            .With(_network.Statistics().Select(s => (StatisticPrefix + s.Name, s.Value.detach().contiguous().data<float>().ToArray())));
    }

    /// <summary>Restores what <see cref="Capture"/> saved.</summary>
    public void Restore(TrainingCheckpoint from)
    {
        using var inner = NewDisposeScope();
        using var noGrad = no_grad();
        _optimizer.Restore(from);
        _average.Restore(from);
        foreach ((string name, Tensor value) in _network.Statistics())
        {
            value.copy_(tensor(from.Values[StatisticPrefix + name][0], value.shape));
        }
    }

    public void Dispose() => _network.Dispose();

    /// <summary>Loss of the scores, plus that of the boxes at the points assigned to one.</summary>
    /// <param name="logits">[B, A, labels].</param>
    /// <param name="boxes">[B, A, 4]: x1 y1 x2 y2 in pixels of the network input.</param>
    /// <param name="truth">True boxes of each image.</param>
    private Tensor Loss(Tensor logits, Tensor boxes, TrueBox[][] truth)
    {
        int count = truth.Length, labels = _task.Labels.Count, points = _points.Length / 2;

        // Read and written in libtorch's memory: managed arrays of this size would end the collection pause.
        Tensor allScores = logits.detach().sigmoid().contiguous(), allBoxes = boxes.detach().contiguous(), qualities = zeros(count, points, labels);
        Span<float> quality = TensorValues.Of(qualities);
        var positives = new List<long>();
        var truths = new List<float>();
        var weights = new List<float>();
        var matches = new int[points];
        var targets = new float[points];
        for (int b = 0; b < count; b++)
        {
            ReadOnlySpan<float> imageBoxes = TensorValues.Of(allBoxes).Slice(b * points * 4, points * 4);
            ReadOnlySpan<float> imageScores = TensorValues.Of(allScores).Slice(b * points * labels, points * labels);
            TaskAlignment.Assign(_points, imageBoxes, imageScores, labels, truth[b], matches, targets);
            for (int i = 0; i < points; i++)
            {
                if (matches[i] < 0)
                {
                    continue;
                }

                TrueBox box = truth[b][matches[i]];
                quality[(b * points + i) * labels + box.Label] = targets[i];
                positives.Add((long)b * points + i);
                truths.AddRange([box.X1, box.Y1, box.X2, box.Y2]);
                weights.Add(targets[i]);
            }
        }

        Tensor loss = ScoreLosses.AlignedCrossEntropy(logits, qualities);
        if (positives.Count > 0)
        {
            Tensor chosen = boxes.reshape(-1, 4).index_select(0, tensor(positives.ToArray())); // [P,4]
            Tensor missed = 1 - BoxLosses.Giou(chosen, tensor(truths.ToArray(), [positives.Count, 4])); // [P]
            loss = loss + BoxLossWeight * (missed * tensor(weights.ToArray())).sum() / Math.Max(1, weights.Sum());
        }

        return loss;
    }
}
