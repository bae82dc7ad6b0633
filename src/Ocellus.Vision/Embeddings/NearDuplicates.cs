using System.Numerics.Tensors;

namespace Ocellus.Vision.Embeddings;

/// <summary>Two images that show the same.</summary>
/// <param name="First">Index of one, the smaller.</param>
/// <param name="Second">Index of the other.</param>
/// <param name="Exact">The files are equal, byte for byte.</param>
/// <param name="Mirrored">One is the mirror image of the other.</param>
/// <param name="Similarity">Cosine of the embeddings, up to 1; 1 for equal files.</param>
public readonly record struct DuplicatePair(int First, int Second, bool Exact, bool Mirrored, double Similarity);

/// <summary>
/// Finds images that are there twice: equal files, and the same image scaled, compressed, brightened, slightly cropped or mirrored. Hash and embedding must agree:
/// a hash alone flags sets of uniform images, such as parts on a belt, an embedding alone images of the same kind.
/// </summary>
public static class NearDuplicates
{
    /// <summary>Pairs that are told; beyond these the set needs another remedy than looking at pairs.</summary>
    public const int PairsMax = 10_000;

    /// <summary>Bits of 63 in which the hashes of two such images may differ: a slight crop changes more of them than of the embedding.</summary>
    private const int HashDistanceMax = 12;

    /// <summary>Bits up to which the hashes count as equal: what scaling and compression change.</summary>
    private const int HashDistanceSame = 4;

    /// <summary>Cosine of the embeddings that images with nearly equal hashes have at least: detail that scaling removes changes the embedding.</summary>
    private const double SimilarityMin = .6;

    /// <summary>The same for images whose hashes differ more.</summary>
    private const double SimilarityMinOtherwise = .9;

    /// <summary>Pairs from which the usual similarity is taken, and images from which on they say something.</summary>
    private const int SampledPairs = 500, SampledFrom = 20;

    /// <summary>The pairs, in order of their first and second image.</summary>
    /// <param name="images">Fingerprints; null for images that could not be read.</param>
    /// <param name="contents">For each image a hash of its file, such as SHA-256 in hexadecimal; null where it is not known.</param>
    /// <param name="cancel">Ends the search with an exception.</param>
    /// <returns>Copies of the same file are each paired with the first of them, and only that one with other files, so that n copies make n - 1 pairs.</returns>
    public static IReadOnlyList<DuplicatePair> Find(
        IReadOnlyList<ImageFingerprint?> images, IReadOnlyList<string?> contents, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(contents);
        ArgumentOutOfRangeException.ThrowIfNotEqual(contents.Count, images.Count);
        var pairs = new List<DuplicatePair>();
        var firsts = new Dictionary<string, int>(StringComparer.Ordinal);
        var alone = new List<int>();
        for (int i = 0; i < images.Count; i++)
        {
            if (contents[i] is { } content && !firsts.TryAdd(content, i))
            {
                pairs.Add(new DuplicatePair(firsts[content], i, Exact: true, Mirrored: false, 1));
            }
            else if (images[i] is not null)
            {
                alone.Add(i);
            }
        }

        var comparison = new Comparison([.. alone.Select(i => images[i]!)]);
        for (int i = 0; i < alone.Count && pairs.Count < PairsMax; i++)
        {
            cancel.ThrowIfCancellationRequested();
            foreach ((int j, bool mirrored, double similarity) in comparison.LikeAfter(i))
            {
                pairs.Add(new DuplicatePair(alone[i], alone[j], Exact: false, mirrored, similarity));
            }
        }

        return [.. pairs.OrderBy(p => p.First).ThenBy(p => p.Second).Take(PairsMax)];
    }

    /// <summary>Compares images with those after them.</summary>
    private sealed class Comparison
    {
        private readonly IReadOnlyList<ImageFingerprint> _images;
        private readonly ulong[] _hashes;
        private readonly float[] _a = new float[ImageFingerprint.Length], _b = new float[ImageFingerprint.Length];
        private readonly double _similarityMin, _similarityMinOtherwise;

        public Comparison(IReadOnlyList<ImageFingerprint> images)
        {
            (_images, _hashes) = (images, [.. images.Select(i => i.Hash)]);
            // Images of one kind are all alike; what is there twice is then much more alike than the others are.
            double clear = images.Count < SampledFrom ? 0 : (1 + UsualSimilarity()) / 2;
            (_similarityMin, _similarityMinOtherwise) = (Math.Max(SimilarityMin, clear), Math.Max(SimilarityMinOtherwise, clear));
        }

        public IEnumerable<(int Other, bool Mirrored, double Similarity)> LikeAfter(int first)
        {
            ulong hash = _hashes[first], mirrored = PerceptualHash.Mirrored(hash);
            for (int j = first + 1; j < _hashes.Length; j++)
            {
                int straight = PerceptualHash.Distance(hash, _hashes[j]), turned = PerceptualHash.Distance(mirrored, _hashes[j]);
                int distance = Math.Min(straight, turned);
                if (distance <= HashDistanceMax && Similarity(first, j) is var similarity
                    && similarity >= (distance <= HashDistanceSame ? _similarityMin : _similarityMinOtherwise))
                {
                    yield return (j, turned < straight, similarity);
                }
            }
        }

        private double Similarity(int i, int j)
        {
            TensorPrimitives.ConvertToSingle(_images[i].Embedding, _a);
            TensorPrimitives.ConvertToSingle(_images[j].Embedding, _b);
            return TensorPrimitives.CosineSimilarity<float>(_a, _b);
        }

        /// <summary>Median of pairs from all over the set.</summary>
        private double UsualSimilarity()
        {
#pragma warning disable CA5394 // Not security: the same images must give the same pairs.
            var random = new Random(1);
            double[] sample = [.. Enumerable.Range(0, SampledPairs).Select(_ => (I: random.Next(_images.Count), J: random.Next(_images.Count)))
                .Where(p => p.I != p.J).Select(p => Similarity(p.I, p.J)).Order()];
#pragma warning restore CA5394
            return sample.Length == 0 ? 0 : sample[sample.Length / 2];
        }
    }
}
