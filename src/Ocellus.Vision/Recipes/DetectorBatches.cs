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
        int[] images = step >= joinedAt ? _all : _first;
        double mosaic = step < MosaicUntil * steps ? plan.Mosaic ?? 0 : 0;
        float[] pixels = _buffers.For(step, count * views.ValuesPerView);
        var truth = new TrueBox[count][];
        for (int i = 0; i < truth.Length; i++)
        {
            // Passes follow one another without a break, so every step has the same number of images, however few there are.
            (int index, int pass) = At((long)step * count + i, step >= joinedAt ? (long)joinedAt.Value * count : null);
            truth[i] = views.Random(index, pass, mosaic, images, pixels.AsSpan(i * views.ValuesPerView, views.ValuesPerView));
        }

        return new DetectorBatch(pixels, truth);
    }

    /// <summary>Which image a view is of, and in which pass.</summary>
    /// <param name="view">Number of the view.</param>
    /// <param name="join">Number of the first view after the join; null before it.</param>
    private (int Index, int Pass) At(long view, long? join)
    {
        if (join is not { } first)
        {
            return InPasses(_first, view, 0);
        }

        // The pass that was under way goes on with the images that it has not shown and those that joined: a quick training has no other.
        int pass = (int)(first / _first.Length), shown = (int)(first % _first.Length);
        int[] rest = shown == 0 ? [] : [.. Order(_first, pass)[shown..], .. held];
        return view - first < rest.Length
            ? (Order(rest, pass)[(int)(view - first)], pass)
            : InPasses(_all, view - first - rest.Length, shown == 0 ? pass : pass + 1);
    }

    private (int Index, int Pass) InPasses(int[] images, long view, int from)
    {
        int pass = from + (int)(view / images.Length);
        return (Order(images, pass)[(int)(view % images.Length)], pass);
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
