using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Storage;
using Ocellus.Tests;
using Ocellus.Tests.Hosting;

namespace Ocellus.Console.Tests.Suggestions;

/// <summary>Suggestions, as a person sees and accepts them; and what the health and settings pages mend.</summary>
[Collection(BrowserCollection.Name)]
public sealed class SuggestionTests(Browser browser)
{
    private static readonly string _cells = Path.Combine(AppContext.BaseDirectory, "samples", "cells");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ghosts_are_accepted_by_a_key_rejected_or_accepted_by_the_screen()
    {
        await using var server = await TestServer.StartAsync();
        await CellsAsync(server, 24, labelled: 12);
        await using var tab = await OpenAsync(server, "images?order=most");
        await tab.Page.WaitForSelectorAsync("#suggestions[data-source='head'][data-ready='24']", new() { Timeout = 60_000 });
        await tab.Page.WaitForSelectorAsync(".tile[data-at='0'] .ghost");
        Assert.Empty(await tab.CheckAsync("suggestions"));
        await tab.Page.SetViewportSizeAsync(1280, 800);
        await tab.Page.FocusAsync("#tiles");
        await tab.Page.Keyboard.PressAsync("Home");
        var first = await NameAsync(tab);
        var ghost = await tab.Page.InnerTextAsync(".tile[data-at='0'] .ghost");

        await tab.Page.Keyboard.PressAsync("Enter");
        await SavedAsync(tab);
        var line = await LineAsync(server, first);
        Assert.StartsWith(Class(line), ghost, StringComparison.Ordinal);
        Assert.Contains("\"human-annotated\":\"yes\"", line, StringComparison.Ordinal);

        var second = await NameAsync(tab);
        Assert.NotEqual(first, second);
        await tab.Page.Keyboard.PressAsync("x");
        Assert.Equal("Rejected", await tab.Page.TextContentAsync("#live"));
        await tab.Page.EvaluateAsync("""() => { const s = document.querySelector("#threshold"); s.value = "40"; s.dispatchEvent(new Event("input")); }""");
        await tab.Page.Keyboard.PressAsync("Shift+Enter");
        await SavedAsync(tab);
        Assert.DoesNotContain("class-name", await LineAsync(server, second), StringComparison.Ordinal);
        Assert.True((await LinesAsync(server)).Count(l => l.Contains("\"human-annotated\":\"no\"", StringComparison.Ordinal)) >= 3);
        await tab.Page.Keyboard.PressAsync("Control+z");
        await SavedAsync(tab);
        Assert.DoesNotContain(await LinesAsync(server), l => l.Contains("\"human-annotated\":\"no\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_stage_shows_suggested_boxes_which_a_click_or_a_key_accepts()
    {
        await using var server = await TestServer.StartAsync();
        await BloodAsync(server);
        await using var tab = await OpenAsync(server, "label/train-1");
        await tab.Page.WaitForSelectorAsync("#stage-page[data-ready='yes']");
        await tab.Page.WaitForSelectorAsync("#stage-page[data-ghosts]:not([data-ghosts='0'])", new() { Timeout = 60_000 });
        Assert.Empty(await tab.CheckAsync("suggested-boxes"));
        await tab.Page.SetViewportSizeAsync(1280, 800);
        var before = int.Parse((await tab.Page.GetAttributeAsync("#stage-page", "data-ghosts"))!, System.Globalization.CultureInfo.InvariantCulture);

        await tab.Page.FocusAsync("#stage");
        await tab.Page.Keyboard.PressAsync("y");
        await SavedAsync(tab);
        await tab.Page.WaitForSelectorAsync("#boxes li");
        Assert.Contains("\"class-map\"", (await LinesAsync(server))[0], StringComparison.Ordinal);
        Assert.Contains("cell", (await LinesAsync(server))[0], StringComparison.Ordinal);
        await tab.Page.Keyboard.PressAsync("x");
        await tab.Page.WaitForFunctionAsync($"() => Number(document.querySelector('#stage-page').dataset.ghosts) <= {before - 2}");

        // A box that is moved off its thing is brought back.
        var box = await NumbersAsync(tab);
        await tab.Page.Keyboard.PressAsync("Shift+ArrowRight");
        Assert.NotEqual(box, await NumbersAsync(tab));
        await tab.Page.Keyboard.PressAsync("s");
        Assert.Equal(box, await NumbersAsync(tab));
        await tab.Page.Keyboard.PressAsync("s");
        Assert.NotEqual(box, await NumbersAsync(tab));
        await SavedAsync(tab);
    }

    [Fact]
    public async Task The_health_page_shows_suspects_and_mends_them()
    {
        await using var server = await TestServer.StartAsync();
        await CellsAsync(server, 30, labelled: 30, wrong: 4);
        await using var tab = await OpenAsync(server, "health");
        await tab.Page.WaitForSelectorAsync("#findings[data-ready='yes']", new() { Timeout = 60_000 });
        await tab.Page.WaitForSelectorAsync("#suspects .group");
        Assert.Empty(await tab.CheckAsync("suspects"));
        var right = Class((await LinesAsync(server))[4], wrong: true);

        await tab.Page.ClickAsync("#suspects .group:first-of-type button:has-text('It is')");
        await HostedVersions.UntilAsync(async () => Class((await LinesAsync(server))[4]) == right, () => "the label stays wrong");
    }

    [Fact]
    public async Task Labels_are_renamed_merged_and_coloured_and_letters_are_others()
    {
        await using var server = await TestServer.StartAsync();
        await CellsAsync(server, 6, labelled: 6);
        await using var tab = await OpenAsync(server, "settings");
        await tab.Page.WaitForSelectorAsync("#labels[data-ready='3']");
        Assert.Empty(await tab.CheckAsync("settings-labels"));
        await tab.Page.SetViewportSizeAsync(1280, 800);

        await tab.Page.ClickAsync("#rename-0");
        await tab.Page.FillAsync("#rename-to", "corpuscle");
        await tab.Page.ClickAsync("#rename-do");
        await tab.Page.WaitForSelectorAsync("#labels .chip:has-text('corpuscle')");
        await tab.Page.SelectOptionAsync("#colour-1", "5");
        await tab.Page.WaitForSelectorAsync("#labels .chip.c5");
        await tab.Page.ClickAsync("#rename-1");
        await tab.Page.FillAsync("#rename-to", "corpuscle");
        Assert.Equal("Merge", await tab.Page.TextContentAsync("#rename-do"));
        await tab.Page.ClickAsync("#rename-do");
        await tab.Page.WaitForSelectorAsync("#labels[data-ready='2']");
        Assert.Equal(4, (await LinesAsync(server)).Count(l => l.Contains("corpuscle", StringComparison.Ordinal)));

        await tab.Page.ClickAsync("summary:has-text('Other letters')");
        await tab.Page.FillAsync("#hotkey-u", "k");
        await tab.Page.PressAsync("#hotkey-u", "Tab");
        await tab.GotoAsync("/ui/p/cells/images");
        await tab.Page.WaitForSelectorAsync("#gallery[data-ready='yes']");
        await tab.Page.FocusAsync("#tiles");
        await tab.Page.Keyboard.PressAsync("u");
        await tab.Page.Keyboard.PressAsync("k");
        Assert.Equal("Unsure: yes", await tab.Page.TextContentAsync("#live"));
    }

    private async Task<Tab> OpenAsync(TestServer server, string page)
    {
        var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.SignInAsync(server);
        var project = page.StartsWith("label", StringComparison.Ordinal) ? "blood" : "cells";
        await tab.GotoAsync($"/ui/p/{project}/{page}");
        return tab;
    }

    /// <summary>A project of cells, kinds by turns, of which the first have labels, one of them a wrong one.</summary>
    private static async Task CellsAsync(TestServer server, int count, int labelled, int wrong = -1)
    {
        Assert.SkipUnless(Directory.Exists(_cells), "the samples are not here");
        string[][] kinds = [.. Directory.GetFiles(Path.Combine(_cells, "train"), "*.jpg").Order(StringComparer.Ordinal)
            .GroupBy(f => Path.GetFileName(f)[..Path.GetFileName(f).LastIndexOf('-')], StringComparer.Ordinal).Select(g => g.ToArray())];
        var arn = await server.ProjectAsync("cells");
        await server.CreateBucketAsync("images");
        var lines = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            var file = kinds[i % kinds.Length][i / kinds.Length];
            await server.PutObjectAsync("images", "cells/" + Path.GetFileName(file), await File.ReadAllBytesAsync(file, Cancel));
            var of = kinds[(i == wrong ? i + 1 : i) % kinds.Length][0];
            var label = Path.GetFileName(of)[..Path.GetFileName(of).LastIndexOf('-')];
            lines.Append($$"""{"source-ref":"s3://images/cells/{{Path.GetFileName(file)}}" """.TrimEnd());
            if (i < labelled)
            {
                lines.Append(
                    $$$""","kind":0,"kind-metadata":{"class-name":"{{{label}}}","confidence":1,"type":"groundtruth/image-classification","""
                        + "\"human-annotated\":\"yes\",\"creation-date\":\"2026-01-01T00:00:00\"}");
            }

            lines.Append("}\n");
        }

        await ImportAsync(server, arn, "cells", lines.ToString());
    }

    /// <summary>A project of two images of blood without boxes, and a label.</summary>
    private static async Task BloodAsync(TestServer server)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "samples", "blood");
        Assert.SkipUnless(Directory.Exists(folder), "the samples are not here");
        var arn = await server.ProjectAsync("blood", "boxes");
        await server.CreateBucketAsync("images");
        var lines = new StringBuilder();
        foreach (var file in Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(2))
        {
            await server.PutObjectAsync("images", "blood/" + Path.GetFileName(file), await File.ReadAllBytesAsync(file, Cancel));
            lines.Append($$"""{"source-ref":"s3://images/blood/{{Path.GetFileName(file)}}"}""").Append('\n');
        }

        await ImportAsync(server, arn, "blood", lines.ToString());
        await using var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = $"INSERT INTO console_labels (project_arn, label, colour, hotkey) VALUES ('{arn}', 'cell', -1, '')";
        await command.ExecuteNonQueryAsync(Cancel);
    }

