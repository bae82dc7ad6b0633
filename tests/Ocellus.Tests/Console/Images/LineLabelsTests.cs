using System.Text.Json.Nodes;
using Ocellus.Console.Images;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;
using Ocellus.Tests.Datasets;
using Ocellus.Vision.Images;

namespace Ocellus.Tests.Console.Images;

/// <summary>Labels in manifest lines, read and written.</summary>
public sealed class LineLabelsTests
{
    private const string Bare = """{"source-ref":"s3://images/a.jpg"}""";

    private static readonly DateTimeOffset _time = new(2026, 3, 4, 5, 6, 7, TimeSpan.Zero);

    private static readonly ImageHeader _upright = new(ImageFormat.Jpeg, 640, 480, 1);

    [Fact]
    public void A_label_is_written_as_the_guide_shows_it()
    {
        var line = LineLabels.Write(Bare, new(["rose"], []), null, true, _time);

        Assert.Equal(
            """{"source-ref":"s3://images/a.jpg","rose":1,"rose-metadata":{"class-name":"rose","confidence":1,"type":"groundtruth/image-classification","""
                + """
                "human-annotated":"yes","creation-date":"2026-03-04T05:06:07"}}
                """,
            line);
        Assert.Empty(LineLabels.Parse(line).Issues);
    }

    [Theory]
    [InlineData("source-ref")]
    [InlineData("x-metadata")]
    [InlineData("cl-errors")]
    [InlineData("Ünïcode \"quoted\" <img onerror=alert(1)>")]
    public void Any_label_survives(string label)
    {
        var line = LineLabels.Write(Bare, new([label, "other"], [new(label, 1, 2, 30, 40)]), _upright, true, _time);

        Assert.Empty(LineLabels.Parse(line).Issues);
        var read = Read(line);
        Assert.True(read.Matches(new([label, "other"], [new(label, 1, 2, 30, 40)])), line);
        Assert.True(Read(LineLabels.Write(line, ImageLabels.None, _upright, true, _time)).IsEmpty);
    }

    [Fact]
    public void What_a_person_does_not_change_stays_as_it_was()
    {
        var line = TestDatasets.Line("a.jpg", [("rose", false), ("tulip", false), ("bee", true)])
            .Replace("\"confidence\":1,\"type\"", "\"confidence\":0.5,\"job-name\":\"j\",\"type\"", StringComparison.Ordinal);

        var changed = LineLabels.Write(line, new(["tulip", "lily"], Read(line).Boxes), _upright, true, _time);

        JsonObject before = JsonNode.Parse(line)!.AsObject(), after = JsonNode.Parse(changed)!.AsObject();
        Assert.False(after.ContainsKey("kind0"));
        Assert.True(JsonNode.DeepEquals(before["kind1-metadata"], after["kind1-metadata"]));
        Assert.True(JsonNode.DeepEquals(before["kind2"], after["kind2"]));
        Assert.True(JsonNode.DeepEquals(before["kind2-metadata"], after["kind2-metadata"]));
        Assert.Equal(["tulip", "lily"], Read(changed).Labels);
    }

    [Fact]
    public void Boxes_are_added_moved_and_removed_beside_others()
    {
        var line = LineLabels.Write(Bare, new([], [new("a", 0, 0, 10, 10), new("b", 20, 20, 10, 10)]), _upright, true, _time);

        var changed = LineLabels.Write(line, new([], [new("b", 20, 20, 10, 10), new("c", 600, 440, 40, 40)]), _upright, false, _time);

        Assert.Equal([new("b", 20, 20, 10, 10), new("c", 600, 440, 40, 40)], Read(changed).Boxes);
        var metadata = JsonNode.Parse(changed)!["boxes-metadata"]!;
        Assert.Equal("""{"1":"b","2":"c"}""", metadata["class-map"]!.ToJsonString());
        Assert.Equal(2, metadata["objects"]!.AsArray().Count);
        Assert.Equal("no", (string?)metadata["human-annotated"]);
        Assert.Equal("yes", (string?)JsonNode.Parse(LineLabels.Approve(changed))!["boxes-metadata"]!["human-annotated"]);
    }

    [Theory]
    [InlineData(6, 100, 50, 30, 20, 380, 100, 20, 30)]
    [InlineData(8, 100, 50, 30, 20, 50, 300, 20, 30)]
    [InlineData(3, 100, 50, 30, 20, 100, 50, 30, 20)]
    public void Boxes_in_the_frame_of_the_stored_image_are_shown_and_kept_upright(
        int orientation, int left, int top, int width, int height, int shownLeft, int shownTop, int shownWidth, int shownHeight)
    {
        // Stored 430 × 450 has its long side upright the other way round.
        var header = new ImageHeader(ImageFormat.Jpeg, 430, 450, orientation);
        var line = LineLabels.Write(Bare, new([], [new("a", left, top, width, height)]), new(ImageFormat.Jpeg, 430, 450, 1), true, _time);

        var shown = LineLabels.Read(LineLabels.Parse(line), header);

        Assert.Equal([new("a", shownLeft, shownTop, shownWidth, shownHeight)], shown.Boxes);
        var added = LineLabels.Write(line, new([], [.. shown.Boxes, new("b", 0, 0, header.UprightWidth, header.UprightHeight)]), header, true, _time);
        Assert.Equal([.. shown.Boxes, new("b", 0, 0, header.UprightWidth, header.UprightHeight)], LineLabels.Read(LineLabels.Parse(added), header).Boxes);
        Assert.Empty(LineLabels.Parse(added).Issues);
        Assert.Equal(header.UprightWidth, (int)JsonNode.Parse(added)!["boxes"]!["image_size"]![0]!["width"]!);
    }

    [Fact]
    public void A_box_needs_an_image_that_can_be_read()
    {
        var refused = Assert.Throws<RefusedException>(() => LineLabels.Write(Bare, new([], [new("a", 0, 0, 9, 9)]), null, true, _time));

        Assert.Equal(RefusalKind.InvalidImage, refused.Kind);
    }

    [Fact]
    public void Renaming_to_a_label_that_is_there_makes_one_of_both()
    {
        var line = LineLabels.Write(Bare, new(["rose", "Rose"], [new("rose", 0, 0, 9, 9), new("Rose", 9, 9, 9, 9)]), _upright, true, _time);

        var renamed = Read(LineLabels.Rename(line, "Rose", "rose"));

        Assert.True(renamed.Matches(new(["rose"], [new("rose", 0, 0, 9, 9), new("rose", 9, 9, 9, 9)])));
    }

    private static ImageLabels Read(string line) => LineLabels.Read(LineLabels.Parse(line), _upright);
}
