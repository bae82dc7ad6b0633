using System.Numerics.Tensors;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Embeddings;

/// <summary>
/// Makes fingerprints of images with the frozen backbone, which the program brings along: no training, no network access, about 30 ms an image on one core.
/// Thread-safe; each call works on its caller's thread alone, so that the caller decides how many cores it takes.
/// </summary>
/// <remarks>Holds about 40 MB. Loads ONNX Runtime and libvips, not the libraries of trainings.</remarks>
public sealed class ImageEmbedder : IDisposable
{
    /// <summary>Pixels of a side that images are squashed to.</summary>
    public const int Side = 224;

    /// <summary>Long side at which an image is read before boxes are cut out of it: enough for boxes of a tenth of it.</summary>
    private const int CropSourceMax = 1536;

    /// <summary>A crop shows a little around its box, as the photographs that the backbone was trained on do.</summary>
    private const float Margin = .1f;

    private readonly FeatureExtractor _extractor;

    /// <param name="backbone">The backbone's file; null for the one that the program brings along.</param>
    /// <exception cref="Microsoft.ML.OnnxRuntime.OnnxRuntimeException">The file cannot be loaded.</exception>
    public ImageEmbedder(string? backbone = null) => _extractor = new FeatureExtractor(backbone ?? FeatureExtractor.DefaultBackbone, threads: 1);

    /// <summary>The fingerprint of an image, upright.</summary>
    /// <param name="image">Content of a JPEG or PNG.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded. Its size is not limited: see <see cref="ImageDecoder.Check"/>.</exception>
    public ImageFingerprint Fingerprint(ReadOnlyMemory<byte> image)
    {
        byte[] rgb = ImageDecoder.DecodeSquashed(image, Side, Side).Rgb;
        return new ImageFingerprint(Embed(rgb), PerceptualHash.Of(rgb, Side));
    }

    /// <summary>Fingerprints of many images, several at a time.</summary>
    /// <param name="images">The images; <see cref="ImageSource.Read"/> is called on several threads.</param>
    /// <param name="threads">Cores to use.</param>
    /// <param name="done">Called after each image with the number of images so far, on several threads; may be null.</param>
    /// <param name="cancel">Ends it with an exception.</param>
    /// <returns>One an image, in order; null for those that cannot be decoded.</returns>
    public ImageFingerprint?[] Fingerprints(ImageSource images, int threads, Action<int>? done, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(images);
        var found = new ImageFingerprint?[images.Count];
        int count = 0;
        Parallel.For(0, found.Length, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, i =>
        {
            try
            {
                found[i] = Fingerprint(images.Read(i));
            }
            catch (ImageRefusedException)
            {
                // It stays null: why it cannot be read is told by those who check images.
            }

            done?.Invoke(Interlocked.Increment(ref count));
        });
        return found;
    }

    /// <summary>Embeddings of parts of an image, each squashed to a square: one [<see cref="ImageFingerprint.Length"/>] a box, in order.</summary>
    /// <param name="image">Content of a JPEG or PNG.</param>
    /// <param name="boxes">In ratios of the upright image; what lies outside is cut off, and a side has at least one pixel.</param>
    /// <param name="cancel">Looked at between boxes.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public Half[][] EmbedBoxes(ReadOnlyMemory<byte> image, IReadOnlyList<Box> boxes, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        if (boxes.Count == 0)
        {
            return [];
        }

        DecodedImage whole = ImageDecoder.DecodeUpright(image, CropSourceMax);
        var found = new Half[boxes.Count][];
        for (int i = 0; i < found.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            (int left, int width) = Span(boxes[i].Left, boxes[i].Width, whole.Width);
            (int top, int height) = Span(boxes[i].Top, boxes[i].Height, whole.Height);
            using var lanczos = new Lanczos(width, height, Side, Side);
            for (int y = 0; y < height; y++)
            {
                lanczos.Add(whole.Rgb.AsSpan(((top + y) * whole.Width + left) * 3, width * 3));
            }

            found[i] = Embed(lanczos.Finish());
        }

        return found;

        static (int First, int Length) Span(float from, float length, int side)
        {
            int first = Math.Clamp((int)Math.Floor((from - length * Margin) * side), 0, side - 1);
            return (first, Math.Clamp((int)Math.Ceiling((from + length * (1 + Margin)) * side), first + 1, side) - first);
        }
    }

    public void Dispose() => _extractor.Dispose();

    private Half[] Embed(byte[] rgb)
    {
        var planes = new float[rgb.Length];
        FeatureExtractor.Normalise(rgb, planes);
        float[] values = _extractor.Embed(planes, 1, Side, Side);
        var halves = new Half[values.Length];
        TensorPrimitives.ConvertToHalf(values, halves);
        return halves;
    }
}
