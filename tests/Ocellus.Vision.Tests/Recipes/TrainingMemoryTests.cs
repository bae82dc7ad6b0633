using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class TrainingMemoryTests
{
    [Theory]
    [InlineData(10_000, 16)]
    [InlineData(2_500, 16)] // (400 + 16 · 100) / 0.8
    [InlineData(2_499, 8)]
    [InlineData(1_000, 4)]
    public void The_batch_is_halved_until_it_fits(long available, int batch) =>
        Assert.Equal(batch, TrainingMemory.Batch(16, 400, 100, available));

    [Fact]
    public void Without_a_known_size_the_wanted_batch_is_taken() => Assert.Equal(16, TrainingMemory.Batch(16, 400, 100, null));

    [Fact]
    public void Where_not_even_four_images_fit_the_message_names_both_sizes()
    {
        var refused = Assert.Throws<InsufficientMemoryException>(() => TrainingMemory.Batch(16, 400L << 20, 100L << 20, 800L << 20));
        Assert.Contains("800 MiB are available, and 1,000 MiB are needed for 4 images a step", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_system_says_how_much_is_available() => Assert.InRange(TrainingMemory.Available() ?? 1 << 20, 1 << 20, 1L << 46);
}
