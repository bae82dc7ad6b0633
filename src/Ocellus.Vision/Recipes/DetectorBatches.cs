using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Recipes;

/// <summary>Images and true boxes of one step.</summary>
/// <param name="Pixels">[B, H, W, 3], normalised.</param>
/// <param name="Truth">True boxes of each image.</param>
internal sealed record DetectorBatch(float[] Pixels, TrueBox[][] Truth);

/// <summary>Makes the batches of a detector's training. Each depends only on its step and the seed, so a resumed training sees the same ones.</summary>
/// <param name="task">The images.</param>
/// <param name="plan">Seed, and the share of mosaics.</param>
/// <param name="views">Random views of the images.</param>
internal sealed class DetectorBatches(DetectorTask task, DetectorPlan plan, DetectorViews views)
{
    // In the last quarter, views look like the images that the model will see.
    private const double MosaicUntil = .75;

    private readonly StepBuffers _buffers = new();

    /// <summary>The views of a step.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="count">Images a step.</param>
    public DetectorBatch Make(int step, int steps, int count)
    {
        double mosaic = step < MosaicUntil * steps ? plan.Mosaic : 0;
        float[] pixels = _buffers.For(step, count * views.ValuesPerView);
        var truth = new TrueBox[count][];
        for (int i = 0; i < truth.Length; i++)
        {
            // Passes follow one another without a break, so every step has the same number of images, however few there are.
            long view = (long)step * truth.Length + i;
            int pass = (int)(view / task.Images.Count);
            int index = Order(pass)[(int)(view % task.Images.Count)];
            truth[i] = views.Random(index, pass, mosaic, pixels.AsSpan(i * views.ValuesPerView, views.ValuesPerView));
        }

        return new DetectorBatch(pixels, truth);
    }

    private int[] Order(int pass)
    {
        int[] order = [.. Enumerable.Range(0, task.Images.Count)];
#pragma warning disable CA5394 // Not security: the same seed must give the same order.
        new Random(unchecked(plan.Seed * 31 + pass)).Shuffle(order);
#pragma warning restore CA5394
        return order;
    }
}
