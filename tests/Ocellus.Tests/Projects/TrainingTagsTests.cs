using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Tests.Projects;

public sealed class TrainingTagsTests
{
    [Theory]
    [InlineData("1")]
    [InlineData("60")]
    [InlineData("60000")]
    public void Whole_milliseconds_up_to_a_minute_are_taken(string value) =>
        Assert.Equal(double.Parse(value, System.Globalization.CultureInfo.InvariantCulture), TrainingTags.MaxAnswer(Tags(value))!.Value.TotalMilliseconds);

    [Theory]
    [InlineData("0")]
    [InlineData("60001")]
    [InlineData("60ms")]
    [InlineData("1.5")]
    [InlineData(" 60")]
    [InlineData("")]
    public void Any_other_value_is_refused_with_what_would_be_right(string value)
    {
        var refusal = Assert.Throws<RefusedException>(() => TrainingTags.Check(Tags(value)));
        Assert.Equal(RefusalKind.Invalid, refusal.Kind);
        Assert.Equal($"The tag ocellus:max-answer-ms is '{value}'; it takes a whole number of milliseconds from 1 to 60000.", refusal.Message);
    }

    [Fact]
    public void Without_the_tag_there_is_no_limit()
    {
        Assert.Null(TrainingTags.MaxAnswer(null));
        Assert.Null(TrainingTags.MaxAnswer(new Dictionary<string, string> { ["max-answer-ms"] = "soon" }));
    }

    [Fact]
    public void A_precision_is_float_or_int8()
    {
        Assert.Null(TrainingTags.IsInt8(null));
        Assert.True(TrainingTags.IsInt8(new Dictionary<string, string> { ["ocellus:precision"] = "int8" }));
        Assert.False(TrainingTags.IsInt8(new Dictionary<string, string> { ["ocellus:precision"] = "float" }));
        foreach (var value in new[] { "", "INT8", "int4", "8" })
        {
            var refusal = Assert.Throws<RefusedException>(() => TrainingTags.Check(new Dictionary<string, string> { ["ocellus:precision"] = value }));
            Assert.Equal(
                $"The tag ocellus:precision is '{value}'; it takes 'int8', for a model that computes with 8 bits if its test allows it, or 'float'.",
                refusal.Message);
        }
    }

    private static Dictionary<string, string> Tags(string value) => new() { [TrainingTags.MaxAnswerMilliseconds] = value };
}
