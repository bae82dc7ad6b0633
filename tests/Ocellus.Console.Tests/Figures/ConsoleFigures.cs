using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Playwright;
using NetVips;
using Ocellus.Tests;
using static Ocellus.Console.Tests.Images.GalleryTests;

namespace Ocellus.Console.Tests.Figures;

/// <summary>How quick the console is. Not part of the tests: <c>Ocellus.Console.Tests.dll -explicit only</c> prints the figures of bench/results/…/console.md.</summary>
[Collection(BrowserCollection.Name)]
public sealed class ConsoleFigures(Browser browser)
{
    private const int Many = 10_000, Presses = 60;

    /// <summary>Notes when the first picture is there, and how long scripts work before each frame.</summary>
    private const string Watch =
        """
        addEventListener("load", e => { if (e.target.tagName === "IMG" && e.target.currentSrc) window.firstPicture ??= performance.now(); }, true);
        window.frames = [];
        const request = window.requestAnimationFrame.bind(window);
        window.requestAnimationFrame = work => request(time => { const from = performance.now(); work(time); window.frames.push(performance.now() - from); });
        """;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task First_load()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 40, 4);
        foreach (var path in new[] { "/ui/", "/ui/p/flowers/images", "/ui/p/flowers" })
        {
            await using var tab = await browser.OpenAsync(server.BaseAddress);
            await tab.SignInAsync(server);
            // A browser that knows nothing, but for the session.
            var cdp = await tab.Context.NewCDPSessionAsync(tab.Page);
            await cdp.SendAsync("Network.enable");
            await cdp.SendAsync("Network.clearBrowserCache");
            var (requests, bytes, pictures) = (0, 0L, new HashSet<string>(StringComparer.Ordinal));
            cdp.Event("Network.responseReceived").OnEvent += (_, e) =>
            {
                if (e!.Value.GetProperty("type").GetString() == "Image")
                {
                    pictures.Add(e.Value.GetProperty("requestId").GetString()!);
                }
            };
            cdp.Event("Network.loadingFinished").OnEvent += (_, e) =>
            {
                if (!pictures.Contains(e!.Value.GetProperty("requestId").GetString()!))
                {
                    (requests, bytes) = (requests + 1, bytes + e.Value.GetProperty("encodedDataLength").GetInt64());
                }
            };
            await tab.Page.GotoAsync(path, new() { WaitUntil = WaitUntilState.NetworkIdle, Timeout = 5_000 }).ContinueWith(_ => { }, TaskScheduler.Default);
            await Task.Delay(500, Cancel);
            Say($"first load of {path}: {requests} requests, {bytes / 1024.0:0.0} KiB without pictures");
        }
    }

    [Fact(Explicit = true)]
    public async Task Gallery_of_ten_thousand()
    {
        await using var server = await TestServer.StartAsync();
        await PicturesAsync(server, await server.ProjectAsync("flowers"), Many, 640, 480);
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.Page.AddInitScriptAsync(Watch);
        await tab.SignInAsync(server);
        foreach (var kept in new[] { "thumbnails not made yet", "made, browser's cache", "made, browser's cache" })
        {
            await tab.GotoAsync("/ui/p/flowers/images");
            await tab.Page.WaitForFunctionAsync("() => window.firstPicture");
            var first = await tab.Page.EvaluateAsync<double>("() => window.firstPicture");
            await tab.Page.WaitForSelectorAsync($"#gallery[data-loaded='{Many}']");
            Say($"gallery of {Many:N0}, {kept}: first picture {first:0} ms, all names known {await NowAsync(tab):0} ms");
        }

        foreach (var (words, from) in new[] { ("thumbnails not made yet", .2), ("made before", .2) })
        {
            var times = new List<double>();
            for (var i = 0; i < 10; i++)
            {
                times.Add(await tab.Page.EvaluateAsync<double>(
                    """
                    async share => {
                      const tiles = document.getElementById("tiles"), frame = () => new Promise(done => requestAnimationFrame(done));
                      tiles.scrollTop = tiles.scrollHeight * share;
                      const from = performance.now(), box = tiles.getBoundingClientRect();
                      for (;;) {
                        await frame();
                        const seen = [...tiles.querySelectorAll(".tile")].filter(t => { const r = t.getBoundingClientRect(); return r.bottom > box.top && r.top < box.bottom; });
                        if (performance.now() - from > 30 && seen.length > 0 && seen.every(t => { const i = t.querySelector("img"); return i?.complete && i.naturalWidth > 0; })) return performance.now() - from;
                      }
                    }
                    """, from + (i * .05)));
            }

            Say($"scroll stop to full screen, {words}: {Words(times)}; {await tab.Page.Locator(".tile").CountAsync()} tiles in the page");
        }
    }

    [Fact(Explicit = true)]
    public async Task Key_to_next_picture()
    {
        await using var server = await TestServer.StartAsync();
        await PicturesAsync(server, await server.ProjectAsync("cells", "boxes"), 2 * Presses + 10, 1280, 960);
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.Page.AddInitScriptAsync(Watch);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/cells/label/train-1");
        await tab.Page.WaitForSelectorAsync("#stage-page[data-ready]");
        Say($"key to next picture of 1280×960, fetched ahead: {Words(await StepsAsync(tab, Presses, 400))}");
        var busy = Enumerable.Range(0, Environment.ProcessorCount)
            .Select(_ => Process.Start("nice", ["-n", "10", "sh", "-c", "while :; do :; done"])).ToList();
        try
        {
            Say($"the same beside work on all cores at a training's priority: {Words(await StepsAsync(tab, Presses, 400))}");
        }
        finally
        {
            busy.ForEach(b => b.Kill(entireProcessTree: true));
        }

        await tab.Page.ReloadAsync();
        await tab.Page.WaitForSelectorAsync("#stage-page[data-ready]");
        var jumps = new List<double>();
        for (var i = 5; i < 65; i += 6)
        {
            await tab.Page.GotoAsync($"/ui/p/cells/label/train-{i}");
            jumps.Add(await tab.Page.WaitForFunctionAsync("() => document.querySelector('#stage-page[data-shows]') && window.firstPicture").ContinueWith(
                async _ => await tab.Page.EvaluateAsync<double>("() => window.firstPicture"), TaskScheduler.Default).Unwrap());
        }

        Say($"address to picture, the whole page: {Words(jumps)}");
        var times = await tab.Page.EvaluateAsync<double[]>("() => performance.getEntriesByType('resource').filter(r => r.name.includes('/edits')).map(r => r.duration)");
        Say($"edits on this page: {times.Length}");
    }

    [Fact(Explicit = true)]
    public async Task Boxes_and_edits()
    {
        await using var server = await TestServer.StartAsync();
        await PicturesAsync(server, await server.ProjectAsync("cells", "boxes"), 2, 4096, 4096);
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.Page.AddInitScriptAsync(Watch);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/cells/label/train-1");
        await tab.Page.WaitForSelectorAsync("#stage-page[data-shows]");
        var box = (await tab.Page.Locator("#canvas").BoundingBoxAsync())!;
        var mouse = tab.Page.Mouse;
        for (var i = 0; i < 50; i++)
        {
            var (x, y) = (box.X + 200 + (i % 10 * 34), box.Y + 60 + (i / 10 * 50));
            await mouse.MoveAsync(x, y);
            await mouse.DownAsync();
            await mouse.MoveAsync(x + 24, y + 36, new() { Steps = 2 });
            await mouse.UpAsync();
            await tab.Page.Keyboard.PressAsync("Escape");
        }

        await SavedAsync(tab);
        await tab.Page.EvaluateAsync("() => { window.frames.length = 0; }");
        await mouse.MoveAsync(box.X + 210, box.Y + 70);
        await mouse.DownAsync();
        await mouse.UpAsync();
        await mouse.DownAsync();
        for (var i = 0; i < 120; i++)
        {
            await mouse.MoveAsync(box.X + 210 + i, box.Y + 70 + (i % 30));
        }

        await mouse.UpAsync();
        Say($"a box dragged among 50 over 4096×4096, script before a frame: {Words([.. await tab.Page.EvaluateAsync<double[]>("() => window.frames")])}");
        await SavedAsync(tab);
        var edits = await tab.Page.EvaluateAsync<double[]>("() => performance.getEntriesByType('resource').filter(r => r.name.endsWith('/edits')).map(r => r.duration)");
        Say($"an edit stored: {Words([.. edits])}");
    }

    private static async Task<List<double>> StepsAsync(Tab tab, int count, int pauseMs)
    {
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            await Task.Delay(pauseMs, Cancel);
            times.Add(await tab.Page.EvaluateAsync<double>(
                """
                () => new Promise(done => {
                  const page = document.getElementById("stage-page"), before = page.dataset.shows, from = performance.now();
                  const look = () => page.dataset.shows !== before && document.getElementById("picture").complete ? done(performance.now() - from) : requestAnimationFrame(look);
                  document.getElementById("stage").dispatchEvent(new KeyboardEvent("keydown", { key: "d", code: "KeyD", bubbles: true }));
                  requestAnimationFrame(look);
                })
                """));
        }

        return times;
    }

    /// <summary>A project of different JPEG pictures.</summary>
    private static async Task PicturesAsync(TestServer server, string projectArn, int count, int width, int height)
    {
        await server.CreateBucketAsync("images");
        using var noise = Image.Gaussnoise(width, height, mean: 128, sigma: 20).Gaussblur(2).Cast(Enums.BandFormat.Uchar);
        var picture = noise.JpegsaveBuffer(q: 80);
        var lines = new StringBuilder();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancel }, async (i, _) =>
            // Other bytes after the picture's end are another file of the same picture.
            await server.PutObjectAsync("images", $"{i}.jpg", [.. picture, .. BitConverter.GetBytes(i)]));
        for (var i = 0; i < count; i++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"{{\"source-ref\":\"s3://images/{i}.jpg\"}}\n");
        }

        await server.PutObjectAsync("images", "m", Encoding.UTF8.GetBytes(lines.ToString()));
        var made = await server.DoAsync("CreateDataset", new
        {
            ProjectArn = projectArn,
            DatasetType = "TRAIN",
            DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "m" } } },
        });
        var dataset = new { DatasetArn = made.GetProperty("DatasetArn").GetString() };
        while ((await server.DoAsync("DescribeDataset", dataset)).GetProperty("DatasetDescription").GetProperty("Status").GetString() != "CREATE_COMPLETE")
        {
            await Task.Delay(50, Cancel);
        }
    }

    private static Task<double> NowAsync(Tab tab) => tab.Page.EvaluateAsync<double>("() => performance.now()");

    internal static string Words(List<double> times)
    {
        times.Sort();
        return times.Count == 0 ? "none" : string.Create(
            CultureInfo.InvariantCulture, $"median {times[times.Count / 2]:0.0} ms, p95 {times[(int)Math.Ceiling(.95 * times.Count) - 1]:0.0} ms of {times.Count}");
    }

    internal static void Say(FormattableString words) => System.Console.Out.WriteLine("FIGURE " + words.ToString(CultureInfo.InvariantCulture));
}
