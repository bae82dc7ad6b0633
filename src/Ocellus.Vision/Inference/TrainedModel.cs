using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Inference;

/// <summary>An image at network size.</summary>
/// <param name="Rgb">height × width × 3 bytes, interleaved, of the model's size.</param>
/// <param name="ShownWidth">Share of the network's width that the image fills, 0 to 1: 1 when squashed.</param>
/// <param name="ShownHeight">Share of the network's height that the image fills, 0 to 1: 1 when squashed.</param>
/// <param name="Warning">A warning about the image, if there is one.</param>
public sealed record PreparedImage(byte[] Rgb, float ShownWidth, float ShownHeight, ImageWarning? Warning);

/// <summary>One prediction. <paramref name="Score"/> is 0 to 1; <paramref name="Box"/> is null for classifiers.</summary>
public readonly record struct Prediction(int Label, float Score, Box? Box);

/// <summary>A trained model: the same file that is exported, run by ONNX Runtime. Thread-safe.</summary>
public sealed class TrainedModel : IDisposable
{
    private const string EvidenceOutput = "evidence";

    private readonly InferenceSession _session;
    private readonly InferenceSession _parallelSession;

    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <param name="threads">Threads for one call. Under load, several calls at once with one thread each beat one call with many.</param>
    /// <param name="parallelThreads">
    /// Threads for a parallel call; null for the same number. Another number takes a second session, about 25 MB.
    /// </param>
    public TrainedModel(byte[] model, ModelDescription description, int threads = 1, int? parallelThreads = null)
        : this(count => Sessions.Open(model, count), description, threads, parallelThreads)
    {
    }

    private TrainedModel(Func<int, InferenceSession> open, ModelDescription description, int threads, int? parallelThreads)
    {
        Description = description;
        _session = _parallelSession = open(threads);
        if (parallelThreads is { } more && more != threads)
        {
            try
            {
                _parallelSession = open(more);
            }
            catch
            {
                _session.Dispose();
                throw;
            }
        }
    }

    public ModelDescription Description { get; }

    /// <summary>Why it computes with 8 bits or does not, in a sentence; null for a model that was only made in float.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// Loads the model of a folder that this processor is to run (see <see cref="ServedModel"/>) and checks the checksum of its file.
    /// </summary>
    /// <exception cref="InvalidDataException">A file is missing, damaged or not the one that was written.</exception>
    public static TrainedModel Load(string folder, int threads = 1, int? parallelThreads = null)
    {
        string model, checksum;
        long length;
        ServedModel served;
        try
        {
            served = ServedModel.Of(folder);
            model = Path.Combine(folder, served.File);
            using (FileStream content = File.OpenRead(model))
            {
                (checksum, length) = (Convert.ToHexStringLower(SHA256.HashData(content)), content.Length);
            }
        }
        catch (IOException failure)
        {
            throw new InvalidDataException($"The model's files cannot be read: {failure.Message}", failure);
        }

        if (checksum != served.Description.ModelSha256)
        {
            throw new InvalidDataException(
                $"{served.File} ({length:N0} bytes) is not the file that was written: its SHA-256 differs from the one in {ModelFiles.Description}.");
        }

        try
        {
            return new TrainedModel(count => Sessions.Open(model, count), served.Description, threads, parallelThreads) { Reason = served.Reason };
        }
        catch (OnnxRuntimeException failure)
        {
            throw new InvalidDataException($"{served.File} cannot be loaded: {failure.Message}", failure);
        }
    }

    /// <summary>Decodes an image, turns it upright and brings it to network size.</summary>
    /// <exception cref="ImageRefusedException">The image is not accepted.</exception>
    public PreparedImage Prepare(ReadOnlyMemory<byte> bytes, ImageLimits limits)
    {
        ImageHeader header = ImageDecoder.ReadHeader(bytes);
        ImageDecoder.Check(header, limits);
        return Description.Resize == "fit" ? Fitted(bytes, header, Description.Width, Description.Height) : Squashed(bytes, header);
    }

    /// <summary>Predictions for several images in one pass. A classifier gives every label, in label order; a detector gives boxes, best first.</summary>
    /// <param name="images">One or several.</param>
    /// <param name="parallel">Whether idle cores may help with this pass.</param>
    public IReadOnlyList<Prediction>[] Predict(IReadOnlyList<PreparedImage> images, bool parallel = false)
    {
        ArgumentNullException.ThrowIfNull(images);
        InferenceSession session = parallel ? _parallelSession : _session;
        int one = Description.Width * Description.Height * 3;
        byte[] rgb = images.Count == 1 ? images[0].Rgb : new byte[one * images.Count];
        for (int i = 0; i < images.Count && images.Count > 1; i++) images[i].Rgb.CopyTo(rgb, i * one);
        if (Description.Kind == ModelKinds.Localization)
        {
            return Boxes(session, rgb, images);
        }

        float[,] scores = Score(session, rgb);
        return [.. images.Select(
            (_, i) => (IReadOnlyList<Prediction>)[.. Enumerable.Range(0, scores.GetLength(1)).Select(l => new Prediction(l, scores[i, l], null))])];
    }

