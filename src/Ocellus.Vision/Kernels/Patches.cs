using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>
/// Turns a convolution with a large kernel over few channels into one with a 1×1 kernel: the values under the kernel at each position become
/// its channels, row by row of the kernel, padded with zeros to whole vectors.
/// </summary>
/// <remarks>Lets <see cref="ExpandedDepthwise"/> compute the stem, and can be removed with it.</remarks>
internal static class Patches
{
    private const int VectorSize = 8;

    /// <summary>[N,C,H,W] to [N, K·K·C and zeros, H', W'], both in channels-last strides. Gradients do not pass through.</summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="side">K.</param>
    /// <param name="stride">Pixels from one position to the next.</param>
    /// <param name="pads">Zeros above, left of, below and right of the input.</param>
    public static Tensor Of(Tensor input, long side, long stride, IReadOnlyList<int> pads)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor pixels = input.detach().permute(0, 2, 3, 1).contiguous(); // [N,H,W,C]
        var (images, height, width, channels) = ((int)pixels.shape[0], (int)pixels.shape[1], (int)pixels.shape[2], (int)pixels.shape[3]);
        var (k, step, top, left) = ((int)side, (int)stride, pads[0], pads[1]);
        int toHeight = (height + pads[0] + pads[2] - k) / step + 1, toWidth = (width + pads[1] + pads[3] - k) / step + 1, values = Padded(k * k * channels);
        Tensor patches = empty(images, toHeight, toWidth, values);
        Parallel.For(0, images * toHeight, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, row =>
        {
            ReadOnlySpan<float> from = TensorValues.Of(pixels).Slice(row / toHeight * height * width * channels, height * width * channels);
            Span<float> to = TensorValues.Of(patches).Slice(row * toWidth * values, toWidth * values);
            to.Clear(); // brings it into the cache, where it is then filled
            for (int ky = 0; ky < k; ky++)
            {
                int y = row % toHeight * step + ky - top;
                if ((uint)y >= (uint)height)
                {
                    continue;
                }

                ReadOnlySpan<float> line = from.Slice(y * width * channels, width * channels);
                for (int x = 0; x < toWidth; x++)
                {
                    int first = x * step - left, begin = Math.Max(first, 0), end = Math.Min(first + k, width);
                    if (begin < end)
                    {
                        Copy(line[(begin * channels)..(end * channels)], to[(x * values + (ky * k + begin - first) * channels)..]);
                    }
                }
            }
        });
        return patches.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>The weights [O,C,K,K] for such an input: [O, K·K·C and zeros, 1, 1]. Gradients pass through.</summary>
    public static Tensor Weights(Tensor weight)
    {
        using var scope = NewDisposeScope();
        long outputs = weight.shape[0], values = weight.numel() / outputs;
        return nn.functional.pad(
            weight.permute(0, 2, 3, 1).reshape(outputs, values), [0, Padded(values) - values]).reshape(outputs, -1, 1, 1).MoveToOuterDisposeScope();
    }

    // For so few values, a call of CopyTo takes longer than the copy.
    private static void Copy(ReadOnlySpan<float> from, Span<float> to)
    {
        int last = from.Length - VectorSize;
        if (last is < 0 or > VectorSize)
        {
            from.CopyTo(to);
            return;
        }

        to = to[..from.Length];
        Vector256<float> head = Vector256.LoadUnsafe(in from[0]), tail = Vector256.LoadUnsafe(in from[last]); // they overlap
        head.StoreUnsafe(ref to[0]);
        tail.StoreUnsafe(ref to[last]);
    }

    private static long Padded(long values) => (values + VectorSize - 1) / VectorSize * VectorSize;

    private static int Padded(int values) => (int)Padded((long)values);
}
