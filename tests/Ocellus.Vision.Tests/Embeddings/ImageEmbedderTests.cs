using System.Numerics.Tensors;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Tests.Embeddings;

public sealed class ImageEmbedderTests
{
    [Fact]
    public void Many_images_give_what_each_gives_alone_and_null_where_there_is_no_image()
    {
        byte[][] files = [SampleCells.Files[0], [1, 2, 3], SampleCells.Files[^1]];
        using var embedder = new ImageEmbedder();
        int counted = 0;

        ImageFingerprint?[] all = embedder.Fingerprints(
            new ImageSource(3, i => files[i]), 2, n => Interlocked.Exchange(ref counted, Math.Max(counted, n)), TestContext.Current.CancellationToken);

        Assert.Equal(3, counted);
        Assert.Null(all[1]);
        Assert.Equal(embedder.Fingerprint(files[0]).ToBytes(), all[0]!.ToBytes());
        Assert.Equal(embedder.Fingerprint(files[2]).ToBytes(), all[2]!.ToBytes());
    }

    [Fact]
    public void A_box_around_the_whole_image_has_its_embedding_and_a_corner_has_another()
    {
        using var embedder = new ImageEmbedder();
        Half[] whole = embedder.Fingerprint(SampleCells.Files[0]).Embedding;

        Half[][] parts = embedder.EmbedBoxes(
            SampleCells.Files[0], [new Box(0, 0, 1, 1), new Box(.9f, .9f, .1f, .1f), new Box(2, 2, 0, 0)], TestContext.Current.CancellationToken);

        Assert.Equal(3, parts.Length);
        Assert.True(Cosine(whole, parts[0]) > .98);
        Assert.True(Cosine(whole, parts[1]) < Cosine(whole, parts[0]) - .05);
        Assert.Empty(embedder.EmbedBoxes(SampleCells.Files[0], [], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_is_no_image_is_refused()
    {
        using var embedder = new ImageEmbedder();

        Assert.Throws<ImageRefusedException>(() => embedder.Fingerprint("not an image"u8.ToArray()));
    }

    private static float Cosine(Half[] a, Half[] b) =>
        TensorPrimitives.CosineSimilarity<float>([.. a.Select(v => (float)v)], [.. b.Select(v => (float)v)]);
}
