using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>One head that <see cref="HeadFit"/> fits.</summary>
/// <param name="Kind">What decides.</param>
/// <param name="WithoutFold">Images of this fold are not learnt from, so that they can test the head; negative to learn from all.</param>
internal readonly record struct HeadGroup(ClassifierHeadKind Kind, int WithoutFold);

/// <summary>
/// Fits several heads at once by gradient descent, for cross-validation: each step reads the maps, by far the most of the work, once for all of them.
/// </summary>
/// <remarks>Adam with a falling rate; the gradients are written out, because the locations that do not decide have none.</remarks>
internal sealed class HeadFit
{
    private const double Rate = .03, KeptMean = .9, KeptSquare = .99, Epsilon = 1e-8;

    /// <summary>Features are standardised, embeddings divided by the root of their number too, so that one rate suits all.</summary>
    private static readonly float _embeddingScale = 1 / MathF.Sqrt(EfficientNetLite0.EmbeddingSize);

    private readonly HeadFeatures _features;
    private readonly float[] _targets;
    private readonly int[] _folds;
    private readonly HeadGroup[] _groups;
    private readonly int _labels;
    private readonly bool _multiLabel;
    private readonly int[] _localGroups;
    private readonly (Tensor Mean, Tensor Scale) _embedding;
    private readonly (Tensor Mean, Tensor Scale) _local;
    private readonly Adam[] _parameters;
    private readonly Tensor _embeddings;

    /// <summary>The tensors belong to the dispose scope around the constructor.</summary>
    /// <param name="features">Rows to learn from.</param>
    /// <param name="targets">[rows, labels], flat.</param>
    /// <param name="folds">Fold of each row.</param>
    /// <param name="groups">The heads.</param>
    /// <param name="labels">Number of labels.</param>
    /// <param name="multiLabel">Labels are independent of one another.</param>
    /// <param name="decay">Weight of the squared weights: of embeddings, of locations.</param>
    /// <param name="start">A head to begin from; then it is the difference from its weights that is squared. Null for none.</param>
    public HeadFit(
        HeadFeatures features, float[] targets, int[] folds, HeadGroup[] groups, int labels, bool multiLabel, (double Average, double Evidence) decay,
        ClassifierHead? start = null)
    {
        (_features, _targets, _folds, _groups, _labels, _multiLabel) = (features, targets, folds, groups, labels, multiLabel);
        using var noGrad = no_grad();
        using CollectionPause pause = CollectionPause.Begin();
        _localGroups = [.. Enumerable.Range(0, groups.Length).Where(g => groups[g].Kind != ClassifierHeadKind.Average)];
        Tensor raw = TensorValues.Copied(features.Embeddings, features.Rows, EfficientNetLite0.EmbeddingSize);
        _embedding = (raw.mean([0]), _embeddingScale / (raw.std(0, unbiased: false) + 1e-3));
        _embeddings = (raw - _embedding.Mean) * _embedding.Scale;
        Tensor mean = zeros(EvidenceHead.Channels), square = zeros(EvidenceHead.Channels);
        if (_localGroups.Length > 0)
        {
            foreach (Tensor map in features.Maps)
            {
                using var scope = NewDisposeScope();
                mean.add_(map.mean([1]) / features.Maps.Length);
                square.add_(map.square().mean([1]) / features.Maps.Length);
            }
        }

        _local = (mean, 1 / ((square - mean.square()).clamp_min(0).sqrt() + 1e-6));
        manual_seed(1);
        (Tensor average, Tensor evidence, Tensor bias) = Begin(start);
        _parameters =
        [
            new Adam(average, decay.Average, pulled: start is not null),
            new Adam(evidence, decay.Evidence, pulled: start is not null),
            new Adam(bias, 0, pulled: false),
        ];
    }

    /// <summary>Initial weights of all groups, for features that are standardised: of a head to begin from, otherwise as good as none.</summary>
    private (Tensor Average, Tensor Evidence, Tensor Bias) Begin(ClassifierHead? start)
    {
        Tensor average = zeros(EfficientNetLite0.EmbeddingSize, _groups.Length * _labels), bias = zeros(_groups.Length * _labels);
        // Not zeros, of which every location would be the best.
        Tensor evidence = randn(EvidenceHead.Channels, _localGroups.Length * _labels) * .01;
        if (start is null)
        {
            return (average, evidence, bias);
        }

        Tensor offset = zeros(_labels);
        if (start.Average is { } whole)
        {
            Tensor w = TensorValues.Copied(whole.Weight, _labels, EfficientNetLite0.EmbeddingSize);
            offset = TensorValues.Copied(whole.Bias, _labels) + w.matmul(_embedding.Mean);
            average = (w.t() / _embedding.Scale.unsqueeze(1)).repeat(1, _groups.Length);
        }

        if (start.Evidence is { } places)
        {
            Tensor w = TensorValues.Copied(places.Weight, _labels, EvidenceHead.Channels);
            offset = offset + TensorValues.Copied(places.Bias, _labels) + w.matmul(_local.Mean);
            // A little chance, for the labels that the head does not know.
            evidence = evidence + (w.t() / _local.Scale.unsqueeze(1)).repeat(1, _localGroups.Length);
        }

        return (average, evidence, offset.repeat(_groups.Length));
    }