    /// <summary>Whether a classifier tells where in an image its evidence is; models of earlier versions do not.</summary>
    public bool HasEvidence => _session.OutputMetadata.ContainsKey(EvidenceOutput);

    /// <summary>Where a classifier's evidence for each label is. Takes a pass of its own: other answers do not pay for it.</summary>
    /// <exception cref="InvalidOperationException">The model has no such output, see <see cref="HasEvidence"/>.</exception>
    public EvidenceMap Evidence(PreparedImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!HasEvidence)
        {
            throw new InvalidOperationException($"The model has no output named {EvidenceOutput}.");
        }

        var input = new DenseTensor<byte>(image.Rgb, [1, Description.Height, Description.Width, 3]);
        using var results = _session.Run([NamedOnnxValue.CreateFromTensor("image", input)], [EvidenceOutput]);
        Tensor<float> values = results[0].AsTensor<float>(); // [1, labels, rows, columns]
        return new EvidenceMap([.. values], values.Dimensions[2], values.Dimensions[3], image.ShownWidth, image.ShownHeight);
    }

    /// <summary>The image in the upper left corner with its aspect ratio kept, the rest grey.</summary>
    internal static PreparedImage Fitted(ReadOnlyMemory<byte> bytes, ImageHeader header, int width, int height)
    {
        const byte Grey = 127;
        DecodedImage image = ImageDecoder.DecodeFitted(bytes, header, width, height);
        if (image.Width == width && image.Height == height)
        {
            return new PreparedImage(image.Rgb, 1, 1, image.Warning);
        }

        var rgb = new byte[width * height * 3];
        Array.Fill(rgb, Grey);
        for (int y = 0; y < image.Height; y++)
        {
            image.Rgb.AsSpan(y * image.Width * 3, image.Width * 3).CopyTo(rgb.AsSpan(y * width * 3));
        }

        return new PreparedImage(rgb, (float)image.Width / width, (float)image.Height / height, image.Warning);
    }

    private PreparedImage Squashed(ReadOnlyMemory<byte> bytes, ImageHeader header)
    {
        DecodedImage image = ImageDecoder.DecodeSquashed(bytes, header, Description.Width, Description.Height);
        return new PreparedImage(image.Rgb, 1, 1, image.Warning);
    }

    /// <summary>Runs a detector; its boxes become ratios of the upright images.</summary>
    private List<Prediction>[] Boxes(InferenceSession session, byte[] rgb, IReadOnlyList<PreparedImage> images)
    {
        var input = new DenseTensor<byte>(rgb, [images.Count, Description.Height, Description.Width, 3]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["boxes", "scores", "labels", "pictures"]);
        float[] boxes = [.. results[0].AsEnumerable<float>()], scores = [.. results[1].AsEnumerable<float>()];
        long[] labels = [.. results[2].AsEnumerable<long>()], owners = [.. results[3].AsEnumerable<long>()];
        List<Prediction>[] found = [.. images.Select(_ => new List<Prediction>())];
        for (int i = 0; i < scores.Length; i++)
        {
            PreparedImage image = images[(int)owners[i]];
            float wide = Description.Width * image.ShownWidth, high = Description.Height * image.ShownHeight;
            float left = Math.Clamp(boxes[4 * i] / wide, 0, 1), top = Math.Clamp(boxes[4 * i + 1] / high, 0, 1);
            float width = Math.Clamp(boxes[4 * i + 2] / wide, 0, 1) - left, height = Math.Clamp(boxes[4 * i + 3] / high, 0, 1) - top;
            if (width > 0 && height > 0) // not wholly in the grey beside the image
            {
                found[owners[i]].Add(new Prediction((int)labels[i], scores[i], new Box(left, top, width, height)));
            }
        }

        return found;
    }

    /// <summary>Scores from 0 to 1, a row an image, of one or several images of network size laid end to end as interleaved RGB.</summary>
    public float[,] Score(byte[] rgb)
    {
        ArgumentNullException.ThrowIfNull(rgb);
        return Score(_session, rgb);
    }

    public void Dispose()
    {
        _session.Dispose();
        _parallelSession.Dispose();
    }

    private float[,] Score(InferenceSession session, byte[] rgb)
    {
        int one = Description.Width * Description.Height * 3;
        if (rgb.Length == 0 || rgb.Length % one != 0) throw new ArgumentException($"{rgb.Length} bytes are not whole images of {one} bytes.", nameof(rgb));
        int count = rgb.Length / one, labels = Description.Labels.Count;
        var input = new DenseTensor<byte>(rgb, [count, Description.Height, Description.Width, 3]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["scores"]);
        var scores = new float[count, labels];
        Buffer.BlockCopy(results[0].AsTensor<float>().ToArray(), 0, scores, 0, count * labels * sizeof(float));
        return scores;
    }
}
