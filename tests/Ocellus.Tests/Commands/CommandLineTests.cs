using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Commands;

/// <summary>The program as a shell sees it: what it prints where, and its exit code.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("fly")]
    [InlineData("train --manifest a")]
    [InlineData("train --manifest a --images b --out c --time-budget 00:00:01")]
    [InlineData("detect model.zip a.jpg --min-confidence 101")]
    [InlineData("serve --urls nowhere")]
    public async Task A_wrong_command_line_ends_with_2_and_says_why_on_standard_error(string line)
    {
        var end = await RunAsync(_top, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, ""), (end.Code, end.Output));
        Assert.NotEmpty(end.Errors);
        Assert.DoesNotContain("   at ", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_missing_is_refused_with_1_and_counted()
    {
        File.WriteAllLines(Path.Combine(_top, "m"), Enumerable.Range(0, 5).Select(i => Line($"{i}.jpg", i % 2 == 0 ? "a" : "b")));
        var end = await RunAsync(_top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip", "--json");
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains("5 of 5 images are not under", end.Errors, StringComparison.Ordinal);
        Assert.Contains($"There is no {Path.Combine(_top, "0.jpg")}, ", end.Errors, StringComparison.Ordinal);
        Assert.Equal(["m"], Directory.EnumerateFileSystemEntries(_top).Select(Path.GetFileName));

        Directory.CreateDirectory(Path.Combine(_top, "o.zip.job"));
        end = await RunAsync(_top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains("--resume", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_that_cannot_succeed_says_so_line_by_line_and_leaves_nothing()
    {
        File.WriteAllLines(Path.Combine(_top, "m"), Enumerable.Range(0, 4).Select(i => Line($"{i}.jpg", i % 2 == 0 ? "a" : "b")));
        foreach (var i in Enumerable.Range(0, 4))
        {
            File.WriteAllText(Path.Combine(_top, $"{i}.jpg"), "no image");
        }

        var end = await RunAsync(_top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip");
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains("The training failed", end.Errors, StringComparison.Ordinal);
        Assert.Contains("s3://bucket/0.jpg: ERROR_INVALID_IMAGE", end.Errors, StringComparison.Ordinal);
        Assert.Contains($"{Path.Combine(_top, "0.jpg")} cannot be used. ", end.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("S3 path", end.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_top, "o.zip.job")));
        Assert.False(File.Exists(Path.Combine(_top, "o.zip")));
    }

    [Fact]
    public async Task The_doctor_answers_in_JSON_and_nothing_else()
    {
        var end = await RunAsync(_top, "doctor", "--data", _top, "--urls", "http://127.0.0.1:0", "--json");
        var findings = JsonNode.Parse(end.Output)!["findings"]!.AsArray();
        Assert.Equal(end.Code == 0, (bool)JsonNode.Parse(end.Output)!["ok"]!);
        Assert.Equal("ok", (string?)findings.Single(f => (string?)f!["name"] == "Image library (libvips)")!["state"]);
        Assert.Equal("ok", (string?)findings.Single(f => (string?)f!["name"] == "Inference library (ONNX Runtime)")!["state"]);
    }

    internal static async Task<(int Code, string Output, string Errors)> RunAsync(string folder, params string[] words)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "Ocellus.dll"), .. words])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        try
        {
            await process.WaitForExitAsync(Cancel);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output, await errors);
    }

    internal static string Line(string file, string label) => JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["source-ref"] = $"s3://bucket/{file}",
        ["kind"] = 1,
        ["kind-metadata"] = new Dictionary<string, object>
        {
            ["class-name"] = label,
            ["confidence"] = 1,
            ["type"] = "groundtruth/image-classification",
            ["human-annotated"] = "yes",
            ["creation-date"] = "2026-01-01T00:00:00",
        },
    });
}
