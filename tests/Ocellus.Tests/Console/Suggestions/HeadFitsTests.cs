using Ocellus.Console.Images;
using Ocellus.Console.Suggestions;

namespace Ocellus.Tests.Console.Suggestions;

public sealed class HeadFitsTests
{
    [Fact]
    public void A_label_counts_from_three_images_on_and_two_labels_are_enough()
    {
        SeenImage[] known = [.. Enumerable.Range(0, 3).Select(i => Seen(i, "rose")), Seen(3, "tulip"), Seen(4, "tulip")];

        Assert.Equal(["rose"], HeadFits.Labels(known));
        Assert.False(HeadFits.IsEnough(["rose"], known, several: false));
        Assert.True(HeadFits.IsEnough(["rose", "tulip"], known, several: false));
        // Where labels are independent, images without the one label tell what it is not.
        Assert.False(HeadFits.IsEnough(["rose"], known, several: true));
        Assert.True(HeadFits.IsEnough(["rose"], [.. known, Seen(5, "tulip")], several: true));
    }

    [Fact]
    public void A_head_is_old_after_ten_changed_images_or_with_other_labels()
    {
        SeenImage[] images = [.. Enumerable.Range(0, 30).Select(i => Seen(i, i % 2 == 0 ? "rose" : "tulip"))];
        var said = HeadFits.Said(images.Take(15));
        var head = new FittedHead(null!, ["rose", "tulip"], said);

        Assert.False(HeadFits.IsOld(head, ["rose", "tulip"], said));
        Assert.False(HeadFits.IsOld(head, ["rose", "tulip"], HeadFits.Said(images.Take(24))));
        Assert.True(HeadFits.IsOld(head, ["rose", "tulip"], HeadFits.Said(images.Take(25))));
        // Five that changed and five that lost their labels.
        Assert.True(HeadFits.IsOld(head, ["rose", "tulip"], HeadFits.Said(images.Take(10).Select((s, i) => i < 5 ? s with { Labels = ["lily"] } : s))));
        Assert.True(HeadFits.IsOld(head, ["lily", "rose", "tulip"], said));
        Assert.True(HeadFits.IsOld(null, ["rose", "tulip"], said));
    }

    [Fact]
    public void Of_one_label_the_likeliest_is_suggested_and_of_several_all_that_are_likelier_than_not()
    {
        Assert.Equal("1 70, sure 70", Words(HeadFits.Choose([.2f, .7f, .1f], several: false)));
        Assert.Equal("2 90, 0 60, sure 60", Words(HeadFits.Choose([.6f, .1f, .9f], several: true)));
        Assert.Equal("sure 55", Words(HeadFits.Choose([.45f, .1f], several: true)));

        static string Words((IReadOnlyList<(int Label, int Score)> Labels, int Sure) choice) =>
            string.Concat(choice.Labels.Select(l => $"{l.Label} {l.Score}, ")) + $"sure {choice.Sure}";
    }

    [Fact]
    public void Suggestions_that_nobody_reviewed_teach_nothing()
    {
        Assert.True(Seen(0, "rose").IsKnown);
        Assert.False((Seen(0, "rose") with { Flags = ImageFlags.Labelled | ImageFlags.ToReview }).IsKnown);
        Assert.False((Seen(0, "rose") with { Flags = ImageFlags.Labelled | ImageFlags.Errors }).IsKnown);
        Assert.True((Seen(0) with { Flags = ImageFlags.Nothing }).IsKnown);
        Assert.True((Seen(0) with { Flags = 0 }).IsOpen);
    }

    private static SeenImage Seen(int number, params string[] labels) => new("train", number, $"s3://b/{number}", "", "", labels, ImageFlags.Labelled);
}