    /// <summary>Runs the steps.</summary>
    /// <param name="steps">How many.</param>
    /// <param name="batch">Rows a step.</param>
    /// <param name="seed">Of the order of the rows.</param>
    /// <param name="goOn">Asked before each step with its number; false ends the fit early.</param>
    public void Run(int steps, int batch, int seed, Func<int, bool> goOn)
    {
        int rows = _features.Rows;
        int[] order = [.. Enumerable.Range(0, rows)];
        using var noGrad = no_grad();
        // Not security: the order must repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(seed);
        batch = Math.Min(batch, rows);
        for (int step = 0, at = rows; step < steps && goOn(step); step++, at += batch)
        {
            if (at + batch > rows)
            {
                random.Shuffle(order);
                at = 0;
            }

            using CollectionPause pause = CollectionPause.Begin();
            using var scope = NewDisposeScope();
            Step(order.AsSpan(at, batch), Rate * Math.Min(1, (step + 1) / 10.0) * (1 - (double)step / steps));
        }
#pragma warning restore CA5394
    }

    /// <summary>Logits of the rows in a group, [labels] each.</summary>
    public float[][] Logits(IReadOnlyList<int> rows, int group)
    {
        using var noGrad = no_grad();
        var logits = new float[rows.Count][];
        for (int i = 0; i < rows.Count; i++)
        {
            using CollectionPause pause = CollectionPause.Begin();
            using var scope = NewDisposeScope();
            (Tensor z, _, _) = Forward([rows[i]]);
            logits[i] = [.. TensorValues.Of(z.contiguous()).Slice(group * _labels, _labels)];
        }

        return logits;
    }

    /// <summary>The head of a group, for features that are not standardised.</summary>
    public ClassifierHead Head(int group)
    {
        using var noGrad = no_grad();
        using CollectionPause pause = CollectionPause.Begin();
        using var scope = NewDisposeScope();
        ClassifierHeadKind kind = _groups[group].Kind;
        Tensor bias = _parameters[2].Value.narrow(0, group * _labels, _labels);
        LinearHead? average = null;
        if (kind != ClassifierHeadKind.Evidence)
        {
            Tensor w = _parameters[0].Value.narrow(1, group * _labels, _labels) * _embedding.Scale.unsqueeze(1); // [1280, labels]
            average = new LinearHead(Values(w.t()), Values(bias - w.t().matmul(_embedding.Mean)), EfficientNetLite0.EmbeddingSize);
        }

        EvidenceHead? evidence = null;
        if (kind != ClassifierHeadKind.Average)
        {
            Tensor w = _parameters[1].Value.narrow(1, Array.IndexOf(_localGroups, group) * _labels, _labels) * _local.Scale.unsqueeze(1);
            Tensor offset = -w.t().matmul(_local.Mean);
            evidence = new EvidenceHead(Values(w.t()), Values(average is null ? offset + bias : offset));
        }

        return new ClassifierHead(average, evidence);

        static float[] Values(Tensor t) => TensorValues.Of(t.contiguous()).ToArray();
    }

