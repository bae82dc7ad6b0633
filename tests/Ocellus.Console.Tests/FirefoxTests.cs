using System.Text.Json;
using Ocellus.Console.Tests.Images;
using Ocellus.Tests;

namespace Ocellus.Console.Tests;

/// <summary>The console in another browser: what a person does most. Not beside the tests in the first one, which wait for seconds only.</summary>
[Collection(BrowserCollection.Name)]
public sealed class FirefoxTests
{
    [Fact]
    public async Task Images_are_labelled_and_boxes_drawn_in_Firefox()
    {
        Assert.SkipUnless(File.Exists(Firefox.Program), $"there is no {Firefox.Program} (Debian: firefox-esr)");
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 6, 2);
        await using var firefox = await Firefox.StartAsync();
        var root = server.BaseAddress.GetLeftPart(UriPartial.Authority);
        await firefox.GotoAsync(root + await Tab.LinkAsync(server));
        await firefox.UntilAsync("location.pathname === '/ui/'");

        await firefox.GotoAsync(root + "/ui/p/flowers/images");
        await firefox.UntilAsync("document.querySelector('#gallery[data-ready]') && document.querySelectorAll('.tile img').length === 6");
        await firefox.EvaluateAsync("document.getElementById('tiles').focus()");
        foreach (var key in new[] { "d", "1", "2" })
        {
            await firefox.PressAsync(key);
        }

        await firefox.UntilAsync("document.documentElement.dataset.waiting === '0'");
        Assert.Equal(["red", "green", "red", "green", "", ""], await GalleryTests.LabelsAsync(server));

        await StageTests.BoxesAsync(server, 1);
        await firefox.GotoAsync(root + "/ui/p/boxes/label/train-1");
        await firefox.UntilAsync("document.querySelector('#stage-page[data-ready][data-shows]')");
        // The transform of the picture is set before a frame.
        await firefox.EvaluateAsync("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
        // The image of 400 × 300 fits the stage: from its first quarter to its middle.
        var view = JsonSerializer.Deserialize<double[]>((await firefox.EvaluateAsync(
            "(() => { const r = document.getElementById('picture').getBoundingClientRect(); return JSON.stringify([r.left, r.top, r.width, r.height]); })()"))!
            .GetValue<string>())!;
        await firefox.DragAsync(
            (int)Math.Round(view[0] + view[2] / 4), (int)Math.Round(view[1] + view[3] / 4), (int)Math.Round(view[0] + view[2] / 2),
            (int)Math.Round(view[1] + view[3] / 2));
        await firefox.UntilAsync("document.getElementById('count').textContent === '1'");
        await firefox.UntilAsync("document.documentElement.dataset.waiting === '0'");
        var found = await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { "boxes" } });
        var arn = found.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[0].GetProperty("DatasetArn").GetString();
        var line = (await server.DoAsync("ListDatasetEntries", new { DatasetArn = arn })).GetProperty("DatasetEntries")[0].GetString()!;
        var box = JsonSerializer.Deserialize<JsonElement>(line).GetProperty("boxes").GetProperty("annotations")[0];
        Assert.Equal([100, 75, 100, 75], new[] { "left", "top", "width", "height" }.Select(side => box.GetProperty(side).GetInt32()));
        Assert.Equal([], firefox.Errors);
    }
}
