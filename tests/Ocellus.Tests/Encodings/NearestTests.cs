using Ocellus.Encodings;

namespace Ocellus.Tests.Encodings;

public sealed class NearestTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("Sunday", "saturday", 3)]
    [InlineData("", "abc", 3)]
    public void Distances_are_those_of_Levenshtein(string first, string second, int edits) => Assert.Equal(edits, Nearest.Distance(first, second));

    [Theory]
    [InlineData("--sead", "--seed")]
    [InlineData("--Manifst", "--manifest")]
    [InlineData("--x", null)]
    [InlineData("1", null)]
    [InlineData("--quite-another", null)]
    public void The_name_that_was_meant_is_found_and_none_for_a_word_of_its_own(string text, string? name) =>
        Assert.Equal(name, Nearest.Of(text, ["--seed", "--manifest", "--out", "--help"]));
}
