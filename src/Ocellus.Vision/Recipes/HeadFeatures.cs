using System.Collections.Concurrent;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Frozen features of images or of views of them, to fit heads on.</summary>
/// <param name="Embeddings">[rows, <see cref="EfficientNetLite0.EmbeddingSize"/>], flat.</param>
/// <param name="Maps">For each row [<see cref="EvidenceHead.Channels"/>, locations]; empty if no head needs them. Owned by the current dispose scope.</param>
internal sealed record HeadFeatures(float[] Embeddings, Tensor[] Maps)
{
    /// <summary>Number of rows.</summary>
    public int Rows => Embeddings.Length / EfficientNetLite0.EmbeddingSize;

    /// <summary>Bytes of a row with its map.</summary>
    public static long RowBytes(ClassifierInput input, bool maps) =>
        sizeof(float) * (EfficientNetLite0.EmbeddingSize + (maps ? (long)EvidenceHead.Channels * EvidenceHead.Locations(input.Width, input.Height) : 0));

    /// <summary>Features of one row after another, several at a time; each depends only on its own view.</summary>
    /// <param name="extractor">With one thread a call.</param>
    /// <param name="input">Size of the views.</param>
    /// <param name="maps">Whether maps are needed.</param>
    /// <param name="rows">Rows to compute.</param>
    /// <param name="view">Writes the normalised view of a row into [3, height, width].</param>
    /// <param name="threads">Rows at a time.</param>
    /// <param name="done">Called after each row with their number so far; false ends the computation early.</param>
    /// <param name="cancel">Ends it with an exception.</param>
    public static HeadFeatures Extract(
        FeatureExtractor extractor, ClassifierInput input, bool maps, int rows, ViewWriter view, int threads, Func<int, bool> done, CancellationToken cancel)
    {
        int width = EfficientNetLite0.EmbeddingSize, locations = EvidenceHead.Locations(input.Width, input.Height), count = 0;
        var embeddings = new float[checked(rows * width)];
        Tensor[] tensors = maps ? [.. Enumerable.Range(0, rows).Select(_ => empty(EvidenceHead.Channels, locations))] : [];
        // In order, and one row at a time for each thread: what is done when time runs out is a beginning of the rows.
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        var order = Partitioner.Create(Enumerable.Range(0, rows), EnumerablePartitionerOptions.NoBuffering);
        Parallel.ForEach(order, options, () => new float[input.Values], (row, state, planes) =>
        {
            view(row, planes);
            if (maps)
            {
                (float[] embedding, float[] c3, float[] c4) = extractor.Maps(planes, input.Height, input.Width);
                embedding.CopyTo(embeddings, row * width);
                EvidenceHead.Join(c3, c4, input.Width, input.Height, TensorValues.Of(tensors[row]));
            }
            else
            {
                extractor.Embed(planes, 1, input.Height, input.Width).CopyTo(embeddings, row * width);
            }

            if (!done(Interlocked.Increment(ref count)))
            {
                state.Stop();
            }

            return planes;
        }, _ => { });
        return new HeadFeatures(embeddings, tensors);
    }
}

/// <summary>Writes the normalised view of a row into [3, height, width].</summary>
internal delegate void ViewWriter(int row, float[] planes);
