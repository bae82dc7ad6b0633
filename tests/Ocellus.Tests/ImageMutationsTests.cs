namespace Ocellus.Tests;

public sealed class ImageMutationsTests
{
    [Fact]
    public void The_same_seed_brings_the_same_damage_and_another_another()
    {
        var image = TestPng.Solid(64, 64, 10, 20, 30);
        byte[][] Many(int seed)
        {
            var random = new Random(seed);
            return [.. Enumerable.Range(0, 200).Select(_ => ImageMutations.Mutate(image, random))];
        }

        Assert.Equal(Many(1), Many(1));
        Assert.NotEqual(Many(1), Many(2));
        Assert.True(Many(1).Count(m => !m.AsSpan().SequenceEqual(image)) > 190, "nearly every image is changed");
    }
}
