using System.Diagnostics;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Recipes;

/// <summary>Measures how long an answer takes.</summary>
internal static class AnswerTime
{
    private const int Runs = 5;

    /// <summary>Seconds of the fastest of a few runs: other programs can only make one longer.</summary>
    public static double Seconds(Action answer)
    {
        answer(); // the first one warms up
        double least = double.PositiveInfinity;
        for (int i = 0; i < Runs; i++)
        {
            long started = Stopwatch.GetTimestamp();
            answer();
            least = Math.Min(least, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        return least;
    }

    /// <summary>Time of a model's answer on one core, from the bytes of an image on.</summary>
    public static TimeSpan Of(byte[] model, ModelDescription description, byte[] image)
    {
        using var trained = new TrainedModel(model, description, threads: 1);
        var limits = new ImageLimits(SideMin: 1);
        return TimeSpan.FromSeconds(Seconds(() => trained.Predict([trained.Prepare(image, limits)])));
    }
}
