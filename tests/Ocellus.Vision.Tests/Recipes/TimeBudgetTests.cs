using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class TimeBudgetTests
{
    [Fact]
    public void No_estimate_promises_more_than_is_left()
    {
        var clock = new HandClock();
        var budget = new TimeBudget(TimeSpan.FromSeconds(100), clock);
        Assert.Equal(40, budget.Cap(40));
        Assert.Equal(100, budget.Cap(1_979));
        clock.Now += TimeSpan.FromSeconds(70);
        Assert.Equal(30, budget.Cap(40));
        Assert.Null(budget.Cap(null));
        budget.SecondsBefore = 20; // a run before an interruption
        Assert.Equal((90, 10), (budget.Seconds, budget.SecondsLeft));
        clock.Now += TimeSpan.FromSeconds(11);
        Assert.Null(budget.Cap(40)); // what must still be done takes a time that nobody knows
        Assert.Equal(0, budget.Cap(0));
    }

    [Fact]
    public void Without_a_limit_an_estimate_stands()
    {
        var budget = new TimeBudget(null, new HandClock());
        Assert.Equal(1_979, budget.Cap(1_979));
        Assert.Null(budget.Shortfall(1, 840));
    }

    [Fact]
    public void What_the_limit_cost_is_told_in_steps()
    {
        var budget = new TimeBudget(TimeSpan.FromSeconds(272), new HandClock());
        Assert.StartsWith(
            "Learning ended after 557 steps of 840 planned, because of the time limit of 4.5 min", budget.Shortfall(557, 840), StringComparison.Ordinal);
        Assert.Null(budget.Shortfall(840, 840));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void However_the_machine_slows_down_progress_moves_and_the_estimate_holds(int seed)
    {
        const int wanted = 840;
        var clock = new HandClock();
        var limit = TimeSpan.FromSeconds(272);
        var budget = new TimeBudget(limit, clock);
        var reports = new List<(TrainingProgress Report, TimeSpan At)>();
        var progress = new PacedProgress(new Collect(report => reports.Add((report, clock.Now))), budget, clock);
        var pacer = new StepPacer(span: 10, clock);
        pacer.Restart();
        // Not security: any times.
#pragma warning disable CA5394
        var random = new Random(seed);
        int step = 0, steps = wanted;
        while (step < steps)
        {
            // From time to time another program takes the cores for a while.
            clock.Now += TimeSpan.FromSeconds(.3 * (step / 50 % 2 == 0 ? 1 : 8) * (.8 + .4 * random.NextDouble()));
#pragma warning restore CA5394
            step++;
            pacer.StepEnded();
            if (pacer.IsTelling(budget.LimitSeconds) && step < steps)
            {
                steps = StepPacer.Fit(step, steps, wanted, budget.SecondsLeft, pacer.SecondsPerStep!.Value);
            }

            progress.ReportIfDue(() => new TrainingProgress("training", 0, 5, null, pacer.SecondsPerStep * (steps - step)) { Step = step, Steps = steps });
        }

        Assert.True(reports.Count > 50);
        Assert.All(reports, r => Assert.True(r.Report.SecondsLeft is null || r.At.TotalSeconds + r.Report.SecondsLeft <= limit.TotalSeconds + 1e-6));
        Assert.All(reports.Zip(reports.Skip(1)), pair => Assert.True(pair.Second.Report.Step > pair.First.Report.Step));
        Assert.True(clock.Now.TotalSeconds < limit.TotalSeconds * StepPacer.Tolerance + 8 * .3 * 1.2 * 10); // the last ten steps may all have become slow
    }

    [Fact]
    public void A_total_that_varies_a_little_is_told_as_before_until_the_end()
    {
        var told = new List<int>();
        var progress = new PacedProgress(new Collect(report => told.Add(report.Steps)), new TimeBudget(null, new HandClock()), new HandClock());
        (int Step, int Steps)[] course = [(1, 500), (2, 510), (3, 495), (4, 560), (5, 640), (6, 630), (7, 560), (550, 555), (555, 555)];
        foreach ((int step, int steps) in course)
        {
            progress.Report(new TrainingProgress("training", 0, 5, null, null) { Step = step, Steps = steps });
        }

        Assert.Equal([500, 500, 500, 500, 640, 640, 560, 560, 555], told);
    }

    private sealed class Collect(Action<TrainingProgress> seen) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => seen(value);
    }
}
