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
        Assert.Equal("features 1/6, about 5 s left\ntraining 7/557 (840 planned)\ntesting 0/60\n", text.ToString());
    }
}
