using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ocellus.Vision.Images;

/// <summary>
/// Resizes an image of three bytes a pixel with Lanczos-3, widened by the reduction factor. Rows are added as they are decoded, so the whole image
/// is never in memory.
/// </summary>
/// <remarks>
/// Matches Pillow's <c>resize</c> with <c>LANCZOS</c> bit for bit: weights with 22 fractional bits, first along the rows, then along the columns,
/// 8 bits in between. So a program that uses Pillow, such as the one beside an exported model, gets the server's pixels. libvips takes several
/// times as long for an image of this size, most of it not for arithmetic.
/// </remarks>
internal sealed class Lanczos : IDisposable
{
    // Bytes read at once for a pixel of 3.
    private const int BytesPerRead = 16;

    private const int Channels = 3;

    private readonly int _width;
    private readonly int _height;
    private readonly int _toWidth;
    private readonly int _toHeight;
    private readonly byte[] _across;
    private int _rows;

    /// <param name="width">Of the image, at least 1.</param>
    /// <param name="height">Of the image, at least 1.</param>
    /// <param name="toWidth">Wanted, at least 1.</param>
    /// <param name="toHeight">Wanted, at least 1.</param>
    public Lanczos(int width, int height, int toWidth, int toHeight)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(toWidth, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(toHeight, 1);
        (_width, _height, _toWidth, _toHeight) = (width, height, toWidth, toHeight);

        // One byte more: pixels are written with a fourth byte, which the next one overwrites. Rented: a large array for each image would burden the
        // garbage collector.
        _across = ArrayPool<byte>.Shared.Rent(checked(toWidth * height * Channels) + 1);
    }

