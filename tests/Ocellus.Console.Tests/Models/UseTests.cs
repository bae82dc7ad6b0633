using Microsoft.Playwright;
using Ocellus.Projects;
using Ocellus.Tests;
using Ocellus.Tests.Hosting;
using Ocellus.Training.Job;
using static Microsoft.Playwright.Assertions;
using static Ocellus.Tests.Console.Models.TestedVersions;

namespace Ocellus.Console.Tests.Models;

/// <summary>Trying, using, comparing and training a model in the browser.</summary>
[Collection(BrowserCollection.Name)]
public sealed class UseTests(Browser browser)
{
    [Fact]
    public async Task A_model_is_started_and_asked_by_file_camera_and_test_image()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        tab.Expected = ["status of 400"];
        var page = tab.Page;
        var red = new FilePayload { Name = "red.jpg", MimeType = "image/jpeg", Buffer = TinyModel.Jpeg(0, 200, 100) };
        var colours = await ColoursAsync(server);
        await server.TestedVersionAsync(colours, "v1", [Classified("s3://images/1.jpg", "green", .1f, .6f, .3f)]);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/colours/models/v1/try");
        Assert.Empty(await tab.CheckAsync("try-stopped"));
        await page.SetViewportSizeAsync(1280, 800);

        // Not running: the server's words, and the button beside them.
        await page.SetInputFilesAsync("#try input[type=file]", red);
        await Expect(page.Locator("#refused")).ToContainTextAsync("TRAINING_COMPLETED");
        await page.GetByRole(AriaRole.Button, new() { Name = "Start v1" }).ClickAsync();
        await Expect(page.Locator("#try-state .next")).ToHaveCountAsync(0);

        await page.SetInputFilesAsync("#try input[type=file]", red);
        await Expect(page.Locator("#answers li").First).ToContainTextAsync("red");
        await Expect(page.Locator("#time")).ToContainTextAsync("ms");
        await page.Keyboard.PressAsync("m");
        await Expect(page.Locator("#asked .heat")).ToHaveCountAsync(1);
        await page.Locator("#confidence").FillAsync("100");
        await Expect(page.Locator("#confidence-value")).ToHaveTextAsync("100 %");
        await Expect(page.Locator("#nothing")).ToBeVisibleAsync();
        await page.ClickAsync("#own");
        Assert.Empty(await tab.CheckAsync("try"));
        await page.SetViewportSizeAsync(1280, 800);

        // What was asked becomes an image to learn from.
        await page.Locator("#add-label").SelectOptionAsync("red");
        await page.ClickAsync("#add");
        await Expect(page.Locator("#added")).ToContainTextAsync("Added.");
        await page.ClickAsync("#test-image");
        await Expect(page.Locator("#answers li").First).ToContainTextAsync("green");

