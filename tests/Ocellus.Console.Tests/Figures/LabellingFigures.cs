using System.Diagnostics;
using System.Text.Json;
using Ocellus.Tests;
using static Ocellus.Console.Tests.Figures.ConsoleFigures;
using static Ocellus.Console.Tests.Images.GalleryTests;

namespace Ocellus.Console.Tests.Figures;

/// <summary>
/// How long a person takes to label 300 flowers who needs 400 ms a decision: a label, an accepted screen, a suggestion on it that is put right. The first are
/// labelled one by one; then the surest suggestions are accepted by the screen; what is left is labelled one by one.
/// </summary>
[Collection(BrowserCollection.Name)]
public sealed class LabellingFigures(Browser browser)
{
    private const int Images = 300, FirstLabels = 60, DecisionMs = 400, Threshold = 70;

    private int _decisions;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Three_hundred_flowers()
    {
        var manifest = Environment.GetEnvironmentVariable("OCELLUS_FLOWERS");
        Assert.SkipWhen(manifest is null, "OCELLUS_FLOWERS names no folder with train.manifest and images");
        await using var server = await TestServer.StartAsync();
        await server.ProjectAsync("flowers");
        var truth = await FlowersAsync(manifest);
        await using var tab = await OpenAsync(server, "flowers", browser);
        var page = tab.Page;
        await page.SetInputFilesAsync("#add input[accept='image/jpeg,image/png']", [.. truth.Keys]);
        await page.WaitForSelectorAsync($"#gallery[data-loaded='{truth.Count}']", new() { Timeout = 120_000 });
        var of = truth.ToDictionary(t => Path.GetFileNameWithoutExtension(t.Key), t => t.Value, StringComparer.Ordinal);
        await page.SelectOptionAsync("#order", "");
        await page.FocusAsync("#tiles");
        await page.Keyboard.PressAsync("Home");

        var clock = Stopwatch.StartNew();
        var keys = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < FirstLabels; i++)
        {
            await OneAsync(page, of, keys);
        }

