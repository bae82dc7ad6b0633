using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ocellus.Vision.Inference;

/// <summary>Content of model.json, next to model.onnx.</summary>
/// <param name="Kind">One of <see cref="ModelKinds"/>.</param>
/// <param name="Labels">In the order of the scores.</param>
/// <param name="Width">Network width in pixels.</param>
/// <param name="Height">Network height in pixels.</param>
/// <param name="Resize">
/// How an image is brought to that size: <c>squash</c> fills it, ignoring the aspect ratio; <c>fit</c> keeps the ratio, puts the
/// image into the upper left corner and leaves the rest grey (127).
/// </param>
/// <param name="Recipe">How it was trained, for example <c>linear-head</c> or <c>fine-tuned</c>.</param>
/// <param name="Versions">Of the format, the backbone and the libraries.</param>
public sealed record ModelDescription(
    string Kind, IReadOnlyList<string> Labels, int Width, int Height, string Resize, string Recipe, IReadOnlyDictionary<string, string> Versions)
{
    private static readonly ModelDescription _blank = new("", [], 0, 0, "", "", new Dictionary<string, string>(StringComparer.Ordinal));

    /// <summary>For each label the score, 0 to 1, from which it counts as found: the one with the best F1 on the test images.</summary>
    public IReadOnlyList<double> Thresholds { get; init; } = [];

    /// <summary>
    /// What the logits were divided by, so that scores are as high as the model is right on images it has not learnt from; already applied in model.onnx.
    /// </summary>
    public double Temperature { get; init; } = 1;

    /// <summary>What was added to the logits after the temperature; 0 for classifiers. Already applied in model.onnx, as the temperature is.</summary>
    public double ScoreShift { get; init; }

    /// <summary>What its user should know and the figures of its test do not show, in sentences.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];

    /// <summary>The plan that the training carried out, which <c>--plan</c> repeats; null for models from before there was one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Plan { get; init; }

    /// <summary>SHA-256 of model.onnx of the model that its training went on from; null if it began from the pretrained network.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StartedFrom { get; init; }

    /// <summary>SHA-256 of model.onnx in lower-case hex; empty until saved.</summary>
    public string ModelSha256 { get; init; } = "";

    /// <summary><c>int8</c> if model.onnx computes with bytes; null if with floating point numbers.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Precision { get; init; }

    /// <summary>Bits of the weights of a model of bytes: see <see cref="Int8Description.WeightBits"/>; null of a float one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? WeightBits { get; init; }

    /// <summary>Whether the model answers right on a processor.</summary>
    /// <param name="speed">What the processor can do; null for this one, which is measured if that makes a difference.</param>
    public bool IsExactOn(Int8Speed? speed = null) => WeightBits is not ByteBits || !(speed ?? Int8Speed.Here).Saturates;

    // With weights of all bits, sums of two products do not fit into the 16 bits that some processors have for them.
    private const int ByteBits = 8;

    /// <summary>The 8-bit model beside model.onnx; null if there is none.</summary>
    [JsonPropertyName("int8"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Int8Description? EightBit { get; init; }

    /// <summary>Input and its layout, for readers of the exported file.</summary>
    public string Input { get; init; } = "image: uint8 [N, height, width, 3], RGB, EXIF orientation applied";

    /// <summary>Outputs and their meaning.</summary>
    public string Output { get; init; } = "scores: float32 [N, labels], 0 to 1";

    /// <summary>The threshold of a label by index; 0.5 if it was not tested.</summary>
    public double ThresholdOf(int label) => label < Thresholds.Count ? Thresholds[label] : .5;

    /// <summary>The description of the 8-bit model as a model of its own.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public ModelDescription OfInt8()
    {
        Int8Description other = EightBit ?? throw new InvalidOperationException("There is no 8-bit model.");
        return this with
        {
            Precision = ModelPrecisions.EightBit,
            WeightBits = other.WeightBits,
            EightBit = null,
            ModelSha256 = other.ModelSha256,
            Thresholds = other.Thresholds,
            Temperature = other.Temperature,
            ScoreShift = other.ScoreShift,
        };
    }

    public string ToJson() => JsonSerializer.Serialize(this, ModelJson.Default.ModelDescription);

    /// <exception cref="InvalidDataException">Not the JSON of a model.</exception>
    public static ModelDescription FromJson(ReadOnlySpan<byte> json)
    {
        try
        {
            ModelDescription read = JsonSerializer.Deserialize(json, ModelJson.Default.ModelDescription)
                ?? throw new InvalidDataException("model.json is empty.");
            if (read is { Kind: null } or { Labels: null } or { Resize: null })
            {
                throw new InvalidDataException("model.json lacks the kind of the model, its labels or its input.");
            }

            if (read.EightBit is { } int8 && int8 is not { ModelSha256: not null, Thresholds: not null })
            {
                throw new InvalidDataException("model.json lacks the checksum or the thresholds of its 8-bit model.");
            }

            // What an earlier version did not write is null or 0 here: the generated reader leaves out what the properties begin with.
            return read with
            {
                Thresholds = read.Thresholds ?? _blank.Thresholds,
                Temperature = read.Temperature == 0 ? _blank.Temperature : read.Temperature,
                Remarks = read.Remarks ?? _blank.Remarks,
                ModelSha256 = read.ModelSha256 ?? _blank.ModelSha256,
                Input = read.Input ?? _blank.Input,
                Output = read.Output ?? _blank.Output,
            };
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"model.json cannot be read: {failure.Message}", failure);
        }
    }
}

/// <summary>What is the 8-bit model's own; the rest it has in common with the float model that it was made of.</summary>
/// <param name="ModelSha256">SHA-256 of model.int8.onnx in lower-case hex; empty until saved.</param>
/// <param name="Thresholds">As <see cref="ModelDescription.Thresholds"/>, found on the test images with this file.</param>
/// <param name="Temperature">As <see cref="ModelDescription.Temperature"/>.</param>
/// <param name="ScoreShift">As <see cref="ModelDescription.ScoreShift"/>.</param>
/// <param name="WeightBits">
/// 8, or 7 if it was made on a processor that adds products of bytes in 16 bits: x86 without VNNI, AVX-VNNI and AMX. One with 8 answers wrongly there.
/// </param>
public sealed record Int8Description(string ModelSha256, IReadOnlyList<double> Thresholds, double Temperature, double ScoreShift, int WeightBits);

/// <summary>What a model computes with.</summary>
public static class ModelPrecisions
{
    /// <summary>Floating point numbers of 32 bits.</summary>
    public const string FullPrecision = "float";

    /// <summary>Bytes.</summary>
    public const string EightBit = "int8";
}

/// <summary>What a model predicts.</summary>
public static class ModelKinds
{
    /// <summary>One label an image; scores sum to 1.</summary>
    public const string Classification = "classification";

    /// <summary>Any number of labels an image; scores are independent.</summary>
    public const string MultiLabel = "multilabel";

    /// <summary>Labelled boxes.</summary>
    public const string Localization = "localization";

    /// <summary>A kind as people say it.</summary>
    internal static string Name(string kind) => kind switch
    {
        Localization => "a detector, which learns boxes",
        MultiLabel => "a classifier with several labels an image",
        Classification => "a classifier with one label an image",
        _ => $"an unknown kind of model, '{kind}'",
    };
}

/// <summary>The files a model is made of.</summary>
public static class ModelFiles
{
    public const string Model = "model.onnx";

    /// <summary>The 8-bit model, if there is one.</summary>
    public const string EightBit = "model.int8.onnx";

    public const string Description = "model.json";

    /// <summary>Writes all, each atomically; the description last, with the checksums of the others.</summary>
    /// <param name="folder">Made if it is not there.</param>
    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json, without checksums.</param>
    /// <param name="eightBit">Content of model.int8.onnx, if the description has an 8-bit model.</param>
    public static void Save(string folder, byte[] model, ModelDescription description, byte[]? eightBit = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, Model), model);
        if (eightBit is not null)
        {
            AtomicFile.Write(Path.Combine(folder, EightBit), eightBit);
            description = description with { EightBit = description.EightBit! with { ModelSha256 = Sha256(eightBit) } };
        }

        AtomicFile.Write(Path.Combine(folder, Description), System.Text.Encoding.UTF8.GetBytes((description with { ModelSha256 = Sha256(model) }).ToJson()));
    }

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ModelDescription))]
internal sealed partial class ModelJson : JsonSerializerContext;
