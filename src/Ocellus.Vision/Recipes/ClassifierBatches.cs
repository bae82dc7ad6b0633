namespace Ocellus.Vision.Recipes;

/// <summary>Images and targets of one step: planes [Count, 3, Height, Width] normalised, targets [Count, labels].</summary>
internal sealed record ClassifierBatch(float[] Planes, float[] Targets, int Count, int Width, int Height);

/// <summary>Makes the batches of fine-tuning. Each depends only on its step and the seed, so a resumed training sees the same ones.</summary>
/// <param name="task">Images and their labels.</param>
/// <param name="plan">Seed and smoothing.</param>
/// <param name="views">Random views of the images.</param>
/// <param name="count">Images a step.</param>
internal sealed class ClassifierBatches(ClassifierTask task, ClassifierPlan plan, ClassifierViews views, int count)
{
    private readonly StepBuffers _buffers = new();

    /// <summary>The images of a step. Passes over the pool follow one another without a break, each in its own order.</summary>
    /// <param name="step">Number of the step.</param>
    /// <param name="pool">Indexes of the images to take from.</param>
    /// <param name="firstStep">The first step that takes from this pool.</param>
    /// <param name="size">Size of the views.</param>
    public ClassifierBatch Make(int step, int[] pool, int firstStep, ClassifierInput size)
    {
        int one = size.Values, labels = task.Labels.Count;
        float[] planes = _buffers.For(step, count * one);
        var targets = new float[count * labels];
        // Without label smoothing, a handful of images is soon memorised.
        double uniform = plan.LabelSmoothing / (task.MultiLabel ? 2 : labels);
        Array.Fill(targets, (float)uniform);
        int[] order = [];
        int orderedPass = -1;
        for (int i = 0; i < count; i++)
        {
            int at = (step - firstStep) * count + i, pass = at / pool.Length;
            if (pass != orderedPass)
            {
                order = [.. pool];
                // Not security: the order must repeat for a seed.
#pragma warning disable CA5394
                new Random(ViewSeed.Of(plan.Seed, firstStep, pass)).Shuffle(order);
#pragma warning restore CA5394
                orderedPass = pass;
            }

            int image = order[at % pool.Length];
            views.Random(image, unchecked(firstStep * 10_007 + pass + 1), size, planes.AsSpan(i * one, one));
            foreach (int l in task.Targets[image])
            {
                targets[i * labels + l] = (float)(1 - plan.LabelSmoothing + uniform);
            }
        }

        return new ClassifierBatch(planes, targets, count, size.Width, size.Height);
    }

    /// <summary>A batch of random numbers, to time a step with.</summary>
    public ClassifierBatch Noise()
    {
        var planes = new float[count * views.Input.Values];
        // Not security: any values will do, except zeros, which compute faster.
#pragma warning disable CA5394
        var random = new Random(plan.Seed);
        for (int i = 0; i < planes.Length; i++)
        {
            planes[i] = random.NextSingle() - .5f;
        }
#pragma warning restore CA5394
        return new ClassifierBatch(planes, new float[count * task.Labels.Count], count, views.Input.Width, views.Input.Height);
    }
}
