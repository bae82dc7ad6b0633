using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Ocellus.Vision.Inference;

/// <summary>What model.json says beside model.onnx.</summary>
/// <param name="Kind"><c>classification</c> or <c>multilabel</c>.</param>
/// <param name="Labels">In the order of the scores.</param>
/// <param name="Width">Network width.</param>
/// <param name="Height">Network height.</param>
/// <param name="Resize">How a picture is brought to that size: <c>squash</c> fills it, whatever its shape.</param>
/// <param name="Recipe">What was fitted: <c>linear-head</c> or <c>fine-tuned</c>.</param>
/// <param name="Versions">Of the format, the backbone and the libraries.</param>
public sealed record ClassifierDescription(
    string Kind, IReadOnlyList<string> Labels, int Width, int Height, string Resize, string Recipe, IReadOnlyDictionary<string, string> Versions)
{
    /// <summary>Input and its layout, for readers of the exported file.</summary>
    public string Input { get; } = "image: uint8 [N, height, width, 3], RGB, EXIF orientation applied";

    /// <summary>Output and its meaning.</summary>
    public string Output { get; } = "scores: float32 [N, labels], 0 to 1";

    public string ToJson() => JsonSerializer.Serialize(this, ClassifierJson.Default.ClassifierDescription);

    public static ClassifierDescription FromJson(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, ClassifierJson.Default.ClassifierDescription) ?? throw new InvalidDataException("model.json is empty.");
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(ClassifierDescription))]
internal sealed partial class ClassifierJson : JsonSerializerContext;

/// <summary>A trained classifier: the very file that is exported, run by ONNX Runtime. Thread-safe.</summary>
public sealed class ClassifierModel : IDisposable
{
    private readonly SessionOptions options;
    private readonly InferenceSession session;

    public ClassifierModel(byte[] model, ClassifierDescription description, int threads = 1)
    {
        Description = description;
        options = Sessions.Options(threads);
        session = new InferenceSession(model, options);
    }

    public ClassifierDescription Description { get; }

    public static ClassifierModel Load(string folder, int threads = 1) => new(
        File.ReadAllBytes(Path.Combine(folder, "model.onnx")),
        ClassifierDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, "model.json"))),
        threads);

    /// <summary>Scores from 0 to 1, a row a picture, of one or several pictures of network size laid end to end as interleaved RGB.</summary>
    public float[,] Score(byte[] rgb)
    {
        ArgumentNullException.ThrowIfNull(rgb);
        int one = Description.Width * Description.Height * 3;
        if (rgb.Length == 0 || rgb.Length % one != 0) throw new ArgumentException($"{rgb.Length} bytes are not whole pictures of {one} bytes.", nameof(rgb));
        int count = rgb.Length / one, labels = Description.Labels.Count;
        var input = new DenseTensor<byte>(rgb, [count, Description.Height, Description.Width, 3]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["scores"]);
        var scores = new float[count, labels];
        Buffer.BlockCopy(results[0].AsTensor<float>().ToArray(), 0, scores, 0, count * labels * sizeof(float));
        return scores;
    }

    public void Dispose()
    {
        session.Dispose();
        options.Dispose();
    }
}
