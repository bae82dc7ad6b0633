using System.Security.Cryptography;
using Google.Protobuf;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// A finished model that a training goes on from: input, head and weights are read out of model.onnx, which has all of them, so models of earlier versions
/// can be gone on from too.
/// </summary>
public sealed class StartModel
{
    private const string AverageWeight = "classifier.weight", AverageBias = "classifier.bias";
    private const string EvidenceWeight = "evidence.weight", EvidenceBias = "evidence.bias";

    private readonly OnnxFile _file;
    private readonly ModelDescription _description;

    private StartModel(OnnxFile file, ModelDescription description, string sha256) => (_file, _description, Sha256) = (file, description, sha256);

    /// <summary>Of model.onnx, in lower-case hex.</summary>
    public string Sha256 { get; }

    /// <summary>One of <see cref="ModelKinds"/>.</summary>
    public string Kind => _description.Kind;

    /// <summary>In the order of the scores.</summary>
    public IReadOnlyList<string> Labels => _description.Labels;

    /// <summary>Input and head of a classifier.</summary>
    internal ClassifierDesign Design => new(
        new ClassifierInput(_description.Width, _description.Height, _description.Resize == "fit"),
        !_file.Has(EvidenceWeight) ? ClassifierHeadKind.Average : _file.Has(AverageWeight) ? ClassifierHeadKind.Both : ClassifierHeadKind.Evidence);

    /// <summary>Input of a detector.</summary>
    internal DetectorInput Input => new(_description.Width, _description.Height);

