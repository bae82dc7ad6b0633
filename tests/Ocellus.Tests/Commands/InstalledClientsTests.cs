using System.Diagnostics;
using System.Text.Json.Nodes;
using Ocellus.Commands;
using Ocellus.Identity;

namespace Ocellus.Tests.Commands;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class InstalledClientsTests
{
    [Theory]
    [InlineData("aws-cli/2.9.19 Python/3.11.2 Linux/6.1.0 source/x86_64.debian.12 prompt/off", false)]
    [InlineData("aws-cli/2.12.7 Python/3.11.4 Linux/6.1.0 exe/x86_64.debian.12", false)]
    [InlineData("aws-cli/2.13.0 Python/3.11.4 Linux/6.1.0 exe/x86_64.debian.12", true)]
    [InlineData("aws-cli/2.31.5 Python/3.13.7 Linux/6.12.0 exe/x86_64.debian.13", true)]
    [InlineData("aws-cli/1.28.1 Python/3.11.2 Linux/6.1.0 botocore/1.31.1", false)]
    [InlineData("aws-cli/1.29.0 Python/3.11.2 Linux/6.1.0 botocore/1.31.0", true)]
    [InlineData("aws-cli/1.45.11 Python/3.11.7 Linux/6.18.44 botocore/1.43.11", true)]
    [InlineData("aws-cli/3.0.0-rc1", true)]
    public void An_AWS_CLI_that_would_talk_to_AWS_itself_is_told_from_one_that_would_not(string said, bool isNewEnough) =>
        Check(InstalledClients.Cli(said), isNewEnough);

    [Theory]
    [InlineData("boto3/1.26.27", false)]
    [InlineData("boto3/1.28.0", true)]
    [InlineData("boto3/1.43.11", true)]
    [InlineData("boto3/2.0", true)]
    public void And_a_boto3_too(string said, bool isNewEnough) => Check(InstalledClients.Boto3(said, "python3"), isNewEnough);

    [Fact]
    public void What_is_not_installed_is_in_nobodys_way_and_what_tells_no_version_is_doubtful()
    {
        Assert.Equal(FindingState.Ok, InstalledClients.Cli(null).State);
        Assert.Equal(FindingState.Warning, InstalledClients.Cli("a program of another kind").State);
    }

    [Fact]
    public async Task The_doctor_names_the_client_of_the_path_that_is_too_old_and_what_to_do()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-ins are shell scripts");
        var top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;
        try
        {
            Script(top, "aws", "echo aws-cli/2.9.19 Python/3.11.2");
            Script(top, "python3", "echo No module named boto3 >&2; exit 1");
            string[] words = ["exec", Path.Combine(AppContext.BaseDirectory, "Ocellus.dll"), "doctor", "--data", top, "--urls", "http://127.0.0.1:0", "--json"];
            var start = new ProcessStartInfo("dotnet", words) { RedirectStandardOutput = true };
            start.Environment["PATH"] = $"{top}:{Environment.GetEnvironmentVariable("PATH")}";
            using var process = Process.Start(start)!;
            var findings = JsonNode.Parse(await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken))!["findings"]!.AsArray();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            var cli = findings.Single(f => (string?)f!["name"] == "AWS CLI")!;
            Assert.Equal("warning", (string?)cli["state"]);
            Assert.Contains("2.9.19", (string?)cli["found"], StringComparison.Ordinal);
            Assert.Contains("--endpoint-url", (string?)cli["advice"], StringComparison.Ordinal);
            Assert.Contains("not installed", (string?)findings.Single(f => (string?)f!["name"] == "boto3 (python3)")!["found"], StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(top, recursive: true);
        }
    }

    private static void Script(string folder, string name, string line)
    {
        var file = Path.Combine(folder, name);
        File.WriteAllText(file, $"#!/bin/sh\n{line}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static void Check(Finding finding, bool isNewEnough)
    {
        Assert.Equal(isNewEnough ? FindingState.Ok : FindingState.Warning, finding.State);
        Assert.Equal(isNewEnough, finding.Advice is null);
    }
}
