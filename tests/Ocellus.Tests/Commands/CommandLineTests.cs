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
        Assert.Equal(1, end.Code);
        Assert.Equal(end.Errors.Trim(), "ocellus: " + (string?)JsonNode.Parse(end.Output)!["error"]);
        Assert.Contains("5 of 5 images are not under", end.Errors, StringComparison.Ordinal);
        Assert.Contains($"There is no {Path.Combine(_top, "0.jpg")}, ", end.Errors, StringComparison.Ordinal);
        Assert.Equal(["m"], Directory.EnumerateFileSystemEntries(_top).Select(Path.GetFileName));

        Directory.CreateDirectory(Path.Combine(_top, "o.zip.job"));
        end = await RunAsync(_top, "train", "--manifest", "m", "--images", _top, "--out", "o.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains("--resume", end.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve --dat a", "There is no option --dat; did you mean --data?")]
    [InlineData("trian", "There is no command 'trian'; did you mean train?")]
    [InlineData("doctor now", "'now' is one word too many.")]
    [InlineData("train --manifest a --images b --out c --seed x", "--seed is 'x'; it takes a whole number.")]
    [InlineData("train --manifest a --images b --out c --time-budget 10", "--time-budget is '10'; it takes a time such as 10m, 600s, 1h30m or 00:10:00.")]
    [InlineData("train --manifest a --images b --out c --time-budget 1s", "--time-budget is 1s; it must be from 10 s to 24 h.")]
    [InlineData("train --manifest a --images b --out c --max-answer-time 60", "--max-answer-time is '60'; it takes a time such as 10m, 600s, 1h")]
    [InlineData("train --manifest a --images b --out c --max-answer-time 2m", "--max-answer-time is 2m; it must be from 1ms to 60s, such as 60ms or 0.5s.")]
    [InlineData(
        "train --manifest a --images b --out c --max-answer-time 60ms --plan p.zip",
        "--max-answer-time has no effect beside --plan, which has its own; leave it out.")]
    [InlineData("train --manifest a --images b", "--out is missing.")]
    [InlineData("train --manifest", "--manifest needs a value.")]
    [InlineData("train x --out ", "--out is empty; give it a value.")]
    [InlineData("check ", "SOURCE is empty; give it a value.")]
    [InlineData("detect", "MODEL is missing.")]
    [InlineData("keys", "Name one of its commands: create, list, show, attach, detach, revoke.")]
    [InlineData("completion nush", "'nush' is none of bash, zsh, fish.")]
    [InlineData("detect m i --min-confidence much", "--min-confidence is 'much'; it takes a number.")]
    [InlineData("serve --log-level loud", "--log-level is 'loud'; it takes Trace, Debug, Information, Warning, Error, Critical, None.")]
    public async Task A_mistake_is_one_sentence_that_names_no_type_and_what_was_probably_meant(string line, string sentence)
    {
        var end = await RunAsync(_top, line.Split(' '));
        Assert.Equal((2, ""), (end.Code, end.Output));
        Assert.StartsWith($"ocellus: {sentence}", end.Errors.Split('\n')[0], StringComparison.Ordinal);
        Assert.DoesNotContain("System.", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_exists_is_not_replaced_unasked_and_a_training_under_way_is_told_with_its_process()
    {
        File.WriteAllLines(Path.Combine(_top, "m"), [Line("a.jpg", "a")]);
        File.WriteAllText(Path.Combine(_top, "o.zip"), "a model");
        string[] train = ["train", "--manifest", "m", "--images", _top, "--out", "o.zip"];
        var end = await RunAsync(_top, train);
        Assert.Equal(1, end.Code);
        Assert.Contains("o.zip exists; --force replaces it", end.Errors, StringComparison.Ordinal);
        end = await RunAsync(_top, [.. train, "--force"]);
        Assert.Contains("1 of 1 images are not under", end.Errors, StringComparison.Ordinal);

        var job = Directory.CreateDirectory(Path.Combine(_top, "c.zip.job")).FullName;
        File.WriteAllText(Path.Combine(job, "process"), "1234");
        using (Ocellus.Training.Job.JobFolder.OpenLock(job))
        {
            end = await RunAsync(_top, "train", "--manifest", "m", "--images", _top, "--out", "c.zip", "--resume");
            Assert.Equal(1, end.Code);
            Assert.Contains("A training of c.zip is under way (process 1234)", end.Errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_image_without_an_answer_has_its_line_in_JSON()
    {
        Hosting.TinyModel.Save(Path.Combine(_top, "model"));
        File.WriteAllBytes(Path.Combine(_top, "a.png"), TestPng.Solid(80, 80, 1, 2, 3));
        File.WriteAllText(Path.Combine(_top, "b.png"), "no image");
        var end = await RunAsync(_top, "detect", "model", "gone.png", "a.png", "b.png", "--json");
        Assert.Equal(1, end.Code);
        var lines = end.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(["gone.png", "a.png", "b.png"], lines.Select(l => (string)l["picture"]!));
        Assert.Equal([true, false, true], lines.Select(l => l["error"] is not null));
    }

    [Fact]
    public async Task Help_is_under_the_name_that_was_typed_with_examples_and_exit_codes()
    {
        var end = await RunAsync(_top, "train", "--help");
        Assert.Equal((0, ""), (end.Code, end.Errors));
        Assert.Matches(@"Usage:\r?\n  ocellus train", end.Output);
        Assert.Contains("ocellus train photos --out parts.zip", end.Output, StringComparison.Ordinal);
        Assert.Matches("130 +interrupted", end.Output);
        Assert.Equal(
            Ocellus.Commands.CommandLine.Create().Subcommands.Where(c => !c.Hidden).Select(c => c.Name).Order(StringComparer.Ordinal),
            Ocellus.Commands.HelpText.Documented.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("`ocellus doctor` says why", "`./ocellus doctor` says why")]
    [InlineData("  ocellus detect m.zip", "  ./ocellus detect m.zip")]
    [InlineData("eval \"$(./ocellus env --data d)\"", "eval \"$(./ocellus env --data d)\"")]
    [InlineData("an ocellus of a bee; myocellus serve; ocellus server", "an ocellus of a bee; myocellus serve; ocellus server")]
    public void Commands_that_are_printed_begin_as_the_program_was_started(string text, string shown) =>
        Assert.Equal(shown, Ocellus.Commands.Invocation.Localize(text, "./ocellus"));

    [Theory]
    [InlineData("bash", "_ocellus; echo \"${COMPREPLY[*]}\"")]
    [InlineData("zsh", "")]
    [InlineData("fish", "")]
    public async Task A_shell_completes_what_there_is(string shell, string then)
    {
        var end = await RunAsync(_top, "completion", shell);
        Assert.Equal((0, ""), (end.Code, end.Errors));
        Assert.Contains("--min-confidence".TrimStart('-'), end.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("train-job", end.Output, StringComparison.Ordinal);
        if (then.Length == 0 || !File.Exists("/bin/bash"))
        {
            return;
        }

        File.WriteAllText(
            Path.Combine(_top, "c"),
            $"{end.Output}\nCOMP_WORDS=(ocellus detect --m) COMP_CWORD=2\n{then}\nCOMP_WORDS=(ocellus ex) COMP_CWORD=1\n{then}\n");
        var start = new ProcessStartInfo("/bin/bash", [Path.Combine(_top, "c")]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        Assert.Equal(["--min-confidence --max-results", "export export-dataset"], (await process.StandardOutput.ReadToEndAsync(Cancel)).Trim().Split('\n'));
        await process.WaitForExitAsync(Cancel);
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

    internal static Task<(int Code, string Output, string Errors)> RunAsync(string folder, params string[] words) => RunInAsync(folder, [], words);

    /// <summary>As <see cref="RunAsync"/>, with variables of the environment; null takes one away.</summary>
    internal static async Task<(int Code, string Output, string Errors)> RunInAsync(
        string folder, Dictionary<string, string?> environment, params string[] words)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "Ocellus.dll"), .. words])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

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
