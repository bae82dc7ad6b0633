using System.IO.Compression;
using System.Text.Json.Nodes;
using Ocellus.Commands;
using Ocellus.Vision.Recipes;

namespace Ocellus.Tests.Commands;

/// <summary><c>ocellus train</c> and <c>ocellus evaluate</c> with a real training on images of one colour each.</summary>
public sealed class LocalTrainingTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_result_no_better_than_chance_says_so_and_why()
    {
        // Each image is there twice, once with either label: nobody can tell them apart.
        var lines = new List<string>();
        for (var i = 0; i < 10; i++)
        {
            foreach (var label in new[] { "good", "bad" })
            {
                Write($"{label}{i}.png", (byte)(20 * i), 90, 150);
                lines.Add(CommandLineTests.Line($"{label}{i}.png", label));
            }
        }

        File.WriteAllLines(In("m"), lines);
        var end = await CommandLineTests.RunAsync(
            _top, "train", "--manifest", "m", "--test-manifest", "m", "--images", _top, "--out", "o.zip", "--time-budget", "00:00:10", "--json");
        Assert.Equal(0, end.Code);
        var trained = JsonNode.Parse(end.Output)!;
        Assert.StartsWith("The model is ready to run. ", (string?)trained["message"], StringComparison.Ordinal);
        Assert.Contains("no better than chance", (string?)trained["message"], StringComparison.Ordinal);
        var remark = (string)trained["remarks"]!.AsArray().Single(r => ((string)r!).Contains("no better than chance", StringComparison.Ordinal))!;
        Assert.Contains("10 of 20 the right label, and always answering 'bad' would do so for 10", remark, StringComparison.Ordinal);
        Assert.Contains("labels that contradict each other (20 images", remark, StringComparison.Ordinal);
        Assert.Equal(remark, (string?)trained["evaluation"]!["EvaluationDetails"]!["Remark"]);

        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "--manifest", "m", "--images", _top);
        Assert.Equal(0, end.Code);
        Assert.Contains("no better than chance", end.Output, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "--manifest", "m", "--images", _top, "--json");
        Assert.Contains("no better than chance", (string?)JsonNode.Parse(end.Output)!["remark"], StringComparison.Ordinal);

        // Of 24 images four may be missing, five are too many.
        File.WriteAllLines(In("few"), [.. lines, .. Enumerable.Range(0, 4).Select(i => CommandLineTests.Line($"gone{i}.png", "good"))]);
        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "--manifest", "few", "--images", _top);
        Assert.Equal(0, end.Code);
        Assert.Contains($"4 of 24 images are not under {_top}. There is no {In("gone0.png")}, ", end.Errors, StringComparison.Ordinal);
        File.WriteAllLines(In("many"), [.. lines[1..], .. Enumerable.Range(0, 5).Select(i => CommandLineTests.Line($"gone{i}.png", "good"))]);
        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "--manifest", "many", "--images", _top);
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains("more than a fifth of the images of many are missing", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_a_fifth_missing_in_either_manifest_stops_the_training_before_it_begins()
    {
        for (var i = 0; i < 10; i++)
        {
            Write($"{i}.png", (byte)(20 * i), 90, 150);
        }

        File.WriteAllLines(In("m"), Enumerable.Range(0, 10).Select(i => CommandLineTests.Line($"{i}.png", i % 2 == 0 ? "a" : "b")));
        File.WriteAllLines(In("t"), Enumerable.Range(7, 10).Select(i => CommandLineTests.Line($"photos/{i}.png", i % 2 == 0 ? "a" : "b")));
        var end = await CommandLineTests.RunAsync(_top, "train", "--manifest", "m", "--test-manifest", "t", "--images", _top, "--out", "o.zip");
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains($"7 of 10 images are not under {_top}. There is no {In("photos/10.png")}, ", end.Errors, StringComparison.Ordinal);
        Assert.Contains("more than a fifth of the images of t are missing", end.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("o.zip.job")));
    }

    [Fact]
    public async Task A_plan_is_repeated_to_the_byte_and_refused_where_it_does_not_fit()
    {
        var lines = new List<string>();
        for (var i = 0; i < 8; i++)
        {
            Write($"red{i}.png", 210, (byte)(10 * i), 20);
            Write($"blue{i}.png", 20, (byte)(10 * i), 210);
            lines.AddRange([CommandLineTests.Line($"red{i}.png", "red"), CommandLineTests.Line($"blue{i}.png", "blue")]);
        }

        File.WriteAllLines(In("m"), lines);
        Assert.Equal(0, (await TrainAsync("m", "a.zip", "--time-budget", "00:00:10", "--seed", "5")).Code);
        using (var model = ModelArchive.Open(In("a.zip"), 1))
        {
            var plan = CarriedPlan.FromJson(model.Description.Plan!.Value);
            Assert.Equal((5, 13, 224, 224), (plan.Seed, plan.Images, plan.Run.Width, plan.Run.Height)); // three of sixteen are held back for testing
        }

        var end = await TrainAsync("m", "b.zip", "--plan", "a.zip", "--json");
        Assert.Equal(0, end.Code);
        Assert.Equal(Bytes("a.zip", "model.onnx"), Bytes("b.zip", "model.onnx"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Bytes("a.zip", "model.json"))!["plan"], JsonNode.Parse(Bytes("b.zip", "model.json"))!["plan"]));
        Assert.Equal("The model is ready to run.", (string?)JsonNode.Parse(end.Output)!["message"]);

        // Other data may have the plan, but are told of it.
        File.WriteAllLines(In("fewer"), lines[2..]);
        end = await TrainAsync("fewer", "c.zip", "--plan", "a.zip", "--json");
        Assert.Equal(0, end.Code);
        Assert.Contains("The plan was repeated on other data", (string?)JsonNode.Parse(end.Output)!["message"], StringComparison.Ordinal);

        end = await TrainAsync("m", "d.zip", "--plan", "a.zip", "--seed", "5");
        Assert.Equal(2, end.Code);
        Assert.Contains("--seed has no effect beside --plan", end.Errors, StringComparison.Ordinal);
        Directory.CreateDirectory(In("old"));
        var description = JsonNode.Parse(Bytes("a.zip", "model.json"))!.AsObject();
        description.Remove("plan");
        File.WriteAllText(In("old/model.json"), description.ToJsonString());
        end = await TrainAsync("m", "d.zip", "--plan", "old");
        Assert.Equal(1, end.Code);
        Assert.Contains("The model has no plan", end.Errors, StringComparison.Ordinal);
        description["plan"] = JsonNode.Parse(
            """{"kind":"localization","images":1,"data":"","run":{"width":64,"height":64,"schedule":[]},"settings":{"seed":0}}""");
        File.WriteAllText(In("old/model.json"), description.ToJsonString());
        end = await TrainAsync("m", "d.zip", "--plan", "old");
        Assert.Equal(1, end.Code);
        Assert.Contains(
            "The plan is that of a detector, which learns boxes, and these data are for a classifier", end.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(In("d.zip")) || Directory.Exists(In("d.zip.job")));
    }

    /// <summary>TIFFs, WebPs and images of more than 4,096 pixels, which the wire refuses.</summary>
    [Fact]
    public async Task Images_that_the_wire_refuses_are_learned_tested_and_answered()
    {
        var lines = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            foreach (var (label, red, blue) in new[] { ("red", 210, 20), ("blue", 20, 210) })
            {
                using var image = NetVips.Image.NewFromBuffer(TestPng.Solid(i == 0 ? 5000 : 72, i == 0 ? 400 : 64, (byte)red, (byte)(10 * i), (byte)blue));
                var name = label + i + (i == 0 ? ".png" : i % 2 == 0 ? ".tif" : ".webp");
                image.WriteToFile(In(name));
                lines.Add(CommandLineTests.Line(name, label));
            }
        }

        File.WriteAllLines(In("m"), lines);
        var end = await CommandLineTests.RunAsync(
            _top, "train", "--manifest", "m", "--test-manifest", "m", "--images", _top, "--out", "o.zip", "--time-budget", "10s", "--json");
        Assert.Equal((0, ""), (end.Code, end.Code == 0 ? "" : end.Errors));
        Assert.Equal(12, (int)JsonNode.Parse(end.Output)!["evaluation"]!["EvaluationDetails"]!["NumberOfTestingImages"]!);

        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "--manifest", "m", "--images", _top, "--json");
        Assert.Equal((0, 12), (end.Code, (int)JsonNode.Parse(end.Output)!["testPictures"]!));
        end = await CommandLineTests.RunAsync(_top, "detect", "o.zip", _top, "--json");
        Assert.Equal(0, end.Code);
        Assert.Equal(12, end.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        File.WriteAllText(In("text.webp"), "not at all");
        end = await CommandLineTests.RunAsync(_top, "detect", "o.zip", "text.webp");
        Assert.Equal(1, end.Code);
        Assert.Contains("text.webp: This is no image that can be read; it is text (10 bytes).", end.Errors, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output, string Errors)> TrainAsync(string manifest, string output, params string[] more) =>
        CommandLineTests.RunAsync(_top, ["train", "--manifest", manifest, "--images", _top, "--out", output, .. more]);

    private byte[] Bytes(string archive, string name)
    {
        using var zip = ZipFile.OpenRead(In(archive));
        using var stream = zip.Entries.Single(e => e.Name == name).Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private string In(string name) => Path.Combine(_top, name);

    private void Write(string name, byte red, byte green, byte blue) => File.WriteAllBytes(In(name), TestPng.Solid(72, 64, red, green, blue));
}