    /// <summary>Adds the next rows of the image.</summary>
    /// <param name="rgb">Some rows of width × 3 bytes, without padding.</param>
    public void Add(ReadOnlySpan<byte> rgb)
    {
        int line = _width * Channels, count = rgb.Length / line, toLine = _toWidth * Channels;
        ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length, count * line);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_rows + count, _height);
        if (_width == _toWidth)
        {
            rgb.CopyTo(_across.AsSpan(_rows * line));
            _rows += count;
            return;
        }

        var weights = LanczosWeights.For(_width, _toWidth);
        Span<byte> last = default;
        for (var y = 0; y < count; y++, _rows++)
        {
            var row = rgb[(y * line)..];
            if (row.Length < line + BytesPerRead)
            {
                // Reading a pixel includes the bytes after it, and here there are none.
                last = last.IsEmpty ? new byte[line + BytesPerRead] : last;
                row[..line].CopyTo(last);
                row = last;
            }

            ref var target = ref _across[_rows * toLine];
            if (Avx2.IsSupported)
            {
                RowOfFours(ref MemoryMarshal.GetReference(row), weights, ref target);
            }
            else
            {
                Row(ref MemoryMarshal.GetReference(row), weights, ref target);
            }
        }
    }

    /// <summary>The image at its new size, once all rows are there: toHeight × toWidth × 3 bytes.</summary>
    public byte[] Finish()
    {
        if (_rows < _height)
        {
            throw new InvalidOperationException($"Only {_rows} of {_height} rows have been added.");
        }

        var across = _across.AsSpan(0, _toWidth * _height * Channels);
        return _height == _toHeight ? across.ToArray() : Columns(across, _toWidth, _height, _toHeight);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_across);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row(ref byte row, LanczosWeights weights, ref byte target)
    {
        ref var all = ref MemoryMarshal.GetArrayDataReference(weights.Values);
        for (var x = 0; x < weights.First.Length; x++)
        {
            var sum = Vector128.Create(1 << (LanczosWeights.FractionBits - 1));
            ref var pixel = ref Unsafe.Add(ref row, weights.First[x] * Channels);
            ref var weight = ref Unsafe.Add(ref all, x * weights.TapsMax);
            for (var k = 0; k < weights.Counts[x]; k++)
            {
                // The bytes of one pixel as numbers of 32 bits; indices out of range give zero.
                var numbers = Vector128.Shuffle(
                    Vector128.LoadUnsafe(ref pixel, (nuint)(k * Channels)),
                    Vector128.Create((byte)0, 255, 255, 255, 1, 255, 255, 255, 2, 255, 255, 255, 255, 255, 255, 255)).AsInt32();
                sum += numbers * Vector128.Create(Unsafe.Add(ref weight, k));
            }

            Write(sum, ref target, x);
        }
    }

    /// <summary>
    /// The same sums, four pixels at once: 16-bit products, added in pairs, take a third of the time of 32-bit ones. A weight has more than 16 bits
    /// and is split: weight = upper × 2^11 + lower.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowOfFours(ref byte row, LanczosWeights weights, ref byte target)
    {
        ref var all = ref MemoryMarshal.GetArrayDataReference(weights.Pairs);
        // Red of four pixels and green of four in the lower half, blue in the upper; an index of 128 and more gives zero.
        var order = Vector256.Create(
            (byte)0, 128, 3, 128, 6, 128, 9, 128, 1, 128, 4, 128, 7, 128, 10, 128,
            2, 128, 5, 128, 8, 128, 11, 128, 128, 128, 128, 128, 128, 128, 128, 128);
        for (var x = 0; x < weights.First.Length; x++)
        {
            var (upper, lower) = (Vector256<int>.Zero, Vector256<int>.Zero);
            ref var pixel = ref Unsafe.Add(ref row, weights.First[x] * Channels);
            ref var pair = ref Unsafe.Add(ref all, x * weights.PairStride);
            for (var k = 0; k < weights.Counts[x]; k += LanczosWeights.PixelsAtOnce, pair = ref Unsafe.Add(ref pair, 2))
            {
                var some = Vector128.LoadUnsafe(ref pixel, (nuint)(k * Channels));
                var numbers = Avx2.Shuffle(Vector256.Create(some, some), order).AsInt16();
                upper += Avx2.MultiplyAddAdjacent(numbers, Vector256.Create(pair).AsInt16());
                lower += Avx2.MultiplyAddAdjacent(numbers, Vector256.Create(Unsafe.Add(ref pair, 1)).AsInt16());
            }

            var halves = (upper << LanczosWeights.SplitBits) + lower; // two sums for each channel
            var sums = Avx2.HorizontalAdd(halves, halves);
            var both = Vector128.Create(sums.GetLower().AsInt64().ToScalar(), sums.GetUpper().AsInt64().ToScalar());
            var sum = both.AsInt32() + Vector128.Create(1 << (LanczosWeights.FractionBits - 1));
            Write(sum, ref target, x);
        }
    }

    /// <summary>Writes a pixel from its three sums, as four bytes, of which the next pixel overwrites the last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(Vector128<int> sums, ref byte target, int x)
    {
        var bytes = Vector128.Narrow(Vector128.Narrow(Clamped(sums), Vector128<uint>.Zero), Vector128<ushort>.Zero);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, x * Channels), bytes.AsUInt32().ToScalar());
    }

    /// <summary>Resizes along the columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte[] Columns(ReadOnlySpan<byte> source, int width, int height, int toHeight)
    {
        var weights = LanczosWeights.For(height, toHeight);
        var line = width * Channels;
        var target = GC.AllocateUninitializedArray<byte>(toHeight * line);
        for (var y = 0; y < toHeight; y++)
        {
            var rows = source[(weights.First[y] * line)..];
            var to = target.AsSpan(y * line, line);
            var some = weights.Values.AsSpan(y * weights.TapsMax, weights.Counts[y]);
            var x = 0;
            for (; x <= line - Vector128<byte>.Count; x += Vector128<byte>.Count)
            {
                var half = Vector128.Create(1 << (LanczosWeights.FractionBits - 1));
                var (a, b, c, d) = (half, half, half, half);
                for (var k = 0; k < some.Length; k++)
                {
                    var (low, high) = Vector128.Widen(Vector128.Create(rows.Slice((k * line) + x, Vector128<byte>.Count)));
                    var (w1, w2) = Vector128.Widen(low);
                    var (w3, w4) = Vector128.Widen(high);
                    var weight = Vector128.Create(some[k]);
                    a += w1.AsInt32() * weight;
                    b += w2.AsInt32() * weight;
                    c += w3.AsInt32() * weight;
                    d += w4.AsInt32() * weight;
                }

                Vector128.Narrow(Vector128.Narrow(Clamped(a), Clamped(b)), Vector128.Narrow(Clamped(c), Clamped(d))).CopyTo(to[x..]);
            }

            for (; x < line; x++)
            {
                var sum = 1 << (LanczosWeights.FractionBits - 1);
                for (var k = 0; k < some.Length; k++)
                {
                    sum += rows[(k * line) + x] * some[k];
                }

                to[x] = (byte)Math.Clamp(sum >> LanczosWeights.FractionBits, 0, 255);
            }
        }

        return target;
    }

    private static Vector128<uint> Clamped(Vector128<int> sums) =>
        Vector128.Min(Vector128.Max(sums >> LanczosWeights.FractionBits, Vector128<int>.Zero), Vector128.Create(255)).AsUInt32();
}
