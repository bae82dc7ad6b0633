using System.Text;
using Ocellus.Commands;
using Ocellus.Training.Evaluation;
using Spectre.Console;

namespace Ocellus.Tests.Commands;

public sealed class EvaluateCommandTests
{
    private static readonly string[] _labels = ["cat", "dog", "owl"];

    private static readonly float[,] _scores = { { .9f, .4f, 0 }, { .6f, .4f, 0 }, { .3f, .7f, 0 }, { .2f, .8f, .9f } };

    private static readonly bool[,] _truth = { { true, false, false }, { false, true, false }, { true, false, false }, { false, true, false } };

    [Fact]
    public void Numbers_at_given_thresholds_are_those_worked_by_hand()
    {
        var report = EvaluateCommand.AtThresholds(_labels, [.5, .4, .5], _scores, _truth);
        // cat: images 0 and 1 are taken, 0 and 2 are cats.
        Assert.Equal(new LabelMetrics("cat", .5, .5, .5, .5, 2), report.Labels[0]);
        // dog: all four are at .4 or above (the threshold itself counts), two are dogs.
        Assert.Equal(new LabelMetrics("dog", .4, .5, 1, 2 / 3.0, 2), report.Labels[1]);
        // owl: no test image, so it has no numbers and no say in the means.
        Assert.Equal(new LabelMetrics("owl", .5, 0, 0, 0, 0), report.Labels[2]);
        Assert.Equal((.5 + (2 / 3.0)) / 2, report.F1, 12);
        Assert.Equal(.5, report.Precision, 12);
        Assert.Equal(.75, report.Recall, 12);
    }

    [Fact]
    public void At_the_best_thresholds_both_ways_of_counting_agree()
    {
        var best = ClassificationMetrics.Compute(_labels, _scores, _truth);
        var same = EvaluateCommand.AtThresholds(_labels, [.. best.Labels.Select(l => l.Threshold)], _scores, _truth);
        Assert.Equal(best.Labels, same.Labels);
        Assert.Equal(best.F1, same.F1, 12);
    }

    [Fact]
    public void A_summary_is_read_as_it_was_written()
    {
        var report = ClassificationMetrics.Compute(_labels, _scores, _truth);
        var read = EvaluationTables.Read(Encoding.UTF8.GetBytes(EvaluationSummaryWriter.Write(report, DateTimeOffset.UnixEpoch, 10, 4, "arn")));
        Assert.Equal(report.Labels.OrderBy(l => l.Label, StringComparer.Ordinal), read.Labels.OrderBy(l => l.Label, StringComparer.Ordinal));
        Assert.Equal((report.F1, report.Precision, report.Recall), (read.F1, read.Precision, read.Recall));
        Assert.Equal(report.Confusion, read.Confusion);
        Assert.Throws<InvalidDataException>(() => EvaluationTables.Read("{}"u8));
    }

    [Fact]
    public void Tables_show_labels_as_they_are_called_and_no_numbers_for_what_was_not_tested()
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        var report = EvaluateCommand.AtThresholds(["[bold]", "dog", "owl"], [.5, .4, .5], _scores, _truth);
        console.Write(EvaluationTables.Labels(report));
        console.Write(EvaluationTables.Confusion([new ConfusionCell("[bold]", "[bold]", .25), new ConfusionCell("[bold]", "dog", .75)]));
        Assert.Contains("[bold]", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("75.0", text.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"owl\W+–\W+–\W+–\W+50\.0\W+0\W", text.ToString());
    }
}