    /// <summary>Reads a model.</summary>
    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <exception cref="StartException">It is damaged, or not a model of these recipes.</exception>
    public static StartModel Read(byte[] model, ModelDescription description)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(description);
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(model));
        if (sha256 != description.ModelSha256)
        {
            throw new StartException("The model to go on from is damaged: the SHA-256 of model.onnx differs from the one in model.json.");
        }

        if (description.Precision == ModelPrecisions.EightBit)
        {
            throw new StartException(
                "The model to go on from computes with 8 bits, and its float model is not beside it; export it again, or name an archive that has the "
                    + "folder float.");
        }

        try
        {
            var start = new StartModel(new OnnxFile(ModelProto.Parser.ParseFrom(model)), description, sha256);
            start.Check();
            return start;
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or ArgumentException or InvalidDataException or KeyNotFoundException
            or OverflowException)
        {
            throw new StartException($"The model to go on from is not one that Ocellus has trained: {failure.Message}", failure);
        }
    }

    /// <summary>Checks that a training can go on from the model.</summary>
    /// <param name="kind">What the new data are for, one of <see cref="ModelKinds"/>.</param>
    /// <exception cref="StartException">The model is of another kind.</exception>
    public void RequireKind(string kind)
    {
        if (Kind != kind)
        {
            throw new StartException(
                $"The model to go on from is {ModelKinds.Name(Kind)}, and these data are for {ModelKinds.Name(kind)}. Name a model of the same kind, or train "
                + "without one.");
        }
    }

    /// <summary>Which labels are kept, new and left out, for the user.</summary>
    /// <param name="labels">Those of the new data.</param>
    public string RemarkOn(IReadOnlyList<string> labels)
    {
        string[] kept = [.. labels.Intersect(Labels, StringComparer.Ordinal)], added = [.. labels.Except(Labels, StringComparer.Ordinal)];
        string[] gone = [.. Labels.Except(labels, StringComparer.Ordinal)];
        string known = kept.Length == 0 ? "None of its labels was known to the model that it went on from" : $"It went on from a model that knew {Some(kept)}";
        return known + (added.Length > 0 && kept.Length > 0 ? $"; new: {Some(added)}" : "") + "."
            + (gone.Length > 0 ? $" That model also knew {Some(gone)}, of which these data have no image, so this one does not." : "");

        static string Some(string[] names)
        {
            const int Shown = 5;
            return string.Join(", ", names.Take(Shown)) + (names.Length > Shown ? $" and {names.Length - Shown} more" : "");
        }
    }

    /// <summary>Tells a training that goes on from a model from others, in the key of its checkpoint; empty for those that do not.</summary>
    internal static string KeyOf(StartModel? from) => from is null ? "" : $"|from {from.Sha256}|";

    /// <summary>The pretrained backbone with the model's weights, as far as it has them: one whose head needs only the first blocks has no others.</summary>
    internal OnnxFile Backbone(OnnxFile pretrained)
    {
        OnnxFile own = pretrained.Clone();
        foreach (string name in pretrained.InitializerNames.Where(n => IsWeight(n) && _file.Has(n)))
        {
            own.Set(name, _file.Floats(name), pretrained.Shape(name));
        }

        return own;
    }

    /// <summary>The model's head for other labels, before its scores were calibrated; a label that it does not know has zeros.</summary>
    internal ClassifierHead HeadFor(IReadOnlyList<string> labels) => new(
        _file.Has(AverageWeight)
            ? new LinearHead(
                Rows(AverageWeight, labels, _description.Temperature), Rows(AverageBias, labels, _description.Temperature), EfficientNetLite0.EmbeddingSize)
            : null,
        _file.Has(EvidenceWeight)
            ? new EvidenceHead(Rows(EvidenceWeight, labels, _description.Temperature), Rows(EvidenceBias, labels, _description.Temperature))
            : null);

    /// <summary>
    /// Start weights of a detector's neck and heads, in the form of the start file. Batch norms are folded in a finished model: here they change nothing,
    /// until <see cref="Detector.Adopt"/> has measured what they normalise.
    /// </summary>
    /// <param name="start">The class-agnostic start file.</param>
    /// <param name="labels">Labels of the new detector; a new one starts from the mean of those that are known.</param>
    /// <param name="seed">Of the small differences between new labels.</param>
    internal OnnxFile Detector(OnnxFile start, IReadOnlyList<string> labels, int seed)
    {
        OnnxFile own = start.Clone();
        foreach ((string block, _) in Networks.Detector.Blocks)
        {
            Unfold(block, "0", "1");
            Unfold(block, "3", "4");
        }

#pragma warning disable CA5394 // Not security: the same seed must give the same start.
        var random = new Random(seed);
#pragma warning restore CA5394
        int[] known = [.. labels.Select(IndexOf)];
        for (int level = 0; level < Networks.Detector.Strides.Count; level++)
        {
            foreach (string name in (string[])[$"lateral.{level}.weight", $"lateral.{level}.bias"])
            {
                own.Set(name, _file.Floats(name), start.Shape(name));
            }

            foreach (string part in (string[])["weight", "bias"])
            {
                string name = $"heads.{level}.2.{part}";
                own.Set(
                    name, Networks.Detector.Relabelled(_file.Floats(name), Labels.Count, known, bias: part == "bias", random),
                    [labels.Count + Networks.Detector.Sides, .. start.Shape(name)[1..]]);
            }
        }

        return own;

        // Batch norm takes the scale of the weights before it away. They get that of the start file, which the rates of learning were chosen for.
        void Unfold(string block, string convolution, string norm)
        {
            string name = $"{block}.{convolution}", n = $"{block}.{norm}";
            float[] folded = _file.Floats(name + ".weight"), first = start.Floats(name + ".weight"), bias = _file.Floats(name + ".bias");
            int rows = bias.Length, row = folded.Length / rows;
            var gain = new float[rows];
            for (int c = 0; c < rows; c++)
            {
                Span<float> w = folded.AsSpan(c * row, row);
                double length = Norm(w), wanted = Norm(first.AsSpan(c * row, row));
                double factor = length > 0 && wanted > 0 ? wanted / length : 1;
                gain[c] = (float)(1 / factor);
                System.Numerics.Tensors.TensorPrimitives.Multiply(w, (float)factor, w);
            }

            own.Set(name + ".weight", folded, start.Shape(name + ".weight"));
            own.Set(n + ".weight", gain, rows);
            own.Set(n + ".bias", bias, rows);
            own.Set(n + ".running_mean", new float[rows], rows);
            own.Set(n + ".running_var", [.. Enumerable.Repeat((float)(1 - Networks.Detector.NormEpsilon), rows)], rows);
        }

        static double Norm(ReadOnlySpan<float> values) => System.Numerics.Tensors.TensorPrimitives.Norm(values);
    }

    private static bool IsWeight(string name) => name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal);

    private int IndexOf(string label)
    {
        for (int l = 0; l < Labels.Count; l++)
        {
            if (Labels[l] == label)
            {
                return l;
            }
        }

        return -1;
    }

    private float[] Rows(string name, IReadOnlyList<string> labels, double factor)
    {
        float[] values = _file.Floats(name);
        int row = values.Length / Labels.Count;
        var rows = new float[labels.Count * row];
        for (int l = 0; l < labels.Count; l++)
        {
            if (IndexOf(labels[l]) is >= 0 and var at)
            {
                for (int i = 0; i < row; i++)
                {
                    rows[l * row + i] = (float)(values[at * row + i] * factor);
                }
            }
        }

        return rows;
    }

    /// <summary>Throws if something is missing, or of another size than the labels require.</summary>
    private void Check()
    {
        int labels = Labels.Count;
        bool input = _description is { Width: > 0, Height: > 0 } && _description.Width % DetectorInput.Multiple == 0
            && _description.Height % DetectorInput.Multiple == 0;
        if (labels == 0 || !input || !_file.Has("stem.weight") || !(_description.Temperature > 0))
        {
            throw new InvalidDataException("model.json has no labels, no possible input or no temperature, or model.onnx another backbone.");
        }

        if (Kind == ModelKinds.Localization)
        {
            for (int level = 0; level < Networks.Detector.Strides.Count; level++)
            {
                Require($"heads.{level}.2.bias", labels + Networks.Detector.Sides);
            }

            return;
        }

        if (Kind is not (ModelKinds.Classification or ModelKinds.MultiLabel) || !(_file.Has(AverageWeight) || _file.Has(EvidenceWeight)))
        {
            throw new InvalidDataException($"its kind is '{Kind}', and it has no head that is known.");
        }

        if (_file.Has(AverageWeight))
        {
            Require(AverageWeight, labels * EfficientNetLite0.EmbeddingSize);
            Require(AverageBias, labels);
        }

        if (_file.Has(EvidenceWeight))
        {
            Require(EvidenceWeight, labels * EvidenceHead.Channels);
            Require(EvidenceBias, labels);
        }

        void Require(string name, int values)
        {
            if (_file.Floats(name).Length != values)
            {
                throw new InvalidDataException($"'{name}' has {_file.Floats(name).Length} values, and {labels} labels require {values}.");
            }
        }
    }
}

/// <summary>A training cannot go on from a model; the message says why, for the user.</summary>
public sealed class StartException : Exception
{
    public StartException(string message)
        : base(message)
    {
    }

    public StartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
