using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Commands;
using Ocellus.Identity;
using Ocellus.Tests.Console;

namespace Ocellus.Tests.Commands;

/// <summary><c>ocellus console</c>: a link to a running server.</summary>
public sealed class ConsoleCommandTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_link_signs_in_as_the_named_user_in_the_named_region()
    {
        await using var server = await TestServer.StartAsync();
        // As `serve` does; the server of the tests has no command line.
        await File.WriteAllTextAsync(Path.Combine(server.DataPath, "url"), server.BaseAddress.GetLeftPart(UriPartial.Authority), Cancel);
        await server.Services.GetRequiredService<KeyCatalog>()
            .CreateAsync("anna", "123456789012", [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);

        var first = await RunAsync(ExitCodes.Done, "--data", server.DataPath);
        Assert.StartsWith($"{server.BaseAddress}ui/sign-in?ticket=", first.Out, StringComparison.Ordinal);
        Assert.Contains("<p class=\"muted\">admin<br>", await OpenAsync(server, first.Out));

        var second = await RunAsync(ExitCodes.Done, "--data", server.DataPath, "--key", "anna", "--region", "eu-west-1");
        var page = await OpenAsync(server, second.Out);
        Assert.Contains("<p class=\"muted\">anna<br>", page);
        Assert.Contains("eu-west-1", page);

        var wrong = await RunAsync(ExitCodes.Refused, "--data", server.DataPath, "--key", "nobody");
        Assert.Contains("no user 'nobody'", wrong.Error, StringComparison.Ordinal);
        await server.Services.GetRequiredService<KeyCatalog>().RevokeAsync(server.Signer.AccessKeyId, Cancel);
        Assert.Contains("--key", (await RunAsync(ExitCodes.Refused, "--data", server.DataPath)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_running_server_it_says_how_to_start_one()
    {
        await using var server = await TestServer.StartAsync();
        string said = "";
        await server.RestartAsync(() => said = RunAsync(ExitCodes.Refused, "--data", server.DataPath).GetAwaiter().GetResult().Error);
        Assert.Contains("No server runs on", said, StringComparison.Ordinal);
        Assert.Contains("./ocellus serve --data", said, StringComparison.Ordinal);
    }

    private static async Task<string> OpenAsync(TestServer server, string link)
    {
        var client = new ConsoleClient(server);
        using var response = await client.SignInAsync(link.Trim().Split("ticket=")[1]);
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        return await client.TextAsync("/ui/");
    }

    private static async Task<(string Out, string Error)> RunAsync(int code, params string[] words)
    {
        var end = await CommandLineTests.RunAsync(Path.GetTempPath(), ["console", .. words]);
        Assert.True(code == end.Code, $"console {string.Join(' ', words)} ended with {end.Code}: {end.Errors}");
        return (end.Output, end.Errors);
    }
}
