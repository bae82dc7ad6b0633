using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class StepPacerTests
{
    [Fact]
    public void The_pace_is_the_mean_of_the_latest_steps()
    {
        var clock = new HandClock();
        var pacer = new StepPacer(span: 3, clock);
        Assert.Null(pacer.SecondsPerStep);
        pacer.StepEnded();
        Assert.Null(pacer.SecondsPerStep); // one moment is no time
        Step(10);
        Assert.Equal(10, pacer.SecondsPerStep);
        Assert.False(pacer.IsTelling(1_000));
        Step(2);
        Assert.Equal(6, pacer.SecondsPerStep);
        Assert.True(pacer.IsTelling(1_000)); // as many as are kept
        Step(4);
        Assert.Equal(3, pacer.SecondsPerStep); // the ten are forgotten

        void Step(int seconds)
        {
            clock.Now += TimeSpan.FromSeconds(seconds);
            pacer.StepEnded();
        }
    }

    [Fact]
    public void A_few_slow_steps_are_enough_to_change_the_plan()
    {
        var clock = new HandClock();
        var pacer = new StepPacer(span: 41, clock);
        pacer.Restart();
        for (int steps = 1; steps <= 9; steps++)
        {
            clock.Now += TimeSpan.FromSeconds(3);
            pacer.StepEnded();
            // Two steps are 6 s, a twentieth of 120; nine are enough however short.
            Assert.Equal(steps >= 2, pacer.IsTelling(120));
            Assert.Equal(steps == 9, pacer.IsTelling(double.PositiveInfinity));
        }
    }

    [Fact]
    public void What_happens_between_two_measurements_does_not_count()
    {
        var clock = new HandClock();
        var pacer = new StepPacer(span: 3, clock);
        pacer.Restart();
        clock.Now += TimeSpan.FromSeconds(100);
        pacer.Restart();
        clock.Now += TimeSpan.FromSeconds(1);
        pacer.StepEnded();
        Assert.Equal(1, pacer.SecondsPerStep);
    }

    [Theory]
    [InlineData(10, 100, 100, 90, 1, 100)] // just enough time
    [InlineData(10, 100, 100, 86, 1, 100)] // 96 · 1.05 is more than 100
    [InlineData(10, 100, 100, 80, 1, 90)] // 90 · 1.05 is less
    [InlineData(10, 100, 100, 45, .5, 100)]
    [InlineData(10, 100, 100, 20, .5, 50)]
    [InlineData(10, 100, 200, 94, 1, 100)] // 104 is not more than 105
    [InlineData(10, 100, 200, 110, 1, 120)] // faster: more of those that are wanted
    [InlineData(10, 100, 110, 500, 1, 110)] // but never more than those
    [InlineData(10, 100, 100, 500, 1, 100)]
    [InlineData(10, 100, 100, -5, 1, 11)] // no time left: one more, so that there is an end
    public void Steps_fit_the_time_that_is_left(int step, int steps, int wanted, double left, double each, int expected) =>
        Assert.Equal(expected, StepPacer.Fit(step, steps, wanted, left, each));
}
