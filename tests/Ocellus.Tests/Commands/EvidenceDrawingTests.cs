using Ocellus.Commands;
using Ocellus.Tests.Hosting;
using Ocellus.Vision.Images;

namespace Ocellus.Tests.Commands;

public sealed class EvidenceDrawingTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task Detect_and_evaluate_draw_where_a_classifiers_evidence_is()
    {
        TinyModel.Save(Path.Combine(_top, "model"));
        File.WriteAllBytes(Path.Combine(_top, "a.png"), TinyModel.Png(0));
        File.WriteAllText(Path.Combine(_top, "m"), CommandLineTests.Line("a.png", "red"));

        var end = await CommandLineTests.RunAsync(_top, "detect", "model", "a.png", "--draw", "found");
        Assert.Equal(0, end.Code);
        var drawn = ImageDecoder.ReadHeader(File.ReadAllBytes(Path.Combine(_top, "found", "a.evidence.jpg")));
        Assert.Equal((ImageFormat.Jpeg, 80, 72), (drawn.Format, drawn.Width, drawn.Height));

        end = await CommandLineTests.RunAsync(_top, "evaluate", "model", "--manifest", "m", "--images", _top, "--draw", "tested");
        Assert.Equal(0, end.Code);
        Assert.True(File.Exists(Path.Combine(_top, "tested", "a.evidence.jpg")));
    }

    [Theory]
    [InlineData("60ms", 60.0)]
    [InlineData("0.5s", 500.0)]
    [InlineData("1ms", 1.0)]
    [InlineData("60s", 60000.0)]
    [InlineData("0ms", null)]
    [InlineData("61s", null)]
    [InlineData("60", null)]
    [InlineData("-5ms", null)]
    [InlineData("1,5s", null)]
    [InlineData("ms", null)]
    [InlineData(null, null)]
    public void A_time_for_answers_has_a_number_and_a_unit(string? text, double? milliseconds) => Assert.Equal(milliseconds, AnswerTime.Parse(text));

    [Fact]
    public async Task A_wrong_time_for_answers_is_refused_with_what_would_be_right()
    {
        var end = await CommandLineTests.RunAsync(
            _top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip", "--max-answer-time", "soon");

        Assert.Equal(2, end.Code);
        Assert.Contains(
            "--max-answer-time is soon; it is a number of milliseconds or seconds from 1ms to 60s, such as 60ms or 0.5s.", end.Errors,
            StringComparison.Ordinal);
    }
}
