using Ocellus.Identity;

namespace Ocellus.Tests.Identity;

public sealed class PolicyPatternTests
{
    [Theory]
    [InlineData("*", "", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("?", "", false)]
    [InlineData("a*c", "abbc", true)]
    [InlineData("a*c", "abcb", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("*a*a", "aba", true)]
    [InlineData("**?", "x", true)]
    // Nothing escapes: a backslash is itself.
    [InlineData(@"a\*", @"a\b", true)]
    [InlineData("A*", "abc", false)]
    public void A_star_is_any_run_and_a_question_mark_any_one(string pattern, string text, bool matches) =>
        Assert.Equal(matches, PolicyPattern.Matches(pattern, text));

    [Theory]
    [InlineData("*", "anything", true)]
    [InlineData("arn:aws:rekognition:*:*:project/cells/*", "arn:aws:rekognition:us-east-1:123456789012:project/cells/version/one/1", true)]
    [InlineData("arn:aws:rekognition:us-*:123456789012:project/*", "arn:aws:rekognition:eu-west-1:123456789012:project/cells/1", false)]
    // A star of one part does not reach into the next: this key has colons.
    [InlineData("arn:aws:s3:*:*:secret/*", "arn:aws:s3:::open/a:b:secret/c", false)]
    [InlineData("arn:aws:s3:::open/*", "arn:aws:s3:::open/a:b:c/d", true)]
    [InlineData("arn:aws:s3:::open", "arn:aws:s3:::open/a", false)]
    [InlineData("arn:aws:rekognition:*:*:*", "*", false)]
    public void An_ARN_is_compared_part_by_part(string pattern, string arn, bool matches) => Assert.Equal(matches, PolicyPattern.MatchesArn(pattern, arn));

    [Fact]
    public void A_pattern_of_many_stars_takes_no_longer_than_its_length_deserves()
    {
        // With a recursion for each star this would not end before the test run does.
        Assert.False(PolicyPattern.Matches(string.Concat(Enumerable.Repeat("a*", 500)) + "b", new string('a', 20_000)));
    }
}
