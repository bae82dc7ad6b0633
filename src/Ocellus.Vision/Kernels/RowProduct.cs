using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ocellus.Vision.Kernels;

/// <summary>Products of a few pixels' values and a small matrix, where both lie in the cache.</summary>
/// <remarks>Only for <see cref="ExpandedDepthwise"/>, and can be removed with it: a libtorch call for each row would take longer than the product.</remarks>
internal static class RowProduct
{
    // Pixels and vectors of outputs whose sums stay in registers: twelve of the sixteen.
    private const int Rows = 4, Columns = 3;

    /// <summary>Whether this processor has the vectors for a matrix with that many columns.</summary>
    public static bool IsSupported(int columns) => Vector256.IsHardwareAccelerated && columns % Lanes256.Count == 0;

    /// <summary>
    /// result[p, o] = start[o] + sum over k of values[p, k] · matrix[k, o], limited to <paramref name="low"/> … <paramref name="high"/>.
    /// </summary>
    /// <param name="values">[P, K].</param>
    /// <param name="inner">K.</param>
    /// <param name="matrix">[K, O].</param>
    /// <param name="start">[O].</param>
    /// <param name="result">[P, O], written.</param>
    /// <param name="columns">O.</param>
    /// <param name="low">−∞ for none.</param>
    /// <param name="high">∞ for none.</param>
    public static void Compute(
        ReadOnlySpan<float> values, int inner, ReadOnlySpan<float> matrix, ReadOnlySpan<float> start, Span<float> result, int columns, float low, float high)
    {
        // Fewer or partial wide vectors would leave single ones, whose sums wait for each other.
        if (Vector512.IsHardwareAccelerated && columns % Lanes512.Count == 0 && columns > Lanes512.Count)
        {
            Part<Lanes512, Vector512<float>>(values, inner, matrix, start, result, columns, low, high);
        }
        else
        {
            Part<Lanes256, Vector256<float>>(values, inner, matrix, start, result, columns, low, high);
        }
    }

