using System.Collections.Concurrent;

namespace Ocellus.Vision.Images;

/// <summary>Source pixels and weights of each target pixel along one axis.</summary>
internal sealed class LanczosWeights
{
    /// <summary>Binary places of a weight.</summary>
    // So that 255 times the weights, some of which are negative, stays below 2³¹.
    public const int Places = 32 - 8 - 2;

    // Lobes on each side.
    private const double Support = 3;

    // Pixels of a row that are weighed at once, and binary places that their weights are split at.
    public const int Together = 4, Split = 11;

    // A server sees images of a few sizes; an attacker may send any, at up to 200 KB each.
    private const int KeptMax = 64;

    private static readonly ConcurrentDictionary<(int From, int To), LanczosWeights> _kept = new();

    private LanczosWeights(int from, int to)
    {
        double scale = (double)from / to, wide = Math.Max(scale, 1), support = Support * wide;
        TapsMax = ((int)Math.Ceiling(support) * 2) + 1;
        PairsOfOne = (TapsMax + Together - 1) / Together * 2;
        (First, Counts, Values, Pairs) = (new int[to], new int[to], new int[to * TapsMax], new long[to * PairsOfOne]);
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
                var places = (sum == 0 ? values[k] : values[k] / sum) * (1 << Places);
                Values[(i * TapsMax) + k] = (int)(places < 0 ? places - .5 : places + .5);
            }

            for (var k = 0; k < count; k++)
            {
                var (weight, shift, at) = (Values[(i * TapsMax) + k], 16 * (k % Together), (i * PairsOfOne) + (k / Together * 2));
                Pairs[at] |= (long)(ushort)(weight >> Split) << shift;
                Pairs[at + 1] |= (long)(weight & ((1 << Split) - 1)) << shift;
            }

            (First[i], Counts[i]) = (first, count);
        }
    }

    /// <summary>First source pixel of each target pixel.</summary>
    public int[] First { get; }

    /// <summary>Source pixels of each target pixel.</summary>
    public int[] Counts { get; }

    /// <summary>Most of them, and the distance between the weights of two target pixels.</summary>
    public int TapsMax { get; }

    /// <summary>Weights, with <see cref="Places"/> binary places.</summary>
    public int[] Values { get; }

    /// <summary>
    /// The same for four pixels at once: for four weights, one after the other, their upper parts as four numbers of 16 bits, then their
    /// lower parts; zeros where there are fewer.
    /// </summary>
    public long[] Pairs { get; }

    /// <summary>Distance between the pairs of two target pixels.</summary>
    public int PairsOfOne { get; }

    /// <summary>The weights from one length to another, kept for the next image of that size.</summary>
    public static LanczosWeights For(int from, int to)
    {
        if (_kept.TryGetValue((from, to), out var weights))
        {
            return weights;
        }

        if (_kept.Count >= KeptMax)
        {
            _kept.Clear();
        }

        return _kept.GetOrAdd((from, to), static key => new(key.From, key.To));
    }

    private static double Filter(double x) => x is >= -Support and < Support ? Sinc(x) * Sinc(x / Support) : 0;

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
