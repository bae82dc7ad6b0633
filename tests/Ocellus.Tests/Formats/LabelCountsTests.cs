using Ocellus.Formats;
using Ocellus.Formats.Checks;

namespace Ocellus.Tests.Formats;

public sealed class LabelCountsTests
{
    [Fact]
    public void Labels_and_boxes_are_counted_for_each_split()
    {
        var (counts, findings) = Counted(
            [.. Enumerable.Range(0, 10).Select(i => Image($"{i}.png", Split.Train, new("ripe", 0, 0, 20, 20), new("ripe", 50, 0, 20, 20))),
                Image("t.png", Split.Test, new ImageBox("ripe", 0, 0, 20, 20)), Image("n.png", Split.Test)]);
        Assert.Equal([new("ripe", Split.Train, 10, 20), new("ripe", Split.Test, 1, 1)], counts.Labels);
        Assert.Equal((21, 0), (counts.Boxes, counts.Unlabelled));
        Assert.Empty(findings);
    }

    [Fact]
    public void Boxes_that_are_tiny_doubled_or_too_many_are_found()
    {
        var (_, findings) = Counted(
        [
            // 5 of 2,560 pixels are 2.5 of the 1,280 that are trained on; 12 of 2,560 are 6.
            Image("tiny.png", Split.Train, new ImageBox("a", 0, 0, 300, 5), new ImageBox("a", 0, 50, 300, 12)) with { Width = 2560, Height = 100 },
            // 90 of 100 pixels in common, of 100 together: 0.9.
            Image("doubled.png", Split.Train, new ImageBox("a", 0, 0, 10, 10), new ImageBox("a", 0, 0, 10, 9)),
            Image("apart.png", Split.Train, new ImageBox("a", 0, 0, 10, 10), new ImageBox("a", 0, 0, 10, 8.9)),
            Image("both.png", Split.Train, new ImageBox("a", 0, 0, 10, 10), new ImageBox("b", 0, 0, 10, 10)),
            Image("many.png", Split.Train, [.. Enumerable.Range(0, 51).Select(i => new ImageBox("b", 20 * i, 0, 10, 10))]),
        ]);
        Assert.Equal(
            ["too-many-boxes: many.png", "few-images: all", "few-images: all", "doubled-box: doubled.png", "tiny-box: tiny.png",
                "two-labels-one-box: both.png"], findings);
    }

    [Fact]
    public void Labels_that_cannot_be_learned_are_found()
    {
        var images = Enumerable.Range(0, 10).Select(i => Labelled($"{i}.png", Split.None, "ripe"))
            .Append(Labelled("t.png", Split.Test, "dry")).Append(Labelled("u.png", Split.None)).Append(Labelled("v.png", Split.None, "Ri pe"));
        Assert.Equal(["not-in-training: all", "few-images: all", "labels-alike: all", "unlabelled: all"], Counted([.. images]).Findings);
        Assert.Equal(["one-label: all"], Counted([.. Enumerable.Range(0, 10).Select(i => Labelled($"{i}.png", Split.Train, "ripe"))]).Findings);
    }

    private static (LabelCounts Counts, IEnumerable<string> Findings) Counted(LabelledImage[] images)
    {
        var findings = new Findings();
        var counts = new LabelCounts(findings);
        Array.ForEach(images, counts.Add);
        counts.Conclude(new("all"));
        return (counts, findings.Groups.SelectMany(g => g.First.Select(f => $"{g.Code}: {f.Place}")));
    }

    private static LabelledImage Image(string name, Split split, params ImageBox[] boxes) =>
        new() { Name = name, Place = new(name), Split = split, Boxes = boxes, IsForBoxes = true, Width = 1280, Height = 100 };

    private static LabelledImage Labelled(string name, Split split, params string[] labels) =>
        new() { Name = name, Place = new(name), Split = split, Labels = labels };
}
