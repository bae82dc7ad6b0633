using System.Globalization;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Bounds a detector's input by the time of its answers, and tells what they cost.</summary>
internal static class DetectorAnswer
{
    /// <summary>Minimum long side in pixels: in a smaller input the finest points see next to nothing.</summary>
    public const int LongSideMin = 128;

    /// <summary>The input that suits the data, or the largest smaller one whose answers take no longer than allowed; at least the smallest there is.</summary>
    /// <param name="suited">The input that suits the data.</param>
    /// <param name="ofLongSide">The input with another long side.</param>
    /// <param name="most">Maximum time of an answer on one core.</param>
    /// <param name="measure">Time of an answer with an input.</param>
    public static DetectorInput Within(DetectorInput suited, Func<int, DetectorInput> ofLongSide, TimeSpan most, Func<DetectorInput, TimeSpan> measure)
    {
        DetectorInput input = suited;
        while (input.LongSide > LongSideMin && measure(input) is var time && time > most)
        {
            // A network's time goes with the area, and other parts stay: so this is hardly ever too small, and is measured again.
            int side = (int)(input.LongSide * Math.Sqrt(most / time)) / DetectorInput.Multiple * DetectorInput.Multiple;
            input = ofLongSide(Math.Clamp(side, LongSideMin, input.LongSide - DetectorInput.Multiple));
        }

        // On a busy machine one time may have been much too long.
        for (int side = input.LongSide + DetectorInput.Multiple; side < suited.LongSide; side += DetectorInput.Multiple)
        {
            DetectorInput larger = ofLongSide(side);
            if (measure(larger) > most)
            {
                break;
            }

            input = larger;
        }

        return input;
    }

    /// <summary>Time of an answer on one core, measured with the weights that a training starts from.</summary>
    public static TimeSpan Of(DetectorTask task, DetectorPlan plan, OnnxFile backbone, DetectorInput input)
    {
        using var scope = NewDisposeScope();
        using var network = new DetectorNetwork(task, plan, backbone, input);
        var description = new ModelDescription(
            ModelKinds.Localization, task.Labels, input.Width, input.Height, "fit", "", new Dictionary<string, string>(StringComparer.Ordinal));
        return AnswerTime.Of(network.Export(LogitScale.None), description, task.Images.Read(0));
    }

    /// <summary>Such as: The input is 416×320 pixels. An answer takes about 28 ms on one core.</summary>
    /// <param name="input">The input of the model.</param>
    /// <param name="suited">The one that suits the data.</param>
    /// <param name="most">Maximum time of an answer; null for no maximum.</param>
    /// <param name="answer">Time of the model's answer.</param>
    public static string Text(DetectorInput input, DetectorInput suited, TimeSpan? most, TimeSpan answer)
    {
        string bound = most is { } time && input != suited
            ? string.Create(
                CultureInfo.InvariantCulture,
                $" instead of {suited}, for the sake of answers within {time.TotalMilliseconds:0.##} ms; small objects are found less well")
            : "";
        string impossible = most is { } asked && answer > asked && input.LongSide <= LongSideMin
            ? string.Create(
                CultureInfo.InvariantCulture, $", longer than the {asked.TotalMilliseconds:0.##} ms that were asked for: no smaller input is of use")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"The input is {input} pixels{bound}. An answer takes about {Math.Max(1, answer.TotalMilliseconds):0} ms on one core{impossible}.");
    }
}
