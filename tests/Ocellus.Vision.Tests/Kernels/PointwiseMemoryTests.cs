using Ocellus.Vision.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Kernels;

/// <summary>Alone: what other tests hold at the time would be counted.</summary>
[Collection(nameof(Alone))]
public sealed class PointwiseMemoryTests
{
    [Fact]
    public void What_is_kept_for_the_gradient_is_freed_with_it()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(8, 64, 64, 16).permute(0, 3, 1, 2), w = randn(96, 16, 1, 1).requires_grad_();
        Step();
        long before = Resident();

        for (int i = 0; i < 40; i++) // 12 MB each
        {
            Step();
        }

        Assert.InRange(Resident() - before, long.MinValue, 150 << 20);

        void Step()
        {
            using var inner = NewDisposeScope();
            Pointwise.Convolve(x, w, bias: null, activate: true).sum().backward();
        }
    }

    private static long Resident()
    {
        using var own = System.Diagnostics.Process.GetCurrentProcess();
        return own.WorkingSet64;
    }
}
