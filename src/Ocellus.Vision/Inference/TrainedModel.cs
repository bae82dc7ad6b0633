using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Inference;

/// <summary>A picture at network size.</summary>
/// <param name="Rgb">height × width × 3 bytes, interleaved, of the model's size.</param>
/// <param name="ShownWidth">Share of the network's width that the picture fills, 0 to 1: 1 when squashed.</param>
/// <param name="ShownHeight">Share of the network's height that the picture fills, 0 to 1: 1 when squashed.</param>
/// <param name="Warning">A remark on the picture, if there is one.</param>
public sealed record PreparedPicture(byte[] Rgb, float ShownWidth, float ShownHeight, PictureWarning? Warning);

/// <summary>A box as ratios of the picture as shown (EXIF orientation applied), 0 to 1.</summary>
public readonly record struct BoxRatio(float Left, float Top, float Width, float Height);

/// <summary>One answer. <paramref name="Score"/> is 0 to 1; <paramref name="Box"/> is null for classifiers.</summary>
public readonly record struct Prediction(int Label, float Score, BoxRatio? Box);

/// <summary>A trained model: the very file that is exported, run by ONNX Runtime. Thread-safe.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly SessionOptions options;
    private readonly InferenceSession session;

    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <param name="threads">Threads for one call. Under load one thread a call and several calls at once beat many threads.</param>
    public TrainedModel(byte[] model, ModelDescription description, int threads = 1)
    {
        Description = description;
        options = Sessions.Options(threads);
        session = new InferenceSession(model, options);
    }

    public ModelDescription Description { get; }

    /// <summary>Loads model.onnx and model.json from a folder and checks the checksum.</summary>
    /// <exception cref="InvalidDataException">A file is missing, broken or not the one that was written.</exception>
    public static TrainedModel Load(string folder, int threads = 1)
    {
        byte[] model;
        ModelDescription description;
        try
        {
            model = File.ReadAllBytes(Path.Combine(folder, ModelFiles.Model));
            description = ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description)));
        }
        catch (IOException failure)
        {
            throw new InvalidDataException($"The model's files cannot be read: {failure.Message}", failure);
        }

        if (Convert.ToHexStringLower(SHA256.HashData(model)) != description.ModelSha256)
        {
            throw new InvalidDataException($"{ModelFiles.Model} ({model.Length:N0} bytes) is not the file that was written: its SHA-256 differs from the one in {ModelFiles.Description}.");
        }

        try
        {
            return new TrainedModel(model, description, threads);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new InvalidDataException($"{ModelFiles.Model} cannot be loaded: {failure.Message}", failure);
        }
    }

    /// <summary>Decodes a picture, turns it upright and brings it to network size.</summary>
    /// <exception cref="PictureRefusedException">Not a picture that may be asked about.</exception>
    public PreparedPicture Prepare(ReadOnlyMemory<byte> bytes, PictureLimits limits)
    {
        Pictures.Check(Pictures.ReadHeader(bytes), limits);
        DecodedPicture picture = Pictures.DecodeSquashed(bytes, Description.Width, Description.Height);
        return new PreparedPicture(picture.Rgb, 1, 1, picture.Warning);
    }

    /// <summary>Answers for several pictures in one pass. A classifier gives every label, in label order.</summary>
    public IReadOnlyList<Prediction>[] Predict(IReadOnlyList<PreparedPicture> pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        int one = Description.Width * Description.Height * 3;
        byte[] rgb = pictures.Count == 1 ? pictures[0].Rgb : new byte[one * pictures.Count];
        for (int i = 0; i < pictures.Count && pictures.Count > 1; i++) pictures[i].Rgb.CopyTo(rgb, i * one);
        float[,] scores = Score(rgb);
        return [.. pictures.Select((_, i) => (IReadOnlyList<Prediction>)[.. Enumerable.Range(0, scores.GetLength(1)).Select(l => new Prediction(l, scores[i, l], null))])];
    }

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
