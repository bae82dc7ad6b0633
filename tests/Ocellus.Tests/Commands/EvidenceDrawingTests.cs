using System.CommandLine;
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
    public void A_time_for_answers_has_a_number_and_a_unit(string text, double? milliseconds)
    {
        var option = AnswerTime.Option();
        var parsed = new RootCommand { option }.Parse(["--max-answer-time", text]);
        Assert.Equal(milliseconds, parsed.Errors.Count > 0 ? null : parsed.GetValue(option)?.TotalMilliseconds);
    }

    [Theory]
    [InlineData("soon", "--max-answer-time is 'soon'; it takes a time such as")]
    [InlineData("2m", "--max-answer-time is 2m; it must be from 1 ms to 60 s.")]
    public async Task A_wrong_time_for_answers_is_refused_with_what_would_be_right(string text, string right)
    {
        var end = await CommandLineTests.RunAsync(
            _top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip", "--max-answer-time", text);

        Assert.Equal(2, end.Code);
        Assert.Contains(right, end.Errors, StringComparison.Ordinal);
    }
}
