using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class ClassifierInputTests
{
    [Theory]
    [InlineData(1280, 960, "224×224 320×256 448×320 576×448 800×608 1024×768")] // 4:3
    [InlineData(4000, 3000, "224×224 320×256 448×320 576×448 800×608 1024×768")] // a camera's: no larger than what a training can bear
    [InlineData(320, 240, "224×224 320×256")] // larger ones would show nothing new
    [InlineData(240, 240, "224×224 288×288")]
    [InlineData(96, 96, "224×224")]
    [InlineData(720, 240, "224×224 384×128 512×160 672×224 896×288")] // elongated: squashed, and in its own shape at the same cost
    [InlineData(240, 720, "224×224 128×384 160×512 224×672 288×896")]
    public void Inputs_grow_from_the_default_to_the_size_of_the_images(int width, int height, string expected)
    {
        IReadOnlyList<ClassifierInput> candidates = ClassifierInput.Candidates([(width, height)]);

        Assert.Equal(expected, string.Join(' ', candidates));
        Assert.False(candidates[0].KeepsAspect);
        Assert.All(candidates.Skip(1), c => Assert.True(c.KeepsAspect && c.Width % 32 == 0 && c.Height % 32 == 0));
        Assert.Equal(candidates.Skip(1).OrderBy(c => c.Cost), candidates.Skip(1));
    }

    [Fact]
    public void Images_of_one_height_are_all_shown_at_one_scale()
    {
        // One to three photographs of 240 × 240 side by side.
        (int, int)[] images = [.. Enumerable.Range(0, 40).Select(i => (240 * (1 + i % 3), 240))];

        ClassifierInput input = Assert.Single(ClassifierInput.Candidates(images), c => c.Height == 224 && c.KeepsAspect);

        Assert.Equal((672, 224), input.Shown(720, 240));
        Assert.Equal((448, 224), input.Shown(480, 240));
        Assert.Equal((224, 224), input.Shown(240, 240));
        Assert.Equal((224, 224), ClassifierInput.Square(224).Shown(720, 240));
    }

    [Theory]
    [InlineData(224, 224, 192, 192)]
    [InlineData(672, 224, 576, 192)]
    [InlineData(32, 32, 32, 32)]
    public void First_steps_use_a_smaller_input_of_the_same_kind(int width, int height, int smallWidth, int smallHeight) =>
        Assert.Equal(new ClassifierInput(smallWidth, smallHeight, true), new ClassifierInput(width, height, true).Scaled(6.0 / 7));

    [Theory]
    [InlineData(224, 224, 112)] // as ever
    [InlineData(672, 224, 168)] // three times as large: half as long again
    [InlineData(1024, 768, 268.8)] // the most
    public void A_larger_input_takes_longer_within_the_limit(int width, int height, double seconds)
    {
        var plan = new ClassifierPlan { TimeBudget = TimeSpan.FromSeconds(112), TimeLimit = TimeSpan.FromMinutes(30) };
        var input = new ClassifierInput(width, height, true);

        Assert.Equal(seconds, plan.TimeFor(input).TotalSeconds, 1.0);
        Assert.Equal(60, (plan with { TimeBudget = TimeSpan.FromSeconds(60), TimeLimit = TimeSpan.FromSeconds(60) }).TimeFor(input).TotalSeconds);
        Assert.Equal(112, (plan with { TimeLimit = null }).TimeFor(input).TotalSeconds);
    }

    [Theory]
    [InlineData(15, .5)] // 3 a label
    [InlineData(50, .5)]
    [InlineData(125, .75)]
    [InlineData(200, 1)]
    [InlineData(1000, 1)]
    public void With_few_images_a_label_the_weights_stay_near_the_pretrained_ones(int images, double share) =>
        Assert.Equal(share, new HeadPlan().TunedShare(images, labels: 5), 1e-9);
}
