using System.Text.Json.Nodes;

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
    }

    private string In(string name) => Path.Combine(_top, name);

    private void Write(string name, byte red, byte green, byte blue) => File.WriteAllBytes(In(name), TestPng.Solid(72, 64, red, green, blue));
}
