using NetVips;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Inference;

/// <summary>The native libraries behind inference: ONNX Runtime and libvips.</summary>
public static class InferenceLibrary
{
    /// <summary>Side of the smallest image the backbone takes.</summary>
    private const int Side = 32;

    // Once a process is enough, however many servers it runs.
    private static readonly Lazy<bool> _warm = new(Run);

    /// <summary>
    /// Loads both and runs each once, with the bundled backbone and a black image, so that the first model of a process starts as fast as
    /// the second, and memory after a model has stopped is as before its start.
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