        // The browser's own camera, of this machine.
        await page.ClickAsync("#open-camera");
        await Expect(page.Locator("#answers li")).ToHaveCountAsync(3);
        await page.ClickAsync("#take");
        await Expect(page.Locator("#asked .shot img")).ToHaveAttributeAsync("alt", new System.Text.RegularExpressions.Regex("^camera-"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Show as CLI" }).ClickAsync();
        await Expect(page.Locator(".cli-lines li").First).ToContainTextAsync("aws rekognition detect-custom-labels --project-version-arn arn:aws");
        await page.Keyboard.PressAsync("Escape");

        // The use of it.
        await tab.GotoAsync("/ui/p/colours/models/v1/use");
        await Expect(page.Locator("#total")).ToContainTextAsync("requests");
        await page.GetByLabel("Stop when idle").SelectOptionAsync("15");
        await Expect(page.Locator(".switches")).ToContainTextAsync("Now: after 15 min without a request");
        await page.GetByLabel("Start on a request").SelectOptionAsync("true");
        await Expect(page.Locator(".switches")).ToContainTextAsync("a request to a stopped model starts it");
        await page.GetByLabel("Stop when idle").SelectOptionAsync("");
        await Expect(page.Locator(".switches")).ToContainTextAsync("Now: never");
        Assert.Empty(await tab.CheckAsync("use"));
        await page.SetViewportSizeAsync(1280, 800);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop v1" }).ClickAsync();
        await Expect(page.GetByLabel("At most")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Two_versions_are_compared()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        var page = tab.Page;
        var colours = await ColoursAsync(server);
        await server.TestedVersionAsync(
            colours, "v1", [Classified("s3://images/0.jpg", "red", .9f, .1f, 0), Classified("s3://images/1.jpg", "green", .8f, .1f, .1f)]);
        await server.TestedVersionAsync(
            colours, "v2",
            [
                Classified("s3://images/0.jpg", "red", .2f, .7f, .1f), Classified("s3://images/1.jpg", "green", .1f, .8f, .1f),
                Classified("s3://images/2.jpg", "blue", 0, 0, 1),
            ]);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/colours/models/v2/judge");
        await page.GetByRole(AriaRole.Button, new() { Name = "Compare" }).ClickAsync();

        await Expect(page.Locator("#differ")).ToContainTextAsync("2 images are in both and compared here, 0 are in that of v1 only, 1 in that of v2 only");
        await Expect(page.Locator(".side-button.fixed b")).ToHaveTextAsync("1");
        await Expect(page.Locator(".case")).ToContainTextAsync("v2: green");
        await page.Locator(".side-button.fixed").ClickAsync();
        await page.WaitForURLAsync("**/compare?with=v1&show=fixed");
        await Expect(page.Locator(".case")).ToContainTextAsync("v1: red");
        Assert.Empty(await tab.CheckAsync("compare"));
    }

    [Fact]
    public async Task A_training_shows_its_course_and_is_cancelled()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        var page = tab.Page;
        var flowers = await server.ProjectAsync("flowers");
        await server.ImagesAsync(flowers, 4, 4);
        var arn = await server.VersionAsync(
            flowers, "v1", ProjectVersionStatus.TRAINING_IN_PROGRESS, message: "The model is being trained. Phase fine-tuning, 120 of 400, about 73 s left.");
        var folder = Path.Combine(server.DataPath, "jobs", (await server.VersionAsync(arn))!.Folder);
        Directory.CreateDirectory(folder);
        var started = DateTimeOffset.UnixEpoch.AddYears(56);
        for (var i = 0; i < 150; i++)
        {
            var phase = i < 30 ? "features" : i < 60 ? "head" : "fine-tuning";
            TrainingHistory.Add(folder, new(phase, i, 150, i < 30 ? null : 2.2 / (1 + ((i - 30) * .1)), 150 - i), started.AddSeconds(i));
        }

        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/flowers/models");
        await page.ClickAsync("text=Train a model");
        await Expect(page.Locator("#train")).ToContainTextAsync("That takes up to");
        await tab.GotoAsync("/ui/p/flowers/models/v1");
        await Expect(page.Locator(".course polyline")).ToHaveCountAsync(2);
        await Expect(page.Locator("#model")).ToContainTextAsync("about 73 s left.");
        await page.ClickAsync("summary:has-text('Log')");
        Assert.Empty(await tab.CheckAsync("training"));
        await page.SetViewportSizeAsync(1280, 800);

        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).First.ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel the training" }).ClickAsync();
        await Expect(page.Locator(".head .state")).ToHaveTextAsync("Training failed");
        await Expect(page.Locator("#model .notice")).ToContainTextAsync("The training was cancelled by");
    }

    private static async Task<string> ColoursAsync(TestServer server)
    {
        await server.CreateBucketAsync("images");
        for (var i = 0; i < 3; i++)
        {
            await server.PutObjectAsync("images", $"{i}.jpg", TinyModel.Jpeg(i, 200, 100));
        }

        return await server.ProjectAsync("colours");
    }
}