    /// <summary>Logits [rows, groups × labels], the standardised maps [rows, channels, locations] and the deciding places [rows, columns, best].</summary>
    private (Tensor Logits, Tensor? Maps, Tensor? Places) Forward(ReadOnlySpan<int> rows)
    {
        Tensor index = tensor(rows.ToArray(), int64);
        Tensor z = _embeddings.index_select(0, index).matmul(_parameters[0].Value) + _parameters[2].Value; // [B, G K]
        if (_localGroups.Length == 0)
        {
            return (z, null, null);
        }

        var chosen = new Tensor[rows.Length];
        for (int i = 0; i < chosen.Length; i++)
        {
            chosen[i] = _features.Maps[rows[i]];
        }

        // Standardising the weights is cheaper than standardising the maps.
        Tensor maps = stack(chosen), w = _parameters[1].Value * _local.Scale.unsqueeze(1); // [B, C, L], [C, J]
        Tensor scores = matmul(w.t().contiguous(), maps); // [B, J, L]
        (Tensor highest, Tensor places) = scores.topk((int)Math.Min(EvidenceHead.Best, scores.shape[2]), 2, largest: true, sorted: false);
        Tensor local = highest.mean([2]) - w.t().matmul(_local.Mean); // [B, J]
        for (int j = 0; j < _localGroups.Length; j++)
        {
            z.narrow(1, _localGroups[j] * _labels, _labels).add_(local.narrow(1, j * _labels, _labels));
        }

        return (z, maps, places);
    }

    private void Step(ReadOnlySpan<int> rows, double rate)
    {
        (Tensor z, Tensor? maps, Tensor? places) = Forward(rows);
        int batch = rows.Length, groups = _groups.Length;
        Tensor logits = z.view(batch, groups, _labels), truth = Targets(rows); // [B, G, K]
        Tensor d = ((_multiLabel ? logits.sigmoid() : logits.softmax(2)) - truth.unsqueeze(1)) * Mask(rows); // [B, G, K]
        Tensor flat = d.reshape(batch, groups * _labels);
        Tensor embeddings = _embeddings.index_select(0, tensor(rows.ToArray(), int64));
        var averages = new float[groups];
        for (int g = 0; g < groups; g++)
        {
            averages[g] = _groups[g].Kind == ClassifierHeadKind.Evidence ? 0 : 1;
        }

        Tensor used = (d * TensorValues.Copied(averages, 1, groups, 1)).reshape(batch, groups * _labels);
        _parameters[0].Move(embeddings.t().matmul(used), rate);
        _parameters[2].Move(flat.sum([0]), rate);
        if (maps is not null)
        {
            Tensor local = cat([.. _localGroups.Select(g => d.select(1, g))], 1); // [B, J]
            long best = places!.shape[2], columns = local.shape[1];
            Tensor index = places.reshape(batch, 1, columns * best).expand(-1, EvidenceHead.Channels, -1);
            Tensor means = maps.gather(2, index).view(batch, EvidenceHead.Channels, columns, best).mean([3]); // [B, C, J]
            means = (means - _local.Mean.view(1, -1, 1)) * _local.Scale.view(1, -1, 1);
            _parameters[1].Move((means * local.unsqueeze(1)).sum([0]), rate);
        }
    }

    private Tensor Targets(ReadOnlySpan<int> rows)
    {
        var values = new float[rows.Length * _labels];
        for (int i = 0; i < rows.Length; i++)
        {
            _targets.AsSpan(rows[i] * _labels, _labels).CopyTo(values.AsSpan(i * _labels));
        }

        return TensorValues.Copied(values, rows.Length, _labels);
    }

    /// <summary>For each row and group its share of the group's loss, 0 for rows that test it.</summary>
    private Tensor Mask(ReadOnlySpan<int> rows)
    {
        var values = new float[rows.Length * _groups.Length];
        for (int g = 0; g < _groups.Length; g++)
        {
            int used = 0;
            foreach (int row in rows)
            {
                used += _folds[row] == _groups[g].WithoutFold ? 0 : 1;
            }

            for (int i = 0; i < rows.Length; i++)
            {
                values[i * _groups.Length + g] = _folds[rows[i]] == _groups[g].WithoutFold ? 0 : 1f / used;
            }
        }

        return TensorValues.Copied(values, rows.Length, _groups.Length, 1);
    }

    /// <summary>
    /// A parameter with its moments. The decay is added to the gradient, as in ridge regression: of the value, or of its change if it is pulled back.
    /// </summary>
    private sealed class Adam(Tensor value, double decay, bool pulled)
    {
        private readonly Tensor _mean = zeros_like(value), _square = zeros_like(value);
        private readonly Tensor? _origin = pulled ? value.clone() : null;

        public Tensor Value { get; } = value;

        public void Move(Tensor gradient, double rate)
        {
            gradient = decay > 0 ? gradient + (_origin is null ? Value : Value - _origin) * decay : gradient;
            _mean.mul_(KeptMean).add_(gradient, alpha: 1 - KeptMean);
            _square.mul_(KeptSquare).addcmul_(gradient, gradient, value: 1 - KeptSquare);
            Value.addcdiv_(_mean, _square.sqrt() + Epsilon, value: -rate);
        }
    }
}
