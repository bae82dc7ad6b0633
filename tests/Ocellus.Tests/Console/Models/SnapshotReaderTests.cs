using System.Text;
using System.Text.Json;
using Ocellus.Console.Models;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Images;

namespace Ocellus.Tests.Console.Models;

/// <summary>Lines of a stored test, read back.</summary>
public sealed class SnapshotReaderTests
{
    private static readonly Dictionary<string, int> s_labels = new() { ["red"] = 0, ["green"] = 1, ["blue"] = 2 };

    [Fact]
    public void A_classifiers_line_gives_every_score_as_it_was()
    {
        var image = SnapshotReader.Classified(TestedVersions.Classified("s3://b/a.png", "green", .1f, .7f, .2f), s_labels, ("v", 1.5))!;

        Assert.Equal(("s3://b/a.png", "v", 1.5), (image.Name, image.Version, image.Aspect));
        Assert.Equal([.1f, .7f, .2f], image.Scores!);
        Assert.Equal([1], image.Truth!);
        Assert.Null(image.Found);
    }

    [Fact]
    public void A_detectors_line_gives_boxes_as_shares_of_the_image_and_what_each_matches()
    {
        var line = TestedVersions.Detected(
            "s3://b/a.png", ("red", .9, 12, Outcome.TruePositive), ("red", .6, 70, Outcome.FalsePositive), ("blue", .2, 60, Outcome.TrueNegative));

        var image = SnapshotReader.Detected(line, s_labels, "v", null)!;

        Assert.Equal(new ShownBox(0, .1, .125, .2, .25), Assert.Single(image.Boxes!));
        Assert.Equal(
            [(0, .9f, .12, (int?)0), (0, .6f, .7, null), (2, .2f, .6, null)], image.Found!.Select(f => (f.Label, f.Score, f.Left, f.Truth)));
        Assert.Equal(1.25, image.Aspect);
        Assert.True(SnapshotReader.HasRejected(line));
    }

    [Fact]
    public void A_true_box_for_which_nothing_was_found_is_no_found_box()
    {
        var image = SnapshotReader.Detected(TestedVersions.Detected("s3://b/a.png", ("red", 0, 10, Outcome.FalseNegative)), s_labels, "", null)!;

        Assert.Empty(image.Found!);
        Assert.Single(image.Boxes!);
    }

    [Fact]
    public void Boxes_in_the_frame_of_a_turned_photograph_turn_with_it()
    {
        // Stored 100 × 80, orientation 6: upright it is 80 wide and 100 high, and the box at 10, 10 of 20 × 20 is 10 from its right edge and 10 from its top.
        var header = new ImageHeader(ImageFormat.Jpeg, 100, 80, 6);

        var image = SnapshotReader.Detected(TestedVersions.Detected("s3://b/a.jpg", ("red", .9, 10, Outcome.TruePositive)), s_labels, "", header)!;

        Assert.Equal(new ShownBox(0, .625, .1, .25, .2), Assert.Single(image.Boxes!));
        Assert.Equal(.8, image.Aspect);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no json")]
    [InlineData("[]")]
    [InlineData("""{"source-ref":7}""")]
    [InlineData("""{"source-ref":"s3://b/a.png","rekognition-custom-labels-evaluation":7}""")]
    [InlineData(
        """
        {"source-ref":"s3://b/a.png","rekognition-custom-labels-evaluation":{"annotations":[{}],"image_size":"x"},
        "rekognition-custom-labels-evaluation-metadata":{"objects":7}}
        """)]
    public void A_line_that_someone_has_changed_does_no_harm(string line)
    {
        Assert.True(SnapshotReader.Detected(line, s_labels, "", null) is not { Found.Count: > 0 });
        Assert.True(SnapshotReader.Classified(line, s_labels, ("", 0)) is not { Truth.Count: > 0 });
    }

    [Theory]
    [InlineData("\"width\":100", "\"width\":1e300")]
    [InlineData("\"width\":100", "\"width\":1e-300")]
    [InlineData("\"left\":10", "\"left\":1e300")]
    public void Numbers_beyond_all_measure_are_left_out(string number, string other)
    {
        var line = TestedVersions.Detected("s3://b/a.png", ("red", .9, 10, Outcome.TruePositive));
        Assert.Contains(number, line, StringComparison.Ordinal);

        var image = SnapshotReader.Detected(line.Replace(number, other, StringComparison.Ordinal), s_labels, "", null)!;

        // Infinity has no JSON.
        Assert.NotEmpty(JsonSerializer.Serialize(image));
    }

    [Fact]
    public async Task Lines_come_in_parts_and_without_those_that_are_too_long()
    {
        var lines = Enumerable.Range(0, 1200).Select(i => $"{i}".PadRight(100)).ToList();
        var text = string.Join('\n', [.. lines[..700], new string('x', SnapshotLines.LengthMax + 1), "", .. lines[700..]]);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));

        var parts = await SnapshotLines.ReadAsync(stream, 1100, TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken);

        Assert.Equal([500, 500, 100], parts.Select(p => p.Count));
        Assert.Equal(lines[..1100], parts.SelectMany(p => p));
    }
}
