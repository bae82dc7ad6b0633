namespace Ocellus.Vision.Kernels;

/// <summary>Convolutions by choice.</summary>
internal static class Convolutions
{
    private static readonly OwnConvolutions Own = new();
    private static readonly LibtorchConvolutions Libtorch = new();

    public static IConvolutions Of(KernelChoice kernels) => kernels switch
    {
        KernelChoice.Own => Own,
        KernelChoice.Libtorch => Libtorch,
    };
}
