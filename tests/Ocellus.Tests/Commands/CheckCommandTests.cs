using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ocellus.Tests.Formats;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Commands;

public sealed partial class CheckCommandTests
{
    [Fact]
    public async Task What_spoils_a_model_is_told_with_its_place_and_shown_on_a_page_without_scripts()
    {
        using var source = new SourceFolder();
        for (var i = 0; i < 12; i++)
        {
            source.Bytes($"train/{(i % 2 == 0 ? "red" : "<green>")}/{i}.jpg", TinyModel.Jpeg(i % 2));
        }

        var picture = TinyModel.Jpeg(0, 90, 70);
        source.Bytes("train/red/leak.jpg", picture).Bytes("test/red/leak.jpg", picture).Bytes("test/<green>/wrong.jpg", picture)
            .Bytes("train/red/cut.jpg", TinyModel.Jpeg(0)[..900]).Picture("train/red/small.png", 20, 20);

        var end = await CommandLineTests.RunAsync(source.Top, "check", "source", "--json", "--html", "report.html");

        Assert.Equal(1, end.Code);
        var result = JsonNode.Parse(end.Output)!;
        Assert.Equal(("folders", 17), ((string?)result["format"], (int)result["images"]!));
        var codes = result["findings"]!.AsArray()
            .ToDictionary(f => (string)f!["code"]!, f => f!["first"]!.AsArray().Select(p => (string)p!["file"]!).Order().ToList());
        Assert.Equal(["train/red/leak.jpg"], codes["leak"]);
        Assert.Equal(["test/red/leak.jpg", "train/red/leak.jpg"], codes["contradiction"]);
        Assert.Equal(["train/red/cut.jpg", "train/red/small.png"], codes["unusable-picture"]);
        Assert.Equal(["source", "source"], codes["few-images"]);
        Assert.Contains(result["same"]!.AsArray(), s => (bool)s!["leak"]! && (bool)s["exact"]!);

        var page = await File.ReadAllTextAsync(Path.Combine(source.Top, "report.html"), TestContext.Current.CancellationToken);
        Assert.Contains("default-src 'none'; img-src data:; style-src 'sha256-", page, StringComparison.Ordinal);
        Assert.Contains("href=\"data:image/webp;base64,", page, StringComparison.Ordinal);
        Assert.Contains("&lt;green&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(Active(), page);

        // The report is not replaced unasked.
        end = await CommandLineTests.RunAsync(source.Top, "check", "source", "--html", "report.html");
        Assert.Equal(1, end.Code);
        Assert.Contains("--force", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_without_a_fault_end_with_0()
    {
        using var source = new SourceFolder();
        for (var i = 0; i < 20; i++)
        {
            source.Bytes($"{(i % 2 == 0 ? "red" : "green")}/{i}.jpg", TinyModel.Jpeg(i % 2, 80 + (4 * i), 200 - (5 * i)));
        }

        var end = await CommandLineTests.RunAsync(source.Top, "check", "source", "--json");
        Assert.Equal(0, end.Code);
        Assert.DoesNotContain(JsonNode.Parse(end.Output)!["findings"]!.AsArray(), f => (string?)f!["severity"] == "error");
    }

    [Fact]
    public async Task Train_tells_the_worst_before_it_begins()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Picture("b.png")
            .Text("train.manifest", $"{CommandLineTests.Line("a.png", "ripe")}\n").Text("test.manifest", $"{CommandLineTests.Line("b.png", "ripe")}\n");
        var end = await CommandLineTests.RunAsync(
            source.Source, "train", "--manifest", "train.manifest", "--test-manifest", "test.manifest", "--images", ".", "--out", "m.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains(
            "test.manifest:1: b.png (test) is the same file as a.png (train). A test with pictures of the training says nothing about others.",
            end.Errors, StringComparison.Ordinal);
        Assert.Contains("check train.manifest --images .` tells all.", end.Errors, StringComparison.Ordinal);
    }

    [GeneratedRegex("<script|\\son\\w+=|https?://(?!www\\.w3\\.org)|style=\"", RegexOptions.IgnoreCase)]
    private static partial Regex Active();
}
