namespace Ocellus.Vision.Networks;

/// <summary>A linear layer on top of embeddings.</summary>
/// <param name="Weight">[labels, features], row by row.</param>
/// <param name="Bias">[labels].</param>
/// <param name="Features">Values of an embedding.</param>
internal sealed record LinearHead(float[] Weight, float[] Bias, int Features);

/// <summary>
/// A linear score of each location on c3 (averaged to stride 16) and c4; the mean of the highest scores decides, so that one small thing anywhere
/// counts however large the image is.
/// </summary>
/// <param name="Weight">[labels, <see cref="Channels"/>], row by row.</param>
/// <param name="Bias">[labels], added at each location.</param>
internal sealed record EvidenceHead(float[] Weight, float[] Bias)
{
    /// <summary>Channels of c3 and c4 together.</summary>
    public const int Channels = C3 + C4;

    /// <summary>Locations that decide, or all where there are fewer. One of them would be at the mercy of noise.</summary>
    public const int Best = 8;

    /// <summary>Pixels between locations.</summary>
    public const int Stride = 16;

    private const int C3 = 40, C4 = 112;

    /// <summary>Locations of an input.</summary>
    public static int Locations(int width, int height) => width / Stride * (height / Stride);

    /// <summary>Puts c3, averaged over 2×2, and c4 of one image into rows of channels.</summary>
    /// <param name="c3">[40, height / 8, width / 8].</param>
    /// <param name="c4">[112, height / 16, width / 16].</param>
    /// <param name="width">Of the input, pixels.</param>
    /// <param name="height">Of the input, pixels.</param>
    /// <param name="target">[<see cref="Channels"/>, locations], written.</param>
    public static void Join(ReadOnlySpan<float> c3, ReadOnlySpan<float> c4, int width, int height, Span<float> target)
    {
        int w = width / Stride, h = height / Stride, at = 0;
        for (int row = 0; row < C3 * h; row++)
        {
            ReadOnlySpan<float> upper = c3.Slice(4 * row * w, 2 * w), lower = c3.Slice((4 * row + 2) * w, 2 * w);
            for (int x = 0; x < w; x++)
            {
                target[at++] = .25f * (upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]);
            }
        }

        c4.CopyTo(target[at..]);
    }
}

/// <summary>What turns features into the logits of the labels: one of both parts, or their sum.</summary>
/// <param name="Average">On the embedding; null if only locations decide.</param>
/// <param name="Evidence">On the locations; null if only the average decides.</param>
internal sealed record ClassifierHead(LinearHead? Average, EvidenceHead? Evidence)
{
    /// <summary>Number of labels.</summary>
    public int Labels => Average?.Bias.Length ?? Evidence!.Bias.Length;

    /// <summary>The head whose logits are those of this one times a factor.</summary>
    public ClassifierHead Times(double factor) => new(
        Average is null ? null : Average with { Weight = Scaled(Average.Weight, factor), Bias = Scaled(Average.Bias, factor) },
        Evidence is null ? null : new EvidenceHead(Scaled(Evidence.Weight, factor), Scaled(Evidence.Bias, factor)));

    private static float[] Scaled(float[] values, double factor) => [.. values.Select(v => (float)(v * factor))];
}
