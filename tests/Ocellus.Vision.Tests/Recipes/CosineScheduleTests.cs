using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class CosineScheduleTests
{
    // Of 100 steps, 20 warm up: (step + 1) / 20 · (½ + ½ cos(π · step / 100)) + 0.01.
    [Theory]
    [InlineData(0, .06)] // 1/20 · 1
    [InlineData(50, .51)] // ½ + ½ cos(π / 2)
    [InlineData(100, .01)] // the floor
    public void The_rate_warms_up_and_falls_along_half_a_cosine(int step, double share)
    {
        Assert.Equal(share, new CosineSchedule(20).Share(step, 100), 1e-12);
        Assert.Equal(share, new CosineSchedule(20).Share(step, 100, step / 100.0), 1e-12);
    }

    [Fact]
    public void Warming_up_takes_at_most_a_quarter_of_the_steps()
    {
        var schedule = new CosineSchedule(20);
        Assert.Equal(.26, schedule.Share(0, 16), 1e-12); // 1/4
        Assert.Equal(1.01, schedule.Share(0, 3), 1e-12); // a quarter of three is none
    }

    [Fact]
    public void A_place_on_the_cosine_stands_for_itself_when_the_number_of_steps_has_changed() =>
        Assert.Equal(.51, new CosineSchedule(20).Share(80, 100, position: .5), 1e-12);
}
