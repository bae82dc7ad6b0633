using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Storage;
using Ocellus.Tests;

namespace Ocellus.Console.Tests.Images;

/// <summary>The gallery, as a person uses it: by keys, by painting, with files dropped on it.</summary>
[Collection(BrowserCollection.Name)]
public sealed class GalleryTests(Browser browser)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_key_labels_an_image_and_goes_to_the_next()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 12, 4);
        await using var tab = await OpenAsync(server, "flowers");

        await tab.Page.FocusAsync("#tiles");
        await tab.Page.Keyboard.PressAsync("d");
        Assert.Equal("4", await FocusAsync(tab));
        await tab.Page.Keyboard.PressAsync("1");
        await tab.Page.Keyboard.PressAsync("2");
        Assert.Equal("6", await FocusAsync(tab));
        Assert.Equal("green, 3 of 12", await tab.Page.TextContentAsync("#live"));
        await SavedAsync(tab);
        Assert.Equal(["red", "green", "red", "green", "red", "green", "", ""], (await LabelsAsync(server))[..8]);

        await tab.Page.Keyboard.PressAsync("Control+z");
        Assert.Equal("5", await FocusAsync(tab));
        await SavedAsync(tab);
        Assert.Equal(["red", ""], (await LabelsAsync(server))[4..6]);
        await tab.Page.Keyboard.PressAsync("Control+Shift+z");
        // Several at once, with a label that is new.
        await tab.Page.Keyboard.PressAsync("End");
        await tab.Page.Keyboard.PressAsync("Shift+ArrowLeft");
        await tab.Page.Keyboard.PressAsync("l");
        await tab.Page.Keyboard.TypeAsync("<img src=x onerror=alert(1)>");
        await tab.Page.Keyboard.PressAsync("Enter");
        await SavedAsync(tab);
        Assert.Equal(
            ["green", "", "", "", "", "<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"], (await LabelsAsync(server))[5..]);
    }

    [Fact]
    public async Task Holding_a_digit_and_drawing_over_images_paints_its_label_and_is_one_step_to_undo()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 12, 2);
        await using var tab = await OpenAsync(server, "flowers");
        await tab.Page.FocusAsync("#tiles");

        await tab.Page.Keyboard.DownAsync("2");
        await tab.Page.HoverAsync(".tile[data-at='3'] .frame");
        await tab.Page.Mouse.DownAsync();
        await tab.Page.HoverAsync(".tile[data-at='4'] .frame");
        await tab.Page.HoverAsync(".tile[data-at='9'] .frame");
        await tab.Page.Mouse.UpAsync();
        await tab.Page.Keyboard.UpAsync("2");

        await SavedAsync(tab);
        var labels = await LabelsAsync(server);
        Assert.Equal("red", labels[0]);
        Assert.Equal(("green", "green", "green", ""), (labels[3], labels[4], labels[9], labels[2]));
        await tab.Page.Keyboard.PressAsync("Control+z");
        await SavedAsync(tab);
        Assert.Equal("red green", string.Join(' ', await LabelsAsync(server)).Trim());
    }

    [Fact]
    public async Task Changes_survive_a_lost_connection_and_a_page_that_is_gone()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 8, 2);
        await using var tab = await OpenAsync(server, "flowers");
        tab.Expected = ["ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION", "ERR_FAILED"];
        await tab.Page.FocusAsync("#tiles");
        await tab.Page.Keyboard.PressAsync("d");

        await tab.Context.SetOfflineAsync(true);
        foreach (var key in new[] { "1", "2", "1" })
        {
            await tab.Page.Keyboard.PressAsync(key);
        }

        await tab.Page.WaitForSelectorAsync("text=No connection: 3 changes are kept");
        Assert.Equal("", (await LabelsAsync(server))[2]);
        await tab.Context.SetOfflineAsync(false);
        await SavedAsync(tab);
        Assert.Equal(["red", "green", "red", ""], (await LabelsAsync(server))[2..6]);

        // The page goes before the server has the change; the next one sends it.
        await tab.Context.SetOfflineAsync(true);
        await tab.Page.Keyboard.PressAsync("2");
        await tab.Page.WaitForSelectorAsync("text=No connection: 1 change is kept");
        await tab.Page.CloseAsync();
        await tab.Context.SetOfflineAsync(false);
        Assert.Equal("", (await LabelsAsync(server))[5]);
        var next = await tab.Context.NewPageAsync();
        await next.GotoAsync("/ui/p/flowers/images");
        await next.WaitForSelectorAsync(".tile[data-at='5'] .caption:has-text('green')");
        await AwaitLabelAsync(server, 5, "green");
    }

    [Fact]
    public async Task Two_people_at_one_image_are_asked_what_to_keep()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 6, 2);
        await using var one = await OpenAsync(server, "flowers");
        await using var two = await OpenAsync(server, "flowers");
        await two.Page.WaitForSelectorAsync(".tile .who");

        // Both see the image as it is now, and label it.
        await one.Page.ClickAsync(".tile[data-at='4']");
        await two.Page.ClickAsync(".tile[data-at='4']");
        await one.Page.Keyboard.PressAsync("1");
        await SavedAsync(one);
        await two.Page.Keyboard.PressAsync("2");
        await two.Page.WaitForSelectorAsync("dialog.conflict");
        Assert.Contains("red", await two.Page.TextContentAsync("dialog.conflict"), StringComparison.Ordinal);
        Assert.Equal("red", (await LabelsAsync(server))[4]);
        Assert.Empty(await two.CheckAsync("images-conflict"));
        await two.Page.ClickAsync("text=Keep mine");
        await AwaitLabelAsync(server, 4, "green");
        // The other sees it without doing anything.
        await one.Page.WaitForSelectorAsync(".tile[data-at='4'] .caption:has-text('green')");
    }

    [Fact]
    public async Task Files_and_folders_are_added_and_what_is_refused_is_listed()
    {
        await using var server = await TestServer.StartAsync();
        await server.ProjectAsync("flowers");
        await using var tab = await OpenAsync(server, "flowers");
        tab.Expected = ["status of 400"];
        Assert.Empty(await tab.CheckAsync("images-empty"));
        var folder = Directory.CreateTempSubdirectory("ocellus-drop-").FullName;
        try
        {
            foreach (var (label, from) in new[] { ("rose", 0), ("tulip", 20) })
            {
                Directory.CreateDirectory(Path.Combine(folder, label));
                for (var i = from; i < from + 20; i++)
                {
                    var image = TestPng.Solid(96, 64, (byte)(i * 6), 90, (byte)(240 - i * 6));
                    await File.WriteAllBytesAsync(Path.Combine(folder, label, $"{i}.png"), image, Cancel);
                }
            }

            await File.WriteAllTextAsync(Path.Combine(folder, "rose", "no image <img onerror=alert(1)>.jpg"), "text", Cancel);
            await tab.Page.SetInputFilesAsync("input[webkitdirectory]", folder);
            await tab.Page.WaitForSelectorAsync("text=40 added, 1 refused");
            await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='40']");
            Assert.Contains("must be JPEG or PNG", await tab.Page.TextContentAsync(".refused"), StringComparison.Ordinal);
            Assert.Empty(await tab.CheckAsync("images-uploaded"));
            await tab.Page.SetViewportSizeAsync(1280, 800);
            Assert.Equal(["rose", "tulip"], (await LabelsAsync(server)).Distinct().Order());

            // Dropping again resumes.
            await tab.Page.ClickAsync("#uploads >> text=Close");
            await tab.Page.SetInputFilesAsync("input[webkitdirectory]", folder);
            await tab.Page.WaitForSelectorAsync("text=40 there already, 1 refused");
            // A filter is an address.
            await tab.Page.ClickAsync("#filter-labels >> text=tulip");
            Assert.EndsWith("?label=tulip", tab.Page.Url, StringComparison.Ordinal);
            await tab.Page.ReloadAsync();
            await tab.Page.WaitForSelectorAsync("#gallery[data-ready]");
            Assert.Equal("20 of 40", await tab.Page.TextContentAsync("#filtered"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Removed_and_moved_images_can_be_put_back()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 6, 6);
        await using var tab = await OpenAsync(server, "flowers");
        await tab.Page.FocusAsync("#tiles");

        await tab.Page.Keyboard.PressAsync("Delete");
        await tab.Page.WaitForSelectorAsync("text=1 image removed.");
        Assert.Equal(5, (await LabelsAsync(server)).Length);
        await tab.Page.ClickAsync("#notice button");
        await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='6']");
        await tab.Page.WaitForFunctionAsync("() => document.querySelectorAll('.tile').length === 6");
        Assert.Equal(6, (await LabelsAsync(server)).Length);

        await tab.Page.FocusAsync("#tiles");
        await tab.Page.Keyboard.PressAsync("t");
        await tab.Page.WaitForSelectorAsync("text=moved to the other set");
        await tab.Page.WaitForSelectorAsync("#filter-sets button:has-text('Test') .count:has-text('1')");
        Assert.Equal(5, (await LabelsAsync(server)).Length);
    }

    [Fact]
    public async Task Ten_thousand_images_are_few_tiles_and_every_one_is_reached()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 2, 2);
        await using (var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = """
                WITH RECURSIVE n (i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                INSERT INTO dataset_entries (dataset_id, ordinal, source_ref, labeled, has_errors, entry)
                    SELECT e.dataset_id, n.i, 's3://images/none/' || n.i || '.png', 0, 0, '{"source-ref":"s3://images/none/' || n.i || '.png"}'
                    FROM n, dataset_entries e WHERE e.ordinal = 1;
                UPDATE datasets SET total = 10000
                """;
            await command.ExecuteNonQueryAsync(Cancel);
        }

        await using var tab = await OpenAsync(server, "flowers");
        // The pictures of these lines are not there.
        tab.Expected = ["status of 400"];
        await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='10000']");
        await tab.Page.FocusAsync("#tiles");
        for (var i = 0; i < 4; i++)
        {
            await tab.Page.Keyboard.PressAsync("-");
        }

        foreach (var (key, at) in new[] { ("End", "9999"), ("Home", "0"), ("PageDown", null), ("ArrowDown", null) })
        {
            await tab.Page.Keyboard.PressAsync(key);
            Assert.InRange(await tab.Page.Locator(".tile").CountAsync(), 20, 200);
            Assert.Equal(1, await tab.Page.Locator(".tile.focused").CountAsync());
            Assert.True(at is null || at == await FocusAsync(tab));
        }

        await tab.Page.FillAsync("#name", "none/7777.");
        Assert.Equal("1 of 10000", await tab.Page.TextContentAsync("#filtered"));
    }

    internal static async Task<Tab> OpenAsync(TestServer server, string project, Browser browser, string query = "")
    {
        var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.SignInAsync(server);
        await tab.GotoAsync($"/ui/p/{project}/images{query}");
        await tab.Page.WaitForSelectorAsync("#gallery[data-ready]");
        return tab;
    }

    private static async Task AwaitLabelAsync(TestServer server, int at, string label)
    {
        while ((await LabelsAsync(server))[at] != label)
        {
            await Task.Delay(50, Cancel);
        }
    }

    /// <summary>Waits until the server has everything.</summary>
    internal static Task SavedAsync(Tab tab) => tab.Page.WaitForFunctionAsync("() => document.documentElement.dataset.waiting === '0'");

    /// <summary>The labels of the training images as any other client reads them.</summary>
    internal static async Task<string[]> LabelsAsync(TestServer server, string project = "flowers")
    {
        var found = await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { project } });
        var arn = found.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[0].GetProperty("DatasetArn").GetString();
        var lines = await server.DoAsync("ListDatasetEntries", new { DatasetArn = arn });
        return [.. lines.GetProperty("DatasetEntries").EnumerateArray().Select(l => LabelsOf(JsonSerializer.Deserialize<JsonElement>(l.GetString()!)))];
    }

    private static string LabelsOf(JsonElement line) => string.Join(
        ' ', line.EnumerateObject().Where(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal) && p.Value.TryGetProperty("class-name", out _))
            .Select(p => p.Value.GetProperty("class-name").GetString()));

    private Task<Tab> OpenAsync(TestServer server, string project, string query = "") => OpenAsync(server, project, browser, query);

    private static async Task<string?> FocusAsync(Tab tab) => await tab.Page.GetAttributeAsync(".tile.focused", "data-at");
}
