using Ocellus.Training.Evaluation;
using Ocellus.Training.Job;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Quantization;

namespace Ocellus.Training.Child;

/// <summary>The 8-bit model of a training that asks for one.</summary>
/// <param name="Model">Content of model.int8.onnx.</param>
/// <param name="Description">What is its own.</param>
/// <param name="Tested">How it did on the test images.</param>
/// <param name="Gate">How it compares with the float model.</param>
internal sealed record Int8Result(byte[] Model, Int8Description Description, TestedModel Tested, PrecisionGate Gate);

/// <summary>Makes the 8-bit model and puts it through the same test as the float model.</summary>
internal static class Int8Job
{
    /// <param name="input">Input of the training.</param>
    /// <param name="result">The float model.</param>
    /// <param name="cancel">Ends it between two images.</param>
    public static Int8Result Run(JobInput input, JobResult result, CancellationToken cancel)
    {
        var bits = Int8Speed.Here.Saturates ? 7 : 8;
        var quantized = ModelQuantizer.Quantize(
            result.Model, result.Description, input.Images(input.Content.Training.Usable),
            new QuantizationOptions { Threads = input.Threads, WeightBits = bits },
            (step, steps) => input.Progress.Report(new JobProgress("quantizing", step, steps, null, null)), cancel);
        var description = new Int8Description("", [], quantized.Temperature, quantized.ScoreShift, bits);
        using var model = new TrainedModel(quantized.Model, (result.Description with { EightBit = description }).OfInt8(), input.Threads);
        var tested = result.Test(model);
        var gate = tested.Scores is { } scores
            ? PrecisionGate.OfClassifiers(result.Tested.Report, tested.Report, result.Tested.Scores!, scores)
            : PrecisionGate.OfDetectors(result.Tested.Report, tested.Report, result.Tested.Boxes!, tested.Boxes!);
        return new(quantized.Model, description with { Thresholds = [.. tested.Report.Labels.Select(l => l.Threshold)] }, tested, gate);
    }
}
