using Ocellus.Projects;
using Ocellus.Tests;

namespace Ocellus.Console.Tests;

/// <summary>Each page in both colours and both widths: accessible, without sideways scrolling, without an error in the browser's console.</summary>
[Collection(BrowserCollection.Name)]
public sealed class PagesTests(Browser browser)
{
    [Fact]
    public async Task Every_page_is_accessible()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        tab.Expected = ["status of 404", "status of 403"];
        var wrong = new List<string>();
        async Task LookAsync(string path, string name, params string[] clicks)
        {
            await tab.Page.SetViewportSizeAsync(1280, 800);
            await tab.GotoAsync(path);
            foreach (var click in clicks)
            {
                await tab.Page.ClickAsync(click);
            }

            wrong.AddRange(await tab.CheckAsync(name));
        }

        await LookAsync("/ui/sign-in", "sign-in");
        await tab.SignInAsync(server);
        await LookAsync("/ui/", "home-empty");

        var flowers = await server.ProjectAsync("flowers");
        await server.ImagesAsync(flowers, 12, 9);
        await server.VersionAsync(flowers, "v1", ProjectVersionStatus.TRAINING_COMPLETED, .9132);
        await server.VersionAsync(
            flowers, "v2", ProjectVersionStatus.TRAINING_FAILED, message: "The manifest has no line that can be used: all 12 images are missing.");
        await server.VersionAsync(
            flowers, "v3", ProjectVersionStatus.TRAINING_IN_PROGRESS, message: "The model is being trained. Phase fine-tuning, 120 of 400, about 73 s left.");
        await server.VersionAsync(flowers, "v4", ProjectVersionStatus.STOPPED, .9411);
        var cells = await server.ProjectAsync("blood-cells", "boxes");
        await server.ImagesAsync(cells, 6, 6);
        await server.ProjectAsync("a-project-with-a-name-that-is-rather-long-and-has-no-place-where-a-line-could-end_2026.11.29");

        await LookAsync("/ui/", "home");
        await LookAsync("/ui/", "menu", "[aria-label=Menu]");
        await LookAsync("/ui/", "new-project", "text=New project");
        await LookAsync("/ui/p/flowers", "project");
        await LookAsync("/ui/p/flowers/images", "images");
        await LookAsync("/ui/p/flowers/models", "models");
        await LookAsync("/ui/p/flowers/models", "train", "text=Train a model");
        await LookAsync("/ui/p/flowers/models/v4", "model");
        await LookAsync("/ui/p/flowers/models/v3", "model-training");
        await LookAsync("/ui/p/flowers/settings", "settings");
        await LookAsync("/ui/keys", "keys");
        await LookAsync("/ui/system", "system");
        await LookAsync("/ui/p/nothing", "not-found");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }
}
