using Ocellus.Console.Images;

namespace Ocellus.Tests.Console.Images;

/// <summary>What two people's changes of one image come to.</summary>
public sealed class ImageLabelsTests
{
    private static readonly LabelledRect _a = new("cat", 0, 0, 10, 10), _b = new("dog", 20, 20, 10, 10), _c = new("cat", 50, 50, 10, 10);

    [Fact]
    public void Changes_of_different_boxes_are_both_kept()
    {
        var moved = _a with { Left = 5 };

        var merged = ImageLabels.Merge(Boxes(_a, _b), Boxes(moved, _b), Boxes(_a, _b, _c), false);

        Assert.True(merged!.Matches(Boxes(moved, _b, _c)));
    }

    [Fact]
    public void Two_moves_of_the_same_box_are_for_a_person_to_choose() =>
        Assert.Null(ImageLabels.Merge(Boxes(_a), Boxes(_a with { Left = 5 }), Boxes(_a with { Left = 9 }), false));

    [Fact]
    public void A_box_that_one_moved_and_the_other_removed_is_for_a_person_to_choose()
    {
        Assert.Null(ImageLabels.Merge(Boxes(_a), Boxes(_a with { Left = 5 }), Boxes(), false));
        Assert.Null(ImageLabels.Merge(Boxes(_a), Boxes(), Boxes(_a with { Left = 5 }), false));
    }

    [Fact]
    public void A_box_that_both_removed_is_gone() => Assert.True(ImageLabels.Merge(Boxes(_a, _b), Boxes(_b), Boxes(_b), false)!.Matches(Boxes(_b)));

    [Fact]
    public void A_batch_that_arrives_twice_changes_nothing_the_second_time()
    {
        var now = Boxes(_a with { Left = 5 }, _c);

        Assert.True(ImageLabels.Merge(Boxes(_a), now, now, false)!.Matches(now));
        // And another person has added something meanwhile.
        var theirs = Boxes(_a with { Left = 5 }, _c, _b);
        Assert.True(ImageLabels.Merge(Boxes(_a), now, theirs, false)!.Matches(theirs));
    }

    [Fact]
    public void Boxes_that_are_the_same_are_told_by_their_number() =>
        Assert.True(ImageLabels.Merge(Boxes(_a, _a), Boxes(_a), Boxes(_a, _a), false)!.Matches(Boxes(_a)));

    [Theory]
    [InlineData("", "White", "Blue", false, "Blue White")]
    [InlineData("", "White", "Blue", true, null)]
    [InlineData("", "White", "White", true, "White")]
    [InlineData("Red", "White", "Blue", true, null)]
    [InlineData("Red", "White", "Red Blue", false, "Blue White")]
    [InlineData("Red", "", "", true, "")]
    [InlineData("Red", "", "Red", true, "")]
    public void Labels_of_the_whole_image_merge_where_they_can(string was, string now, string theirs, bool onlyOne, string? merged) =>
        Assert.Equal(merged, ImageLabels.Merge(Labels(was), Labels(now), Labels(theirs), onlyOne) is { } both ? string.Join(' ', both.Labels) : null);

    private static ImageLabels Boxes(params LabelledRect[] boxes) => new([], boxes);

    private static ImageLabels Labels(string names) => new(names.Split(' ', StringSplitOptions.RemoveEmptyEntries), []);
}
