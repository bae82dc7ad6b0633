using NetVips;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Tests.Hosting;

/// <summary>A real classifier of red, green and blue at 64 pixels, trained once for all tests of a run.</summary>
internal static class TinyModel
{
    public static readonly string[] Labels = ["red", "green", "blue"];

    private static readonly double[][] Colours = [[220, 30, 30], [30, 200, 40], [40, 40, 220]];

    private static readonly Lazy<ClassifierResult> Trained = new(Train);

    public static ClassifierResult Result => Trained.Value;

    /// <summary>Writes model.onnx and model.json.</summary>
    /// <param name="folder">Made if it is not there.</param>
    /// <param name="thresholds">A score for each label; null leaves them at one half.</param>
    public static void Save(string folder, double[]? thresholds = null) =>
        ModelFiles.Save(folder, Result.Model, Result.Description with { Thresholds = thresholds ?? [.5, .5, .5] });

    /// <summary>An image of one colour with a little noise that a JPEG can keep.</summary>
    public static Image Sample(int label, int width = 80, int height = 72)
    {
        using var plain = Image.Black(width, height, bands: 3) + Colours[label];
        using var noise = Image.Gaussnoise(width, height, sigma: 6, mean: 0, seed: label);
        using var sum = plain + noise;
        using var bytes = sum.Cast(Enums.BandFormat.Uchar);
        return bytes.Copy(interpretation: Enums.Interpretation.Srgb);
    }

    public static byte[] Png(int label)
    {
        using var image = Sample(label);
        return image.PngsaveBuffer();
    }

    public static byte[] Jpeg(int label, int width = 80, int height = 72)
    {
        using var image = Sample(label, width, height);
        return image.JpegsaveBuffer();
    }

    private static ClassifierResult Train()
    {
        byte[][] files = [.. Enumerable.Range(0, 12).Select(i => Png(i % 3))];
        var images = new ImageSource(files.Length, index => files[index]);
        var task = new ClassifierTask(images, [.. Enumerable.Range(0, 12).Select(i => (IReadOnlyList<int>)[i % 3])], Labels, MultiLabel: false);
        return ClassifierTrainer.Train(task, new ClassifierPlan { Size = 64, Views = 0, FineTune = false, Threads = 1, Regularisation = 1 });
    }
}
