using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Quantization;

namespace Ocellus.Tests.Hosting;

/// <summary>The tiny model with an 8-bit one beside it, made once for all tests of a run.</summary>
internal static class TinyInt8
{
    private static readonly Lazy<QuantizedModel> Made = new(
        () => ModelQuantizer.Quantize(
            TinyModel.Result.Model, TinyModel.Result.Description, new ImageSource(6, i => TinyModel.Png(i % 3)), new QuantizationOptions { WeightBits = 7 }));

    public static byte[] Model => Made.Value.Model;

    /// <summary>Writes model.onnx, model.int8.onnx and model.json.</summary>
    public static void Save(string folder) => ModelFiles.Save(
        folder, TinyModel.Result.Model,
        TinyModel.Result.Description with
        {
            Thresholds = [.5, .5, .5],
            EightBit = new Int8Description("", [.4, .4, .4], Made.Value.Temperature, Made.Value.ScoreShift, 7),
        },
        Model);
}