    private static void Part<TLanes, TVector>(
        ReadOnlySpan<float> values, int inner, ReadOnlySpan<float> matrix, ReadOnlySpan<float> start, Span<float> result, int columns, float low, float high)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        int pixels = values.Length / inner;
        for (int c = 0; c < columns;)
        {
            int left = (columns - c) / TLanes.Count, width = left is Columns + 1 ? Columns - 1 : Math.Min(left, Columns);
            ref readonly float m = ref matrix[c], s = ref start[c];
            int p = 0;
            if (width == Columns)
            {
                for (; p <= pixels - Rows; p += Rows)
                {
                    FourByThree<TLanes, TVector>(in values[p * inner], inner, in m, columns, in s, ref result[p * columns + c], low, high);
                }
            }
            else if (width == Columns - 1)
            {
                for (; p <= pixels - Rows; p += Rows)
                {
                    FourByTwo<TLanes, TVector>(in values[p * inner], inner, in m, columns, in s, ref result[p * columns + c], low, high);
                }
            }

            for (; p < pixels; p++)
            {
                for (int k = 0; k < width; k++)
                {
                    One<TLanes, TVector>(
                        in values[p * inner], inner, in matrix[c + k * TLanes.Count], columns, in start[c + k * TLanes.Count],
                        ref result[p * columns + c + k * TLanes.Count], low, high);
                }
            }

            c += width * TLanes.Count;
        }
    }

    // Sums stay in registers; the compiler does this for locals only, hence a loop for each width.
    private static void FourByThree<TLanes, TVector>(
        ref readonly float values, int inner, ref readonly float matrix, int columns, ref readonly float start, ref float result, float low, float high)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        nuint next = (nuint)TLanes.Count, row = (nuint)columns;
        TVector a0 = TLanes.Load(in start, 0), a1 = TLanes.Load(in start, next), a2 = TLanes.Load(in start, 2 * next);
        TVector b0 = a0, b1 = a1, b2 = a2, c0 = a0, c1 = a1, c2 = a2, d0 = a0, d1 = a1, d2 = a2;
        ref float v = ref Unsafe.AsRef(in values);
        ref float m = ref Unsafe.AsRef(in matrix);
        for (int k = 0; k < inner; k++)
        {
            TVector m0 = TLanes.Load(in m, 0), m1 = TLanes.Load(in m, next), m2 = TLanes.Load(in m, 2 * next);
            TVector one = TLanes.Create(v);
            a0 = TLanes.MultiplyAdd(m0, one, a0);
            a1 = TLanes.MultiplyAdd(m1, one, a1);
            a2 = TLanes.MultiplyAdd(m2, one, a2);
            one = TLanes.Create(Unsafe.Add(ref v, inner));
            b0 = TLanes.MultiplyAdd(m0, one, b0);
            b1 = TLanes.MultiplyAdd(m1, one, b1);
            b2 = TLanes.MultiplyAdd(m2, one, b2);
            one = TLanes.Create(Unsafe.Add(ref v, 2 * inner));
            c0 = TLanes.MultiplyAdd(m0, one, c0);
            c1 = TLanes.MultiplyAdd(m1, one, c1);
            c2 = TLanes.MultiplyAdd(m2, one, c2);
            one = TLanes.Create(Unsafe.Add(ref v, 3 * inner));
            d0 = TLanes.MultiplyAdd(m0, one, d0);
            d1 = TLanes.MultiplyAdd(m1, one, d1);
            d2 = TLanes.MultiplyAdd(m2, one, d2);
            v = ref Unsafe.Add(ref v, 1);
            m = ref Unsafe.Add(ref m, columns);
        }

        TVector min = TLanes.Create(low), max = TLanes.Create(high);
        TLanes.Store(TLanes.Clamp(a0, min, max), ref result, 0);
        TLanes.Store(TLanes.Clamp(a1, min, max), ref result, next);
        TLanes.Store(TLanes.Clamp(a2, min, max), ref result, 2 * next);
        TLanes.Store(TLanes.Clamp(b0, min, max), ref result, row);
        TLanes.Store(TLanes.Clamp(b1, min, max), ref result, row + next);
        TLanes.Store(TLanes.Clamp(b2, min, max), ref result, row + 2 * next);
        TLanes.Store(TLanes.Clamp(c0, min, max), ref result, 2 * row);
        TLanes.Store(TLanes.Clamp(c1, min, max), ref result, 2 * row + next);
        TLanes.Store(TLanes.Clamp(c2, min, max), ref result, 2 * row + 2 * next);
        TLanes.Store(TLanes.Clamp(d0, min, max), ref result, 3 * row);
        TLanes.Store(TLanes.Clamp(d1, min, max), ref result, 3 * row + next);
        TLanes.Store(TLanes.Clamp(d2, min, max), ref result, 3 * row + 2 * next);
    }

    private static void FourByTwo<TLanes, TVector>(
        ref readonly float values, int inner, ref readonly float matrix, int columns, ref readonly float start, ref float result, float low, float high)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        nuint next = (nuint)TLanes.Count, row = (nuint)columns;
        TVector a0 = TLanes.Load(in start, 0), a1 = TLanes.Load(in start, next);
        TVector b0 = a0, b1 = a1, c0 = a0, c1 = a1, d0 = a0, d1 = a1;
        ref float v = ref Unsafe.AsRef(in values);
        ref float m = ref Unsafe.AsRef(in matrix);
        for (int k = 0; k < inner; k++)
        {
            TVector m0 = TLanes.Load(in m, 0), m1 = TLanes.Load(in m, next);
            TVector one = TLanes.Create(v), two = TLanes.Create(Unsafe.Add(ref v, inner));
            TVector three = TLanes.Create(Unsafe.Add(ref v, 2 * inner)), four = TLanes.Create(Unsafe.Add(ref v, 3 * inner));
            a0 = TLanes.MultiplyAdd(m0, one, a0);
            a1 = TLanes.MultiplyAdd(m1, one, a1);
            b0 = TLanes.MultiplyAdd(m0, two, b0);
            b1 = TLanes.MultiplyAdd(m1, two, b1);
            c0 = TLanes.MultiplyAdd(m0, three, c0);
            c1 = TLanes.MultiplyAdd(m1, three, c1);
            d0 = TLanes.MultiplyAdd(m0, four, d0);
            d1 = TLanes.MultiplyAdd(m1, four, d1);
            v = ref Unsafe.Add(ref v, 1);
            m = ref Unsafe.Add(ref m, columns);
        }

        TVector min = TLanes.Create(low), max = TLanes.Create(high);
        TLanes.Store(TLanes.Clamp(a0, min, max), ref result, 0);
        TLanes.Store(TLanes.Clamp(a1, min, max), ref result, next);
        TLanes.Store(TLanes.Clamp(b0, min, max), ref result, row);
        TLanes.Store(TLanes.Clamp(b1, min, max), ref result, row + next);
        TLanes.Store(TLanes.Clamp(c0, min, max), ref result, 2 * row);
        TLanes.Store(TLanes.Clamp(c1, min, max), ref result, 2 * row + next);
        TLanes.Store(TLanes.Clamp(d0, min, max), ref result, 3 * row);
        TLanes.Store(TLanes.Clamp(d1, min, max), ref result, 3 * row + next);
    }

    private static void One<TLanes, TVector>(
        ref readonly float values, int inner, ref readonly float matrix, int columns, ref readonly float start, ref float result, float low, float high)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        TVector sum = TLanes.Load(in start, 0);
        ref float v = ref Unsafe.AsRef(in values);
        ref float m = ref Unsafe.AsRef(in matrix);
        for (int k = 0; k < inner; k++)
        {
            sum = TLanes.MultiplyAdd(TLanes.Load(in m, 0), TLanes.Create(v), sum);
            v = ref Unsafe.Add(ref v, 1);
            m = ref Unsafe.Add(ref m, columns);
        }

        TLanes.Store(TLanes.Clamp(sum, TLanes.Create(low), TLanes.Create(high)), ref result, 0);
    }
}
