using System.Collections.Concurrent;

namespace Ocellus.Vision.Images;

/// <summary>Source pixels and weights of each target pixel along one axis.</summary>
internal sealed class LanczosWeights
{
    /// <summary>Fractional bits of a weight. 255 times the weights, some of which are negative, stays below 2³¹.</summary>
    public const int FractionBits = 32 - 8 - 2;

    // Lobes on each side.
    private const double Support = 3;

    // Pixels of a row that are weighted at once, and the bit at which their weights are split.
    public const int PixelsAtOnce = 4, SplitBits = 11;

    // A server sees images of a few sizes; an attacker may send any, with weights of up to 200 KB each.
    private const int CacheMax = 64;

    private static readonly ConcurrentDictionary<(int From, int To), LanczosWeights> _cache = new();

    private LanczosWeights(int from, int to)
    {
        double scale = (double)from / to, wide = Math.Max(scale, 1), support = Support * wide;
        TapsMax = ((int)Math.Ceiling(support) * 2) + 1;
        PairStride = (TapsMax + PixelsAtOnce - 1) / PixelsAtOnce * 2;
        (First, Counts, Values, Pairs) = (new int[to], new int[to], new int[to * TapsMax], new long[to * PairStride]);
        var values = new double[TapsMax];
        for (var i = 0; i < to; i++)
        {
            var middle = (i + .5) * scale;
            var first = Math.Max((int)(middle - support + .5), 0);
            var count = Math.Min((int)(middle + support + .5), from) - first;
            double sum = 0;
            for (var k = 0; k < count; k++)
            {
                values[k] = Filter((k + first - middle + .5) / wide);
                sum += values[k];
            }

            for (var k = 0; k < count; k++)
            {
                var scaled = (sum == 0 ? values[k] : values[k] / sum) * (1 << FractionBits);
                Values[(i * TapsMax) + k] = (int)(scaled < 0 ? scaled - .5 : scaled + .5);
            }

            for (var k = 0; k < count; k++)
            {
                var (weight, shift, at) = (Values[(i * TapsMax) + k], 16 * (k % PixelsAtOnce), (i * PairStride) + (k / PixelsAtOnce * 2));
                Pairs[at] |= (long)(ushort)(weight >> SplitBits) << shift;
                Pairs[at + 1] |= (long)(weight & ((1 << SplitBits) - 1)) << shift;
            }

            (First[i], Counts[i]) = (first, count);
        }
    }

    /// <summary>First source pixel of each target pixel.</summary>
    public int[] First { get; }

    /// <summary>Source pixels of each target pixel.</summary>
    public int[] Counts { get; }

    /// <summary>Maximum of <see cref="Counts"/>, and the distance between the weights of two target pixels.</summary>
    public int TapsMax { get; }

    /// <summary>Weights, with <see cref="FractionBits"/> fractional bits.</summary>
    public int[] Values { get; }

    /// <summary>
    /// The weights for four pixels at once: for each group of four, the upper parts as four 16-bit numbers, then the lower parts; zeros
    /// where there are fewer.
    /// </summary>
    public long[] Pairs { get; }

    /// <summary>Distance between the pairs of two target pixels.</summary>
    public int PairStride { get; }

    /// <summary>The weights from one length to another, cached for the next image of that size.</summary>
    public static LanczosWeights For(int from, int to)
    {
        if (_cache.TryGetValue((from, to), out var weights))
        {
            return weights;
        }

        if (_cache.Count >= CacheMax)
        {
            _cache.Clear();
        }

        return _cache.GetOrAdd((from, to), static key => new(key.From, key.To));
    }

    private static double Filter(double x) => x is >= -Support and < Support ? Sinc(x) * Sinc(x / Support) : 0;

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
