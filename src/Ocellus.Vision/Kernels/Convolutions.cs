namespace Ocellus.Vision.Kernels;

/// <summary>The convolutions of each choice.</summary>
internal static class Convolutions
{
    private static readonly OwnConvolutions _own = new();
    private static readonly LibtorchConvolutions _libtorch = new();

    public static IConvolutions Of(KernelChoice kernels) => kernels switch
    {
        KernelChoice.Own => _own,
        KernelChoice.Libtorch => _libtorch,
    };
}
