using System.IO.Compression;
using System.Text.Json.Nodes;

namespace Ocellus.Tests.Commands;

/// <summary><c>ocellus train --start-from</c> and <c>--quick</c>, with real trainings on images of one colour each.</summary>
public sealed class GoingOnTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_quick_training_is_followed_by_one_that_goes_on_from_it_with_a_new_label()
    {
        List<string> lines = [.. Colour("red", 210, 20), .. Colour("blue", 20, 210)];
        File.WriteAllLines(In("m"), lines);
        var end = await TrainAsync("m", "a.zip", "--quick", "--json");
        Assert.Equal(0, end.Code);
        Assert.Contains("This is the quick recipe", (string?)JsonNode.Parse(end.Output)!["message"], StringComparison.Ordinal);
        var first = Description("a.zip");
        Assert.Equal(1, (int)first["plan"]!["settings"]!["views"]!); // the quick recipe's, in the plan for a repetition
        Assert.Null(first["startedFrom"]);

        end = await TrainAsync("m", "b.zip", "--plan", "a.zip", "--json");
        Assert.Equal(0, end.Code);
        Assert.Equal((string?)first["modelSha256"], (string?)Description("b.zip")["modelSha256"]);

        File.WriteAllLines(In("more"), [.. Colour("green", 20, 20), .. lines]);
        end = await TrainAsync("more", "c.zip", "--start-from", "a.zip", "--json");
        Assert.Equal(0, end.Code);
        Assert.Contains(
            "It went on from a model that knew blue, red; new: green.", (string?)JsonNode.Parse(end.Output)!["message"], StringComparison.Ordinal);
        var second = Description("c.zip");
        Assert.Equal(["blue", "green", "red"], second["labels"]!.AsArray().Select(l => (string)l!).Order());
        Assert.Equal((string?)first["modelSha256"], (string?)second["startedFrom"]);
        Assert.Equal(1, (double)JsonNode.Parse(end.Output)!["evaluation"]!["AggregatedEvaluationResults"]!["F1Score"]!);

        // Its plan is of no use without the model that it went on from.
        end = await TrainAsync("more", "d.zip", "--plan", "c.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains("went on from another model; to repeat it, name that model too", end.Errors, StringComparison.Ordinal);
        end = await TrainAsync("more", "d.zip", "--plan", "c.zip", "--start-from", "a.zip");
        Assert.Equal(0, end.Code);
        Assert.Equal((string?)second["modelSha256"], (string?)Description("d.zip")["modelSha256"]);
    }

    [Fact]
    public async Task What_excludes_each_other_or_is_no_model_is_refused_in_words()
    {
        File.WriteAllLines(In("m"), [.. Colour("red", 210, 20), .. Colour("blue", 20, 210)]);
        await RefusedAsync(2, "--time-budget has no effect beside --quick", "--quick", "--time-budget", "60s");
        await RefusedAsync(2, "--quick has no effect beside --plan", "--quick", "--plan", "m.zip");
        await RefusedAsync(2, "--max-answer-time has no effect beside --start-from", "--max-answer-time", "60ms", "--start-from", "m.zip");
        await RefusedAsync(1, "There is no model", "--start-from", "m.zip");
        File.WriteAllText(In("text.zip"), "no archive");
        await RefusedAsync(1, "not a model made by `ocellus train`", "--start-from", "text.zip");
    }

    [Fact]
    public async Task A_damaged_model_that_a_training_goes_on_from_is_told_when_it_is_resumed()
    {
        File.WriteAllLines(In("m"), [.. Colour("red", 210, 20), .. Colour("blue", 20, 210)]);
        var job = Directory.CreateDirectory(In("a.zip.job")).FullName;
        File.Copy(In("m"), Path.Combine(job, "training.manifest"));
        File.WriteAllText(Path.Combine(job, "pictures.json"), "[]");
        File.WriteAllText(
            Path.Combine(job, "job.json"),
            """{"projectVersionArn": "a.zip", "projectName": "local", "versionName": "a", "autoSplit": true, "startFrom": "old.zip"}""");
        foreach (var text in new string?[] { null, "{", "{\"kind\": \"classification\", \"labels\": [null], \"resize\": \"fit\"}" })
        {
            if (text is not null)
            {
                Directory.CreateDirectory(Path.Combine(job, "start"));
                File.WriteAllText(Path.Combine(job, "start", "model.json"), text);
                File.WriteAllText(Path.Combine(job, "start", "model.onnx"), "no network");
            }

            var end = await TrainAsync("m", "a.zip", "--resume");
            Assert.Equal((1, ""), (end.Code, end.Output));
            Assert.Contains($"{Path.Combine(job, "start")} is damaged, which holds the model", end.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("Unexpected", end.Errors, StringComparison.Ordinal);
        }
    }

    private async Task RefusedAsync(int code, string says, params string[] options)
    {
        var end = await TrainAsync("m", "z.zip", options);
        Assert.Equal((code, ""), (end.Code, end.Output));
        Assert.Contains(says, end.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(In("z.zip")) || Directory.Exists(In("z.zip.job")));
    }

    private List<string> Colour(string label, byte red, byte blue)
    {
        for (var i = 0; i < 6; i++)
        {
            File.WriteAllBytes(In($"{label}{i}.png"), TestPng.Solid(72, 64, red, (byte)(10 * i + (label == "green" ? 150 : 0)), blue));
        }

        return [.. Enumerable.Range(0, 6).Select(i => CommandLineTests.Line($"{label}{i}.png", label))];
    }

    private Task<(int Code, string Output, string Errors)> TrainAsync(string manifest, string output, params string[] more) =>
        CommandLineTests.RunAsync(_top, ["train", "--manifest", manifest, "--images", _top, "--out", output, .. more]);

    private JsonNode Description(string archive)
    {
        using var zip = ZipFile.OpenRead(In(archive));
        using var stream = zip.GetEntry($"{Path.GetFileNameWithoutExtension(archive)}/model.json")!.Open();
        return JsonNode.Parse(stream)!;
    }

    private string In(string name) => Path.Combine(_top, name);
}
