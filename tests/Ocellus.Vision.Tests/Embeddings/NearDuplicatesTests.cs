using NetVips;
using Ocellus.Vision.Embeddings;

namespace Ocellus.Vision.Tests.Embeddings;

public sealed class NearDuplicatesTests
{
    // Cells on the same ground are as uniform as sets of images get.
    [Theory]
    [InlineData("half the size, worse compression")]
    [InlineData("brighter")]
    [InlineData("mirrored")]
    [InlineData("cropped by a fortieth a side")]
    public void A_changed_copy_is_found_and_nothing_else(string change)
    {
        byte[][] files = [.. SampleCells.Files.Where((_, i) => i % 6 == 0)];
        int copied = 0;
        byte[][] copies = [.. files.Where((_, i) => i % 4 == 0).Select(f => Changed(f, change))];
        using var embedder = new ImageEmbedder();
        ImageFingerprint[] all = [.. files.Concat(copies).Select(f => embedder.Fingerprint(f))];

        IReadOnlyList<DuplicatePair> pairs = NearDuplicates.Find(all, new string?[all.Length], TestContext.Current.CancellationToken);

        foreach (DuplicatePair pair in pairs)
        {
            Assert.Equal((pair.First, change == "mirrored"), ((pair.Second - files.Length) * 4, pair.Mirrored));
            copied++;
        }

        Assert.True(copied >= copies.Length - 1, $"{copied} of {copies.Length} copies were found");
    }

    [Fact]
    public void Equal_files_are_paired_with_the_first_of_them()
    {
        ImageFingerprint print = Print(0, 0x0123_4567_89AB_CDEF), other = Print(1, ~0x0123_4567_89AB_CDEFUL);

        IReadOnlyList<DuplicatePair> pairs = NearDuplicates.Find([print, other, print, null, print], ["a", "b", "a", null, "a"], TestContext.Current.CancellationToken);

        Assert.Equal([(0, 2, true), (0, 4, true)], pairs.Select(p => (p.First, p.Second, p.Exact)));
    }

    [Fact]
    public void A_hash_alone_or_an_embedding_alone_is_not_enough()
    {
        ImageFingerprint a = Print(0, 0xF0F0), sameHash = Print(1, 0xF0F0), sameEmbedding = Print(0, ~0xF0F0UL);

        Assert.Empty(NearDuplicates.Find([a, sameHash, sameEmbedding], new string?[3], TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_stored_fingerprint_comes_back_and_other_bytes_do_not()
    {
        ImageFingerprint print = Print(7, 42);

        ImageFingerprint? back = ImageFingerprint.FromBytes(print.ToBytes());

        Assert.Equal(print.Hash, back!.Hash);
        Assert.Equal(print.Embedding, back.Embedding);
        Assert.Null(ImageFingerprint.FromBytes(print.ToBytes().AsSpan(1)));
        Assert.Null(ImageFingerprint.FromBytes([.. Enumerable.Repeat((byte)0xFF, ImageFingerprint.Bytes)]));
    }

    private static byte[] Changed(byte[] file, string change)
    {
        using Image image = Image.NewFromBuffer(file);
        switch (change)
        {
            case "brighter":
                using (Image brighter = (image * 1.1 + 8).Cast(Enums.BandFormat.Uchar))
                {
                    return brighter.JpegsaveBuffer(q: 90);
                }

            case "mirrored":
                using (Image mirrored = image.FlipHor())
                {
                    return mirrored.JpegsaveBuffer(q: 90);
                }

            case "cropped by a fortieth a side":
                int x = image.Width / 40, y = image.Height / 40;
                using (Image cropped = image.Crop(x, y, image.Width - 2 * x, image.Height - 2 * y))
                {
                    return cropped.JpegsaveBuffer(q: 90);
                }

            default:
                using (Image half = image.Resize(.5))
                {
                    return half.JpegsaveBuffer(q: 60);
                }
        }
    }

    private static ImageFingerprint Print(int axis, ulong hash)
    {
        var values = new Half[ImageFingerprint.Length];
        values[axis] = (Half)1;
        return new ImageFingerprint(values, hash);
    }
}