    private static async Task ImportAsync(TestServer server, string arn, string project, string lines)
    {
        await server.PutObjectAsync("images", $"{project}/train.manifest", Encoding.UTF8.GetBytes(lines));
        var made = await server.DoAsync("CreateDataset", new
        {
            ProjectArn = arn,
            DatasetType = "TRAIN",
            DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = $"{project}/train.manifest" } } },
        });
        await HostedVersions.UntilAsync(
            async () => (await server.DoAsync("DescribeDataset", new { DatasetArn = made.GetProperty("DatasetArn").GetString() }))
                .GetProperty("DatasetDescription").GetProperty("Status").GetString() == "CREATE_COMPLETE",
            () => "the import does not end");
    }

    private static async Task SavedAsync(Tab tab) => await tab.Page.WaitForFunctionAsync("() => document.documentElement.dataset.waiting === '0'");

    private static async Task<string> NameAsync(Tab tab) => (await tab.Page.InnerTextAsync("#focus .ellipsis")).Split(' ')[0];

    private static async Task<string> NumbersAsync(Tab tab) =>
        await tab.Page.EvaluateAsync<string>("() => [...document.querySelectorAll('.numbers input')].map(i => i.value).join(' ')");

    private static async Task<string[]> LinesAsync(TestServer server)
    {
        await using var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT entry FROM dataset_entries ORDER BY ordinal";
        await using var reader = await command.ExecuteReaderAsync(Cancel);
        var lines = new List<string>();
        while (await reader.ReadAsync(Cancel))
        {
            lines.Add(reader.GetString(0));
        }

        return [.. lines];
    }

    private static async Task<string> LineAsync(TestServer server, string name) =>
        (await LinesAsync(server)).Single(l => l.Contains($"/{name}\"", StringComparison.Ordinal));

    /// <summary>The label of a line; or that of its file's name, if the line has a wrong one.</summary>
    private static string Class(string line, bool wrong = false)
    {
        using var json = JsonDocument.Parse(line);
        if (wrong)
        {
            var file = json.RootElement.GetProperty("source-ref").GetString()!.Split('/')[^1];
            return file[..file.LastIndexOf('-')];
        }

        return json.RootElement.EnumerateObject().First(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal) && p.Name != "cl-metadata")
            .Value.GetProperty("class-name").GetString()!;
    }
}
