using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Inference;

public sealed class ModelDescriptionTests
{
    [Fact]
    public void What_model_json_of_an_earlier_version_lacks_is_as_it_was_then()
    {
        ModelDescription read = ModelDescription.FromJson(
            """{"kind":"localization","labels":["a"],"width":64,"height":64,"resize":"fit","recipe":"","versions":{},"modelSha256":"7"}"""u8);

        Assert.Equal((1, 0), (read.Temperature, read.ScoreShift));
        Assert.Equal(.5, read.ThresholdOf(0));
        Assert.Empty(read.Remarks);
        Assert.NotEmpty(read.Output);
        Assert.Null(read.StartedFrom);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"kind":"localization","width":64,"height":64,"resize":"fit"}""")]
    public void What_describes_no_model_is_refused_in_words(string json) =>
        Assert.Contains(
            "model.json", Assert.Throws<InvalidDataException>(() => ModelDescription.FromJson(System.Text.Encoding.UTF8.GetBytes(json))).Message,
            StringComparison.Ordinal);
}