        var first = clock.Elapsed.TotalSeconds;
        // Suggestions by what was labelled; the images are looked at meanwhile.
        await page.WaitForFunctionAsync($"() => document.getElementById('suggestions').dataset.ready === '{truth.Count}'", null, new() { Timeout = 120_000 });
        await page.SelectOptionAsync("#order", "most");
        await page.EvaluateAsync($"() => {{ const s = document.getElementById('threshold'); s.value = '{Threshold}'; s.dispatchEvent(new Event('input')); }}");
        await page.FocusAsync("#tiles");
        await Task.Delay(1000, Cancel);
        var (screens, corrected) = (0, 0);
        while (await page.EvaluateAsync<int>("() => Number(document.getElementById('accept-all').textContent.match(/\\d+/)[0])") > 3)
        {
            foreach (var (at, name) in await WrongAsync(page, of))
            {
                await page.ClickAsync($".tile[data-at='{at}']");
                await DecideAsync();
                await page.Keyboard.PressAsync(keys[of[name]]);
                corrected++;
                break;
            }

            if ((await WrongAsync(page, of)).Count > 0)
            {
                continue;
            }

            await DecideAsync();
            await page.Keyboard.PressAsync("Shift+Enter");
            screens++;
            await Task.Delay(50, Cancel);
            await page.Keyboard.PressAsync("Home");
            await page.EvaluateAsync("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
        }

        await page.SelectOptionAsync("#order", "");
        await page.FocusAsync("#tiles");
        await page.Keyboard.PressAsync("Home");
        await page.Keyboard.PressAsync("d");
        var rest = 0;
        while (await page.EvaluateAsync<bool>("() => [...document.querySelectorAll('#filter-shows button')].some(b => /Unlabelled/.test(b.textContent) && !/\\b0$/.test(b.textContent.trim()))"))
        {
            await OneAsync(page, of, keys);
            rest++;
            if (rest > Images)
            {
                break;
            }
        }

        await SavedAsync(tab);
        var seconds = clock.Elapsed.TotalSeconds;
        var stored = await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { "flowers" } });
        Say($"{truth.Count} flowers: {seconds:0.0} s, {_decisions} decisions; the first {FirstLabels} in {first:0.0} s, {screens} screens accepted with {corrected} put right, the last {rest} one by one");
        var labels = await LabelsOfAllAsync(server, stored);
        Say($"labels as in the truth: {labels.Count(l => of[l.Key] == l.Value)} of {labels.Count}");
    }

    private static async Task<Dictionary<string, string>> FlowersAsync(string folder)
    {
        var truth = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in await File.ReadAllLinesAsync(Path.Combine(folder, "train.manifest"), Cancel))
        {
            var line = JsonSerializer.Deserialize<JsonElement>(text);
            var source = line.GetProperty("source-ref").GetString()!;
            truth[Path.Combine(folder, source[source.IndexOf("images/", StringComparison.Ordinal)..])] = line.GetProperty("label-metadata").GetProperty("class-name").GetString()!;
        }

        // In no order, as pictures come from a camera.
        var random = new Random(1);
        return truth.OrderBy(_ => random.Next()).Take(Images).ToDictionary(t => t.Key, t => t.Value, StringComparer.Ordinal);
    }

    private async Task OneAsync(Microsoft.Playwright.IPage page, Dictionary<string, string> of, Dictionary<string, string> keys)
    {
        var name = (await page.Locator("#focus .ellipsis").TextContentAsync())!.Split(" · ")[0];
        var label = of[Path.GetFileNameWithoutExtension(name)];
        await DecideAsync();
        if (keys.TryGetValue(label, out var key))
        {
            await page.Keyboard.PressAsync(key);
        }
        else
        {
            await page.Keyboard.PressAsync("l");
            await page.Keyboard.TypeAsync(label);
            await page.Keyboard.PressAsync("Enter");
            keys[label] = (await page.Locator($"#bar .label:has-text('{label}') kbd").TextContentAsync())!;
        }
    }

    private async Task DecideAsync()
    {
        _decisions++;
        await Task.Delay(DecisionMs, Cancel);
    }

    /// <summary>The tiles on screen whose suggestion would be accepted and is wrong.</summary>
    private static async Task<List<(string At, string Name)>> WrongAsync(Microsoft.Playwright.IPage page, Dictionary<string, string> of)
    {
        var shown = await page.EvaluateAsync<JsonElement>(
            """
            () => {
              const tiles = document.getElementById("tiles"), box = tiles.getBoundingClientRect();
              return [...tiles.querySelectorAll(".tile")].filter(t => { const r = t.getBoundingClientRect(); return r.bottom > box.top && r.top < box.bottom; })
                .map(t => ({ at: t.dataset.at, says: t.getAttribute("aria-label") }))
                .map(t => ({ at: t.at, name: t.says.split(";")[0], ghost: t.says.match(/suggested: [^;]*/)?.[0] ?? "" }));
            }
            """);
        return
        [
            .. shown.EnumerateArray().Select(t => (At: t.GetProperty("at").GetString()!, Name: t.GetProperty("name").GetString()!, Ghost: t.GetProperty("ghost").GetString()!))
                .Select(t => (t.At, Name: Path.GetFileNameWithoutExtension(t.Name), t.Ghost))
                .Where(t => t.Name.Length > 0 && Percent(t.Ghost) >= Threshold && !t.Ghost.Contains(of[t.Name], StringComparison.Ordinal)).Select(t => (t.At, t.Name)),
        ];
    }

    private static int Percent(string ghost) => int.TryParse(new string([.. ghost.Where(char.IsDigit)]), out var percent) ? percent : 0;

    private static async Task<Dictionary<string, string>> LabelsOfAllAsync(TestServer server, JsonElement projects)
    {
        var arn = projects.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[0].GetProperty("DatasetArn").GetString();
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        string? token = null;
        do
        {
            var part = await server.DoAsync("ListDatasetEntries", new { DatasetArn = arn, MaxResults = 100, NextToken = token });
            foreach (var line in part.GetProperty("DatasetEntries").EnumerateArray().Select(l => JsonSerializer.Deserialize<JsonElement>(l.GetString()!)))
            {
                labels[Path.GetFileNameWithoutExtension(line.GetProperty("source-ref").GetString()!)] = line.EnumerateObject()
                    .Where(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal) && p.Value.TryGetProperty("class-name", out JsonElement _))
                    .Select(p => p.Value.GetProperty("class-name").GetString()!).FirstOrDefault("");
            }

            token = part.TryGetProperty("NextToken", out var next) ? next.GetString() : null;
        }
        while (token is not null);

        return labels;
    }
}
