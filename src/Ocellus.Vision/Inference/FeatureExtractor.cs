using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Ocellus.Vision.Inference;

/// <summary>Opens sessions of ONNX Runtime, all with the same options.</summary>
internal static class Sessions
{
    // On Windows, events go to the system's tracing, which OnnxTelemetry's variable does not stop.
    static Sessions() => OrtEnv.Instance().DisableTelemetryEvents();

    /// <summary>A session over the content of an ONNX file.</summary>
    public static InferenceSession Open(byte[] model, int threads)
    {
        using SessionOptions options = Options(threads);
        return new InferenceSession(model, options);
    }

    /// <summary>A session over an ONNX file, which the library reads itself: no copy passes through managed memory.</summary>
    public static InferenceSession Open(string path, int threads)
    {
        using SessionOptions options = Options(threads);
        return new InferenceSession(path, options);
    }

    private static SessionOptions Options(int threads)
    {
        var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        // Spinning pool threads would take cores from decoding and other requests.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return options;
    }
}

/// <summary>Embeddings of the frozen backbone through ONNX Runtime, which is several times faster than libtorch here. Thread-safe.</summary>
public sealed class FeatureExtractor : IDisposable
{
    private readonly InferenceSession _session;

    public FeatureExtractor(string path, int threads) => _session = Sessions.Open(path, threads);

    /// <param name="backbone">Content of the ONNX file.</param>
    /// <param name="threads">Threads of one call.</param>
    public FeatureExtractor(byte[] backbone, int threads) => _session = Sessions.Open(backbone, threads);

    /// <summary>Where the build puts the pretrained backbone.</summary>
    public static string DefaultBackbone => Path.Combine(AppContext.BaseDirectory, "backbone", "efficientnet-lite0.onnx");

    /// <summary>Normalises interleaved RGB to the network's planes.</summary>
    public static void Normalise(ReadOnlySpan<byte> rgb, Span<float> planes)
    {
        int area = rgb.Length / 3;
        for (int i = 0; i < area; i++)
        {
            planes[i] = (rgb[3 * i] - 127f) / 128f;
            planes[area + i] = (rgb[3 * i + 1] - 127f) / 128f;
            planes[2 * area + i] = (rgb[3 * i + 2] - 127f) / 128f;
        }
    }

    /// <summary>The embedding [N,1280], flat, of normalised images [N,3,height,width].</summary>
    public float[] Embed(float[] planes, int count, int height, int width)
    {
        var input = new DenseTensor<float>(planes.AsMemory(0, count * 3 * height * width), [count, 3, height, width]);
        using var results = _session.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["embedding"]);
        return results[0].AsTensor<float>().ToArray();
    }

    /// <summary>Embedding [1280], c3 [40,height/8,width/8] and c4 [112,height/16,width/16] of one normalised image [3,height,width].</summary>
    internal (float[] Embedding, float[] C3, float[] C4) Maps(float[] planes, int height, int width)
    {
        var input = new DenseTensor<float>(planes.AsMemory(0, 3 * height * width), [1, 3, height, width]);
        using var results = _session.Run([NamedOnnxValue.CreateFromTensor("image", input)], ["embedding", "c3", "c4"]);
        return (results[0].AsTensor<float>().ToArray(), results[1].AsTensor<float>().ToArray(), results[2].AsTensor<float>().ToArray());
    }

    public void Dispose() => _session.Dispose();
}
