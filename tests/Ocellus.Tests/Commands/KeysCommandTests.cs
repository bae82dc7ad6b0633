using System.Text.Json;
using Ocellus.Commands;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Commands;

public sealed class KeysCommandTests
{
    [Fact]
    public void The_policies_among_the_samples_can_be_attached()
    {
        var files = Directory.GetFiles(Path.Combine(Pages.Root, "samples", "policies"));
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.Equal(Path.GetFileNameWithoutExtension(file), PolicyFile.Read(file).Name));
    }

    [Fact]
    public async Task Keys_are_made_listed_changed_and_revoked_under_a_running_server()
    {
        await using var server = await TestServer.StartAsync();
        var file = Path.Combine(server.DataPath, "..", $"credentials-{Guid.NewGuid():N}");
        try
        {
            var made = JsonDocument.Parse(
                (await RunAsync(
                    ExitCodes.Done, "create", "--name", "app", "--account", "111122223333", "--policy", "inference", "--credentials", file, "--data",
                    server.DataPath, "--json")).Out).RootElement;
            var signer = new Signer(made.GetProperty("accessKeyId").GetString()!, made.GetProperty("secretAccessKey").GetString()!);
            Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}"u8.ToArray(), signer)).Status);
            Assert.Contains(signer.Secret, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            }

            var list = (await RunAsync(ExitCodes.Done, "list", "--data", server.DataPath, "--json")).Out;
            Assert.DoesNotContain(signer.Secret, list, StringComparison.Ordinal);
            Assert.Contains("arn:aws:iam::111122223333:user/app", list, StringComparison.Ordinal);
            Assert.Equal("AccessDeniedException", (await server.CallAsync("CreateProject", """{"ProjectName":"x"}"""u8.ToArray(), signer)).Error);
            await RunAsync(ExitCodes.Done, "attach", "app", "--policy", "trainer", "--data", server.DataPath);
            Assert.Equal(200, (await server.CallAsync("CreateProject", """{"ProjectName":"x"}"""u8.ToArray(), signer)).Status);
            await RunAsync(ExitCodes.Done, "detach", "app", "--policy", "trainer", "--data", server.DataPath);
            Assert.Equal("AccessDeniedException", (await server.CallAsync("CreateProject", """{"ProjectName":"y"}"""u8.ToArray(), signer)).Error);
            await RunAsync(ExitCodes.Done, "revoke", signer.AccessKeyId, "--data", server.DataPath);
            Assert.Equal("UnrecognizedClientException", (await server.CallAsync("DescribeProjects", "{}"u8.ToArray(), signer)).Error);

            // The file of the first key is not given to another, neither now nor at the next start.
            var first = server.Signer.AccessKeyId;
            await server.RestartAsync();
            Assert.Equal(first, server.Signer.AccessKeyId);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_policy_that_is_not_understood_makes_no_key_and_is_named()
    {
        await using var server = await TestServer.StartAsync();
        var file = Path.Combine(server.DataPath, "mine.json");
        await File.WriteAllTextAsync(
            file, """{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"rekognition:StopProjectVersoin","Resource":"*"}}""",
            TestContext.Current.CancellationToken);
        var refusal = await RunAsync(ExitCodes.Refused, "create", "--name", "a", "--policy", file, "--data", server.DataPath);
        Assert.Contains("rekognition:StopProjectVersoin", refusal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("user/a\"", (await RunAsync(ExitCodes.Done, "list", "--data", server.DataPath, "--json")).Out, StringComparison.Ordinal);
        await File.WriteAllBytesAsync(file, "{\"Version\":\"B\u00E4r\"}".Select(c => (byte)c).ToArray(), TestContext.Current.CancellationToken);
        Assert.Contains(
            "mine.json is not UTF-8: byte 14 is 0xE4. Save it as UTF-8.",
            (await RunAsync(ExitCodes.Refused, "create", "--name", "a", "--policy", file, "--data", server.DataPath)).Error, StringComparison.Ordinal);
        Assert.Contains(
            "neither administrator, trainer, inference nor a file",
            (await RunAsync(ExitCodes.Refused, "create", "--name", "a", "--policy", "boss", "--data", server.DataPath)).Error, StringComparison.Ordinal);
        Assert.Contains(
            "twelve digits",
            (await RunAsync(ExitCodes.Usage, "create", "--name", "a", "--account", "12", "--policy", "trainer", "--data", server.DataPath)).Error,
            StringComparison.Ordinal);
        Assert.Contains("no user 'nobody'", (await RunAsync(ExitCodes.Refused, "revoke", "nobody", "--data", server.DataPath)).Error, StringComparison.Ordinal);
        Assert.Contains(
            "no ocellus.db", (await RunAsync(ExitCodes.Refused, "list", "--data", Path.Combine(server.DataPath, "jobs"))).Error, StringComparison.Ordinal);
    }

    /// <summary>In a process of its own, as the verb is used: beside the server that holds the folder.</summary>
    private static async Task<(string Out, string Error)> RunAsync(int code, params string[] words)
    {
        var end = await CommandLineTests.RunAsync(Path.GetTempPath(), ["keys", .. words]);
        Assert.True(code == end.Code, $"keys {string.Join(' ', words)} ended with {end.Code}: {end.Errors}");
        return (end.Output, end.Errors);
    }
}
