using Microsoft.Extensions.Time.Testing;
using Ocellus.Commands;
using Ocellus.Training.Job;

namespace Ocellus.Tests.Commands;

public sealed class PhaseLinesTests
{
    [Fact]
    public void A_log_gets_each_new_phase_and_not_every_step()
    {
        using var text = new StringWriter { NewLine = "\n" };
        var lines = new PhaseLines(text, TimeProvider.System);
        lines.Report(new JobProgress("features", 1, 6, null, 4.5));
        lines.Report(new JobProgress("features", 2, 6, null, 4));
        lines.Report(new JobProgress("training", 7, 557, null, null) { Planned = 840 });
        lines.Report(new JobProgress("testing", 0, 60, null, null));
        lines.Report(new JobProgress("testing", 0, 60, null, null));
        Assert.Equal(
            "features 1/6, about 5 s left\ntraining 7 of about 557 (840 planned)\ntesting 0/60\n", text.ToString());
    }

    [Fact]
    public void A_bar_goes_by_the_time_left_and_never_back()
    {
        var clock = new FakeTimeProvider();
        var share = new PhaseShare(clock);
        Assert.Equal(0, share.Of(new JobProgress("training", 0, 100, null, 30)));
        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1 / 3.0, share.Of(new JobProgress("training", 80, 100, null, 20)), 6);
        Assert.Equal(1 / 3.0, share.Of(new JobProgress("training", 81, 50, null, 90)), 6);
        clock.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(.8, share.Of(new JobProgress("training", 90, 100, null, 10)), 6);
    }

    [Fact]
    public void Without_an_estimate_a_bar_goes_by_steps()
    {
        var share = new PhaseShare(new FakeTimeProvider());
        Assert.Equal(.25, share.Of(new JobProgress("testing", 1, 4, null, null)));
        Assert.Equal(.25, share.Of(new JobProgress("testing", 1, 8, null, null)));
        Assert.Equal(.25, share.Of(new JobProgress("testing", 0, 0, null, null)));
        Assert.Equal(1, share.Of(new JobProgress("testing", 9, 8, null, null)));
    }
}
