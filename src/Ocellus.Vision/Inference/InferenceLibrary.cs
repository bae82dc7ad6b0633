using NetVips;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Inference;

/// <summary>The native libraries behind inference: ONNX Runtime and libvips.</summary>
public static class InferenceLibrary
{
    /// <summary>Side of the smallest image the backbone takes.</summary>
    private const int Side = 32;

    // Once a process is enough, whatever number of servers it runs.
    private static readonly Lazy<bool> _warm = new(Run);

    /// <summary>
    /// Loads them and runs each once, with the bundled backbone and an image of no content, so that the first model of a process starts as
    /// fast as the second, and a stopped one leaves no more memory behind than was there before.
    /// </summary>
    /// <exception cref="DllNotFoundException">A library does not load on this machine.</exception>
    public static void WarmUp() => _ = _warm.Value;

    private static bool Run()
    {
        using var extractor = new FeatureExtractor(FeatureExtractor.DefaultBackbone, 1);
        _ = extractor.Embed(new float[3 * Side * Side], 1, Side, Side);
        using var black = Image.Black(2 * Side, 2 * Side, bands: 3);
        _ = ImageDecoder.DecodeSquashed(black.JpegsaveBuffer(), Side, Side);
        _ = ImageDecoder.DecodeSquashed(black.PngsaveBuffer(), Side, Side);
        return true;
    }
}
