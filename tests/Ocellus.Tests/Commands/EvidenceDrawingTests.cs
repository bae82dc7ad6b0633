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
}
