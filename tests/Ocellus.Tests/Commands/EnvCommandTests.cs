using System.Diagnostics;
using System.Text.Json.Nodes;
using Ocellus.Commands;

namespace Ocellus.Tests.Commands;

/// <summary>What <c>ocellus env</c> prints, as a shell and the programs started from it see it.</summary>
public sealed class EnvCommandTests : IDisposable
{
    private static readonly string _program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");

    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Theory]
    [InlineData("data")]
    [InlineData("it's \"mine\"  $(touch stolen) `touch stolen`; touch stolen\n\nlast \\line\\")]
    public async Task A_shell_that_evaluates_it_leads_clients_here_and_to_nothing_of_the_users_own(string folder)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no sh");
        var data = WithCredentials(folder);
        const string script = "eval \"$(dotnet exec \"$0\" env --data \"$1\" --url http://127.0.0.1:1234/)\"; env -0";
        var start = new ProcessStartInfo("sh", ["-eu", "-c", script, _program, data]) { WorkingDirectory = _top };
        string[] own =
        [
            "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "ROLE_ARN", "IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ENDPOINT_URL_S3", "ENDPOINT_URL_BEDROCK",
        ];
        foreach (var name in own.Select(n => "AWS_" + n))
        {
            start.Environment[name] = "true";
        }

        start.Environment["AWS_ENDPOINT_URL_X$(touch stolen)"] = "true";
        start.Environment["http_proxy"] = "http://192.0.2.1:3128";
        start.Environment["NO_PROXY"] = "intranet.example";
        var end = await RunAsync(start);
        Assert.Equal((0, ""), (end.Code, end.Errors));
        var seen = end.Output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=', 2))
            .Where(v => v[0].StartsWith("AWS_", StringComparison.Ordinal)).ToDictionary(v => v[0], v => v[1]);
        seen.Remove("AWS_ENDPOINT_URL_X$(touch stolen)");
        seen.Remove("AWS_CA_BUNDLE");
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1234",
                ["AWS_SHARED_CREDENTIALS_FILE"] = Path.Combine(data, "credentials"),
                ["AWS_CONFIG_FILE"] = "/dev/null",
                ["AWS_REGION"] = "eu-north-1",
                ["AWS_DEFAULT_REGION"] = "eu-north-1",
                ["AWS_EC2_METADATA_DISABLED"] = "true",
            },
            seen);
        Assert.Contains("\0NO_PROXY=intranet.example,127.0.0.1\0", "\0" + end.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_top, "stolen")));
    }

    [Fact]
    public async Task A_folder_that_no_server_has_been_started_on_is_refused_in_words()
    {
        var end = await CommandLineTests.RunAsync(_top, "env", "--data", "none");
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains($"{Path.Combine(_top, "none")} has no credentials", end.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (await CommandLineTests.RunAsync(_top, "env", "--data", "none", "--url", "127.0.0.1:8741")).Code);
    }

    [Fact]
    public async Task The_address_is_that_of_the_server_that_runs_on_the_folder()
    {
        var data = Path.Combine(_top, "data");
        var start = new ProcessStartInfo("dotnet", ["exec", _program, "serve", "--data", data, "--urls", "http://127.0.0.1:0"])
        {
            WorkingDirectory = _top,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var server = Process.Start(start)!;
        var errors = server.StandardError.ReadToEndAsync(Cancel);
        try
        {
            var address = (await server.StandardOutput.ReadLineAsync(Cancel))!.Split(' ')[^1];
            Assert.Contains("ocellus env --data", await server.StandardOutput.ReadLineAsync(Cancel), StringComparison.Ordinal);
            Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(Path.Combine(data, "url")) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
            var end = await CommandLineTests.RunAsync(_top, "env", "--data", "data", "--json");
            Assert.Equal((0, ""), (end.Code, end.Errors));
            var answer = JsonNode.Parse(end.Output)!;
            Assert.Equal(address, (string?)answer["set"]!["AWS_ENDPOINT_URL"]);
            Assert.Contains("AWS_SESSION_TOKEN", answer["unset"]!.AsArray().Select(n => (string?)n));
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync(Cancel);
            await errors;
        }

        // Killed, it could not take its address back: that is nobody's now.
        Assert.True(File.Exists(Path.Combine(data, "url")));
        var after = await CommandLineTests.RunAsync(_top, "env", "--data", "data", "--json");
        Assert.Equal(ServeCommand.UrlDefault, (string?)JsonNode.Parse(after.Output)!["set"]!["AWS_ENDPOINT_URL"]);
        Assert.Contains("no server", after.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8741", "http://127.0.0.1:8741")]
    [InlineData("http://192.0.2.7:80 http://localhost:8741", "http://localhost:8741")]
    [InlineData("http://0.0.0.0:8741", "http://127.0.0.1:8741")]
    [InlineData("http://[::]:8741", "http://[::1]:8741")]
    [InlineData("http://*:8741", "http://127.0.0.1:8741")]
    [InlineData("http://[2001:db8::1]:8741", "http://[2001:db8::1]:8741")]
    public void Clients_are_led_to_an_address_that_they_can_connect_to(string urls, string right) =>
        Assert.Equal(right, ServedAddress.ForClients(urls.Split(' ')));

    [Fact]
    public void Other_shells_get_their_own_words()
    {
        var environment = ClientEnvironment.Of(new Uri("http://127.0.0.1:8741"), @"/it's ‘mine’\", "us-east-1", new Dictionary<string, string>());
        var powerShell = environment.ToCommands(ShellKind.PowerShell);
        Assert.Contains(@"set -gx AWS_SHARED_CREDENTIALS_FILE '/it\'s ‘mine’\\'" + "\n", environment.ToCommands(ShellKind.Fish), StringComparison.Ordinal);
        Assert.EndsWith("\nset -e AWS_ENDPOINT_URL_STS", environment.ToCommands(ShellKind.Fish), StringComparison.Ordinal);
        Assert.Contains(@"$env:AWS_SHARED_CREDENTIALS_FILE = '/it''s ‘‘mine’’\'" + "\n", powerShell, StringComparison.Ordinal);
        Assert.DoesNotContain("PROXY", powerShell, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(ProcessStartInfo start)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }

    private string WithCredentials(string folder)
    {
        var data = Directory.CreateDirectory(Path.Combine(_top, folder)).FullName;
        File.WriteAllText(Path.Combine(data, "credentials"), "[default]\naws_access_key_id = a\naws_secret_access_key = b\nregion = eu-north-1\n");
        return data;
    }
}
