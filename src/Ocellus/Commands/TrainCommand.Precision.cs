using System.CommandLine;
using Ocellus.Training;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    private static Option<TrainingPrecision?> PrecisionOption()
    {
        var precision = new Option<TrainingPrecision?>("--precision")
        {
            Description = "What the model computes with: float, or int8 for more answers from a core that has instructions for bytes. The 8-bit model is made "
                + "beside the float one and takes its place only if the test shows that F1 (for boxes mAP@0.5) falls by at most 0.005 and 98.5 % of the "
                + "best labels stay. [default: float]",
            HelpName = "float|int8",
            CustomParser = result =>
            {
                var text = result.Tokens[^1].Value;
                switch (text)
                {
                    case ModelPrecisions.FullPrecision:
                        return TrainingPrecision.Float;
                    case ModelPrecisions.EightBit:
                        return TrainingPrecision.Int8;
                    default:
                        result.AddError($"--precision is {text}; it is {ModelPrecisions.FullPrecision} or {ModelPrecisions.EightBit}.");
                        return null;
                }
            },
        };
        precision.CompletionSources.Add(ModelPrecisions.FullPrecision, ModelPrecisions.EightBit);
        return precision;
    }
}
