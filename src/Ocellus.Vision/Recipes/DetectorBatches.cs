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
/// <param name="held">Images that are held back at first.</param>
internal sealed class DetectorBatches(DetectorTask task, DetectorPlan plan, DetectorViews views, int[] held)
{
    // In the last quarter, views look like the images that the model will see.
    private const double MosaicUntil = .75;

    private readonly StepBuffers _buffers = new();

    private readonly int[] _all = [.. Enumerable.Range(0, task.Images.Count)];

    // Those that are learnt from before the others join.
    private readonly int[] _first = [.. Enumerable.Range(0, task.Images.Count).Except(held)];

    /// <summary>The views of a step.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="count">Images a step.</param>
    /// <param name="joinedAt">The step from which the images that were held back are learnt from too; null if that is not known yet.</param>
    public DetectorBatch Make(int step, int steps, int count, int? joinedAt = null)
    {
        bool joined = step >= joinedAt;
        int[] images = joined ? _all : _first;
        int since = joined ? joinedAt!.Value : 0;
        // No pass of these images was seen before, and its views are new ones.
        int passes = (int)(((long)since * count + _first.Length - 1) / _first.Length);
        double mosaic = step < MosaicUntil * steps ? plan.Mosaic : 0;
        float[] pixels = _buffers.For(step, count * views.ValuesPerView);
        var truth = new TrueBox[count][];
        for (int i = 0; i < truth.Length; i++)
        {
            // Passes follow one another without a break, so every step has the same number of images, however few there are.
            long view = (long)(step - since) * truth.Length + i;
            int pass = passes + (int)(view / images.Length);
            int index = Order(images, pass)[(int)(view % images.Length)];
            truth[i] = views.Random(index, pass, mosaic, pixels.AsSpan(i * views.ValuesPerView, views.ValuesPerView));
        }

        return new DetectorBatch(pixels, truth);
    }

    private int[] Order(int[] images, int pass)
    {
        int[] order = [.. images];
#pragma warning disable CA5394 // Not security: the same seed must give the same order.
        new Random(unchecked(plan.Seed * 31 + pass)).Shuffle(order);
#pragma warning restore CA5394
        return order;
    }
}
