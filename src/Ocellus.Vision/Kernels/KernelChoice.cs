namespace Ocellus.Vision.Kernels;

/// <summary>Which convolution kernels train networks. Results are the same up to rounding.</summary>
public enum KernelChoice
{
    /// <summary>Those of this library where they are faster: a step takes about half the time.</summary>
    Own,

    /// <summary>Those of libtorch alone: to compare with, and to fall back on.</summary>
    Libtorch,
}
