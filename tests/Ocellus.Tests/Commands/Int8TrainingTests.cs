using System.IO.Compression;
using System.Text.Json.Nodes;
using Ocellus.Commands;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Commands;

/// <summary><c>ocellus train --precision int8</c>, with real trainings on images of one colour each.</summary>
public sealed class Int8TrainingTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task An_8_bit_model_is_made_tested_and_gone_on_from_and_float_stays_as_it_was()
    {
        File.WriteAllLines(In("m"), [.. Colour("red", 210, 20), .. Colour("blue", 20, 210)]);
        var end = await TrainAsync("a.zip", "--quick", "--precision", "int8", "--json");
        Assert.True(end.Code == 0, end.Errors);
        var trained = JsonNode.Parse(end.Output)!;
        Assert.Contains(
            "The 8-bit model may be served: F1 1.000, in float 1.000; 100.0 % of the best labels", (string?)trained["message"], StringComparison.Ordinal);
        var test = trained["evaluation"]!["EvaluationDetails"]!["Int8Test"]!;
        Assert.Equal(("F1Score", 1, 1, true), ((string?)test["Metric"], (double)test["Float"]!, (double)test["Int8"]!, (bool)test["Passed"]!));
        var (_, served) = ModelArchive.Read(In("a.zip"));
        Assert.Equal(Int8Speed.Here.Gains ? ModelPrecisions.EightBit : null, served.Precision);
        Assert.Equal(2, served.Thresholds.Count);
        if (Int8Speed.Here.Gains)
        {
            // One file, one answer: a third of the weights' size, and the heat map is still there.
            using var model = ModelArchive.Open(In("a.zip"), 1);
            Assert.True(model.HasEvidence);
            using var zip = ZipFile.OpenRead(In("a.zip"));
            Assert.True(zip.GetEntry("a/model.onnx")!.Length < zip.GetEntry("a/float/model.onnx")!.Length / 2);
        }

        // The float model is the one that is made without, and what a training goes on from.
        end = await TrainAsync("b.zip", "--plan", "a.zip", "--json");
        Assert.Equal(0, end.Code);
        var (real, description) = ModelArchive.Read(In("b.zip"));
        Assert.Equal(real, ModelArchive.Read(In("a.zip"), real: true).Model);
        Assert.Null(description.Precision);
        Assert.Null(JsonNode.Parse(end.Output)!["evaluation"]!["EvaluationDetails"]!["Int8Test"]);
        end = await TrainAsync("c.zip", "--start-from", "a.zip", "--time-budget", "10s", "--json");
        Assert.True(end.Code == 0, end.Errors);
        Assert.Equal(description.ModelSha256, ModelArchive.Read(In("c.zip")).Description.StartedFrom);
    }

    [Fact]
    public async Task Another_precision_is_refused_with_those_there_are()
    {
        File.WriteAllLines(In("m"), Colour("red", 210, 20));
        var end = await TrainAsync("a.zip", "--precision", "int4");
        Assert.Equal((2, ""), (end.Code, end.Output));
        Assert.Contains("--precision is int4; it is float or int8.", end.Errors, StringComparison.Ordinal);
    }

    private List<string> Colour(string label, byte red, byte blue)
    {
        for (var i = 0; i < 6; i++)
        {
            File.WriteAllBytes(In($"{label}{i}.png"), TestPng.Solid(72, 64, red, (byte)(10 * i), blue));
        }

        return [.. Enumerable.Range(0, 6).Select(i => CommandLineTests.Line($"{label}{i}.png", label))];
    }

    private Task<(int Code, string Output, string Errors)> TrainAsync(string output, params string[] more) =>
        CommandLineTests.RunAsync(_top, ["train", "--manifest", "m", "--images", _top, "--out", output, .. more]);

    private string In(string name) => Path.Combine(_top, name);
}
