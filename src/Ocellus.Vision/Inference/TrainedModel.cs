using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Inference;

/// <summary>A picture at network size.</summary>
/// <param name="Rgb">height × width × 3 bytes, interleaved, of the model's size.</param>
/// <param name="ShownWidth">Share of the network's width that the picture fills, 0 to 1: 1 when squashed.</param>
/// <param name="ShownHeight">Share of the network's height that the picture fills, 0 to 1: 1 when squashed.</param>
/// <param name="Warning">A remark on the picture, if there is one.</param>
public sealed record PreparedPicture(byte[] Rgb, float ShownWidth, float ShownHeight, PictureWarning? Warning);

/// <summary>One answer. <paramref name="Score"/> is 0 to 1; <paramref name="Box"/> is null for classifiers.</summary>
public readonly record struct Prediction(int Label, float Score, Box? Box);

/// <summary>A trained model: the very file that is exported, run by ONNX Runtime. Thread-safe.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly InferenceSession session;
    private readonly InferenceSession alone;

    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <param name="threads">Threads for one call. Under load one thread a call and several calls at once beat many threads.</param>
    /// <param name="threadsAlone">
    /// Threads for a call that has the machine to itself; null for as many. Another number costs a second session, about 25 MB.
    /// </param>
    public TrainedModel(byte[] model, ModelDescription description, int threads = 1, int? threadsAlone = null)
        : this(count => Sessions.Open(model, count), description, threads, threadsAlone)
    {
    }

    private TrainedModel(Func<int, InferenceSession> open, ModelDescription description, int threads, int? threadsAlone)
    {
        Description = description;
        session = alone = open(threads);
        if (threadsAlone is { } more && more != threads)
        {
            try
            {
                alone = open(more);
            }
            catch
            {
                session.Dispose();
                throw;
            }
        }
    }

    public ModelDescription Description { get; }

    /// <summary>Loads model.onnx and model.json from a folder and checks the checksum.</summary>
    /// <exception cref="InvalidDataException">A file is missing, broken or not the one that was written.</exception>
    public static TrainedModel Load(string folder, int threads = 1, int? threadsAlone = null)
    {
        string model = Path.Combine(folder, ModelFiles.Model), checksum;
        long length;
        ModelDescription description;
        try
        {
            using (FileStream content = File.OpenRead(model))
            {
                (checksum, length) = (Convert.ToHexStringLower(SHA256.HashData(content)), content.Length);
            }

            description = ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description)));
        }
        catch (IOException failure)
        {
            throw new InvalidDataException($"The model's files cannot be read: {failure.Message}", failure);
        }

        if (checksum != description.ModelSha256)
        {
            throw new InvalidDataException(
                $"{ModelFiles.Model} ({length:N0} bytes) is not the file that was written: its SHA-256 differs from the one in {ModelFiles.Description}.");
        }

        try
        {
            return new TrainedModel(count => Sessions.Open(model, count), description, threads, threadsAlone);
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
        PictureHeader header = Pictures.ReadHeader(bytes);
        Pictures.Check(header, limits);
        return Description.Resize == "fit" ? Fitted(bytes, header, Description.Width, Description.Height) : Squashed(bytes, header);
    }

    /// <summary>Answers for several pictures in one pass. A classifier gives every label, in label order; a detector boxes, best first.</summary>
    /// <param name="pictures">One or several.</param>
    /// <param name="helped">Whether cores are idle that may help with this pass.</param>
    public IReadOnlyList<Prediction>[] Predict(IReadOnlyList<PreparedPicture> pictures, bool helped = false)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        InferenceSession by = helped ? alone : session;
        int one = Description.Width * Description.Height * 3;
        byte[] rgb = pictures.Count == 1 ? pictures[0].Rgb : new byte[one * pictures.Count];
        for (int i = 0; i < pictures.Count && pictures.Count > 1; i++) pictures[i].Rgb.CopyTo(rgb, i * one);
        if (Description.Kind == ModelKinds.Localization)
        {
            return Boxes(by, rgb, pictures);
        }

        float[,] scores = Score(by, rgb);
        return [.. pictures.Select(
            (_, i) => (IReadOnlyList<Prediction>)[.. Enumerable.Range(0, scores.GetLength(1)).Select(l => new Prediction(l, scores[i, l], null))])];
    }

    /// <summary>The picture in the upper left corner at its own shape, the rest grey.</summary>
    internal static PreparedPicture Fitted(ReadOnlyMemory<byte> bytes, PictureHeader header, int width, int height)
    {
        const byte Grey = 127;
        DecodedPicture picture = Pictures.DecodeFitted(bytes, header, width, height);
        if (picture.Width == width && picture.Height == height)
        {
            return new PreparedPicture(picture.Rgb, 1, 1, picture.Warning);
        }

        var rgb = new byte[width * height * 3];
        Array.Fill(rgb, Grey);
        for (int y = 0; y < picture.Height; y++)
        {
            picture.Rgb.AsSpan(y * picture.Width * 3, picture.Width * 3).CopyTo(rgb.AsSpan(y * width * 3));
        }

        return new PreparedPicture(rgb, (float)picture.Width / width, (float)picture.Height / height, picture.Warning);
    }

    private PreparedPicture Squashed(ReadOnlyMemory<byte> bytes, PictureHeader header)
    {
        DecodedPicture picture = Pictures.DecodeSquashed(bytes, header, Description.Width, Description.Height);
        return new PreparedPicture(picture.Rgb, 1, 1, picture.Warning);
    }

    /// <summary>Runs a detector; its boxes become ratios of the pictures as shown.</summary>
    private List<Prediction>[] Boxes(InferenceSession by, byte[] rgb, IReadOnlyList<PreparedPicture> pictures)
    {
        var input = new DenseTensor<byte>(rgb, [pictures.Count, Description.Height, Description.Width, 3]);
        using var results = by.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["boxes", "scores", "labels", "pictures"]);
        float[] boxes = [.. results[0].AsEnumerable<float>()], scores = [.. results[1].AsEnumerable<float>()];
        long[] labels = [.. results[2].AsEnumerable<long>()], owners = [.. results[3].AsEnumerable<long>()];
        List<Prediction>[] found = [.. pictures.Select(_ => new List<Prediction>())];
        for (int i = 0; i < scores.Length; i++)
        {
            PreparedPicture picture = pictures[(int)owners[i]];
            float wide = Description.Width * picture.ShownWidth, high = Description.Height * picture.ShownHeight;
            float left = Math.Clamp(boxes[4 * i] / wide, 0, 1), top = Math.Clamp(boxes[4 * i + 1] / high, 0, 1);
            float width = Math.Clamp(boxes[4 * i + 2] / wide, 0, 1) - left, height = Math.Clamp(boxes[4 * i + 3] / high, 0, 1) - top;
            if (width > 0 && height > 0) // not wholly in the grey beside the picture
            {
                found[owners[i]].Add(new Prediction((int)labels[i], scores[i], new Box(left, top, width, height)));
            }
        }

        return found;
    }

    /// <summary>Scores from 0 to 1, a row a picture, of one or several pictures of network size laid end to end as interleaved RGB.</summary>
    public float[,] Score(byte[] rgb)
    {
        ArgumentNullException.ThrowIfNull(rgb);
        return Score(session, rgb);
    }

    public void Dispose()
    {
        session.Dispose();
        alone.Dispose();
    }

    private float[,] Score(InferenceSession by, byte[] rgb)
    {
        int one = Description.Width * Description.Height * 3;
        if (rgb.Length == 0 || rgb.Length % one != 0) throw new ArgumentException($"{rgb.Length} bytes are not whole pictures of {one} bytes.", nameof(rgb));
        int count = rgb.Length / one, labels = Description.Labels.Count;
        var input = new DenseTensor<byte>(rgb, [count, Description.Height, Description.Width, 3]);
        using var results = by.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["scores"]);
        var scores = new float[count, labels];
        Buffer.BlockCopy(results[0].AsTensor<float>().ToArray(), 0, scores, 0, count * labels * sizeof(float));
        return scores;
    }
}
