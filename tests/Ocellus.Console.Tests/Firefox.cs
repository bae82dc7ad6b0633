using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ocellus.Console.Tests;

/// <summary>Firefox as Debian has it, over WebDriver BiDi: Playwright drives only one of its own.</summary>
internal sealed class Firefox : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket = new();
    private readonly List<string> _errors = [];
    private int _id;
    private string _context = "";

    private Firefox(Process process, string profile) => (_process, _profile) = (process, profile);

    /// <summary>Where Firefox is: the variable OCELLUS_FIREFOX, or where Debian has it.</summary>
    public static string Program => Environment.GetEnvironmentVariable("OCELLUS_FIREFOX") ?? "/usr/bin/firefox-esr";

    /// <summary>Errors that pages wrote to the console.</summary>
    public IReadOnlyList<string> Errors => _errors;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<Firefox> StartAsync()
    {
        var profile = Directory.CreateTempSubdirectory("ocellus-firefox-").FullName;
        // Without a word to anyone.
        await File.WriteAllTextAsync(
            Path.Combine(profile, "user.js"),
            """
            user_pref("datareporting.policy.dataSubmissionEnabled", false);
            user_pref("toolkit.telemetry.enabled", false);
            user_pref("app.normandy.enabled", false);
            user_pref("browser.safebrowsing.malware.enabled", false);
            user_pref("browser.safebrowsing.phishing.enabled", false);
            user_pref("network.captive-portal-service.enabled", false);
            user_pref("network.connectivity-service.enabled", false);
            user_pref("services.settings.server", "http://127.0.0.1:9/");
            user_pref("browser.shell.checkDefaultBrowser", false);
            """,
            Cancel);
        var start = new ProcessStartInfo(Program, ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["HOME"] = profile;
        var firefox = new Firefox(Process.Start(start)!, profile);
        try
        {
            await firefox.ConnectAsync();
            return firefox;
        }
        catch
        {
            await firefox.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens an address and waits until its page is loaded.</summary>
    public Task GotoAsync(string address) => SendAsync("browsingContext.navigate", new { context = _context, url = address, wait = "complete" });

    /// <summary>The value of an expression, a text, a number or a truth; promises are awaited.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        var answer = await SendAsync("script.evaluate", new { expression, target = new { context = _context }, awaitPromise = true });
        return answer["type"]?.GetValue<string>() == "success"
            ? answer["result"]?["value"]
            : throw new InvalidOperationException(answer["exceptionDetails"]?["text"]?.GetValue<string>());
    }

    /// <summary>Waits until an expression is true.</summary>
    public async Task UntilAsync(string expression)
    {
        var began = Stopwatch.GetTimestamp();
        while ((await EvaluateAsync($"!!({expression})"))?.GetValue<bool>() != true)
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < _patience, $"not within {_patience}: {expression}");
            await Task.Delay(50, Cancel);
        }
    }

    /// <summary>Presses and releases a key.</summary>
    public Task PressAsync(string key) => SendAsync(
        "input.performActions",
        new
        {
            context = _context,
            actions = new[]
            {
                new { type = "key", id = "keys", actions = new[] { new { type = "keyDown", value = key }, new { type = "keyUp", value = key } } },
            },
        });

    /// <summary>Drags from one point of the page to another.</summary>
    public Task DragAsync(int x, int y, int toX, int toY) => SendAsync(
        "input.performActions",
        new
        {
            context = _context,
            actions = new object[]
            {
                new
                {
                    type = "pointer",
                    id = "mouse",
                    actions = new object[]
                    {
                        new { type = "pointerMove", x, y }, new { type = "pointerDown", button = 0 },
                        new { type = "pointerMove", x = (x + toX) / 2, y = (y + toY) / 2 }, new { type = "pointerMove", x = toX, y = toY },
                        new { type = "pointerUp", button = 0 },
                    },
                },
            },
        });

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        for (var tries = 50; ; tries--)
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
                return;
            }
            catch (IOException) when (tries > 0)
            {
                // Its children end a moment later, and may still write.
                await Task.Delay(100, CancellationToken.None);
            }
        }
    }

    private async Task ConnectAsync()
    {
        const string Says = "WebDriver BiDi listening on ";
        using var limit = Patience();
        while (await _process.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.Contains(Says, StringComparison.Ordinal))
            {
                _ = _process.StandardError.ReadToEndAsync(CancellationToken.None);
                _ = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
                await _socket.ConnectAsync(new Uri(line[(line.IndexOf(Says, StringComparison.Ordinal) + Says.Length)..].Trim() + "/session"), limit.Token);
                await SendAsync("session.new", new { capabilities = new { } });
                await SendAsync("session.subscribe", new { events = new[] { "log.entryAdded" } });
                _context = (await SendAsync("browsingContext.getTree", new { }))["contexts"]![0]!["context"]!.GetValue<string>();
                return;
            }
        }

        throw new InvalidOperationException("Firefox ended before it listened.");
    }

    /// <summary>A browser that hangs ends its test, and not the run.</summary>
    private static CancellationTokenSource Patience()
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(_patience);
        return limit;
    }

    private async Task<JsonNode> SendAsync(string method, object parameters)
    {
        using var limit = Patience();
        var id = ++_id;
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(new { id, method, @params = parameters }), WebSocketMessageType.Text, endOfMessage: true, limit.Token);
        while (true)
        {
            var message = await ReceiveAsync(limit.Token);
            if (message["method"]?.GetValue<string>() == "log.entryAdded" && message["params"]?["level"]?.GetValue<string>() == "error")
            {
                _errors.Add(message["params"]!["text"]!.GetValue<string>());
            }

            if (message["id"]?.GetValue<int>() == id)
            {
                return message["result"] ?? throw new InvalidOperationException(
                    string.Create(CultureInfo.InvariantCulture, $"{method}: {message["error"]}: {message["message"]}"));
            }
        }
    }

    private async Task<JsonNode> ReceiveAsync(CancellationToken cancel)
    {
        using var text = new MemoryStream();
        var buffer = new byte[1 << 16];
        ValueWebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer.AsMemory(), cancel);
            text.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);

        return JsonNode.Parse(text.ToArray())!;
    }
}
