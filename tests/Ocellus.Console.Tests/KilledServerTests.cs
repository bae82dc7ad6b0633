using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Ocellus.Tests;

namespace Ocellus.Console.Tests;

/// <summary>A server that is killed while a person labels.</summary>
[Collection(BrowserCollection.Name)]
public sealed partial class KilledServerTests(Browser browser) : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("ocellus-killed-").FullName;
    private readonly List<Process> _servers = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (var server in _servers)
        {
            Kill(server);
            server.Dispose();
        }

        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task What_was_labelled_while_the_server_was_killed_is_there_after_its_next_start()
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        await using var tab = await browser.OpenAsync(address);
        tab.Expected = ["ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_SOCKET", "ERR_INCOMPLETE", "ERR_NETWORK", "ERR_ABORTED"];
        var link = await StartAsync(address);
        await tab.Page.GotoAsync(link);
        await tab.Page.WaitForURLAsync("**/ui/");
        await tab.Page.GetByRole(Microsoft.Playwright.AriaRole.Button, new() { Name = "New project" }).ClickAsync();
        await tab.Page.GetByLabel("Name").FillAsync("flowers");
        await tab.Page.Keyboard.PressAsync("Enter");
        await tab.Page.WaitForURLAsync("**/ui/p/flowers");
        await tab.GotoAsync("/ui/p/flowers/images");
        await tab.Page.WaitForSelectorAsync("#gallery[data-ready]");
        var files = Enumerable.Range(0, 8).Select(i => (Path: Path.Combine(_data, $"{i}.png"), Label: i)).ToList();
        foreach (var (path, i) in files)
        {
            await File.WriteAllBytesAsync(path, TestPng.Solid(80, 64, (byte)(i * 30), 90, 90), Cancel);
        }

        await tab.Page.SetInputFilesAsync("#add input[accept='image/jpeg,image/png']", files.ConvertAll(f => f.Path));
        await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='8']");
        await tab.Page.FocusAsync("#tiles");
        foreach (var label in new[] { "red", "green" })
        {
            await tab.Page.Keyboard.PressAsync("l");
            await tab.Page.Keyboard.TypeAsync(label);
            await tab.Page.Keyboard.PressAsync("Enter");
        }

        await tab.Page.WaitForFunctionAsync("() => document.documentElement.dataset.waiting === '0'");
        await tab.Page.Keyboard.PressAsync("Home");
        foreach (var key in "d121")
        {
            await tab.Page.Keyboard.PressAsync(key.ToString());
        }

        // Some of it is on its way, some has not left the browser, and more comes while there is no server.
        Kill(_servers[0]);
        foreach (var key in "21")
        {
            await tab.Page.Keyboard.PressAsync(key.ToString());
        }

        await tab.Page.WaitForSelectorAsync("text=No connection");
        await StartAsync(address);
        await tab.Page.WaitForFunctionAsync("() => document.documentElement.dataset.waiting === '0'", null, new() { Timeout = 60_000 });

        // As another page reads it from the server.
        var other = await tab.Context.NewPageAsync();
        await other.GotoAsync("/ui/p/flowers/images");
        await other.WaitForSelectorAsync("#gallery[data-loaded='8']");
        var captions = await other.EvaluateAsync<string[]>(
            "() => [...document.querySelectorAll('.tile')].map(t => t.querySelector('.caption').textContent.match(/red|green/)?.[0] ?? '')");
        Assert.Equal(["red", "green", "red", "green", "red", "green", "red", ""], captions);
    }

    /// <summary>Starts a server process. Returns the link that it prints.</summary>
    private async Task<string> StartAsync(Uri address)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");
        string[] arguments = ["exec", program, "serve", "--data", Path.Combine(_data, "data"), "--urls", address.ToString()];
        var server = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _servers.Add(server);
        server.ErrorDataReceived += (_, _) => { };
        server.BeginErrorReadLine();
        while (await server.StandardOutput.ReadLineAsync(Cancel) is { } line)
        {
            if (Link().Match(line) is { Success: true } link)
            {
                _ = server.StandardOutput.ReadToEndAsync(Cancel);
                return link.Value;
            }
        }

        throw new InvalidOperationException("The server ended before it printed a link.");
    }

    private static void Kill(Process server)
    {
        if (!server.HasExited)
        {
            server.Kill();
            server.WaitForExit();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex(@"http://\S+/ui/sign-in\?ticket=\S+")]
    private static partial Regex Link();
}
