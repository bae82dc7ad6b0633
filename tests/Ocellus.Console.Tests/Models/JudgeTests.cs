using Microsoft.Playwright;
using Ocellus.Tests;
using Ocellus.Tests.Hosting;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Inference;
using static Microsoft.Playwright.Assertions;
using static Ocellus.Tests.Console.Models.TestedVersions;

namespace Ocellus.Console.Tests.Models;

/// <summary>Judging a model in the browser.</summary>
[Collection(BrowserCollection.Name)]
public sealed class JudgeTests(Browser browser)
{
    [Fact]
    public async Task A_threshold_moves_figures_matrix_and_images()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        var page = tab.Page;
        var colours = await server.ProjectAsync("colours");
        await ColoursAsync(server);
        await server.TestedVersionAsync(colours, "v1", Lines);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/colours/models/v1/judge");

        // At 0.5: red 2 of 2 and one false alarm, green 1 of 2, blue 1 of 2: F1 0.8, 0.667, 0.667.
        await Expect(page.Locator("#f1")).ToHaveTextAsync("0.711");
        await Expect(page.Locator("#case-count")).ToHaveTextAsync("7 cases");
        await Expect(page.Locator(".case").First).ToContainTextAsync("false alarm");
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "1 of blue answered with red" })).ToBeVisibleAsync();

        // A cell shows its images, and the address has it.
        await page.GetByRole(AriaRole.Button, new() { Name = "1 of blue answered with red" }).ClickAsync();
        await Expect(page.Locator(".case")).ToHaveCountAsync(1);
        await Expect(page.Locator("#filter-words")).ToHaveTextAsync("blue, answered with red");
        await page.WaitForURLAsync("**/judge?label=blue&as=red");

        // All at 65 %: the false alarm of 0.6 is gone, and so is green's only hit.
        await page.ClickAsync("#clear");
        await page.Locator("#all").FillAsync("65");
        await Expect(page.Locator("#precision")).ToHaveTextAsync("0.667");
        await Expect(page.Locator("#all-value")).ToHaveTextAsync("65 %");
        await page.WaitForURLAsync("**/judge?t=65");
        await page.ClickAsync("#copy");
        await Expect(page.Locator("#copy")).ToHaveTextAsync("Copied 65");

        // The view is a link.
        await tab.GotoAsync("/ui/p/colours/models/v1/judge?t=65&show=miss&label=green");
        await Expect(page.Locator("#all-value")).ToHaveTextAsync("65 %");
        await Expect(page.Locator(".case")).ToHaveCountAsync(2);

        // Back to each label's own; a label's slider moves that label only.
        await page.ClickAsync("#own");
        await Expect(page.Locator("#all-value")).ToHaveTextAsync("each label’s own");
        await page.GetByLabel("Threshold of blue, percent").FillAsync("5");
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "2 hits of blue" })).ToBeVisibleAsync();
        await page.WaitForURLAsync("**/judge?each=2%3A5&show=miss&label=green");
        await page.ClickAsync("#clear");
        Assert.Empty(await tab.CheckAsync("judge"));
    }

    [Fact]
    public async Task An_image_opens_with_its_heat_map_and_leads_to_its_labels()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        var page = tab.Page;
        var colours = await server.ProjectAsync("colours");
        await ColoursAsync(server);
        await server.ImagesAsync(colours, 4, 4);
        await server.TestedVersionAsync(colours, "v1", [Classified("s3://images/colours/2.png", "green", .8f, .1f, .1f), .. Lines]);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/colours/models/v1/judge");

        await page.Locator(".case").First.FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("m");
        await Expect(page.Locator("#viewer .heat")).ToHaveCountAsync(1);
        await Expect(page.Locator("#viewer-note")).ToContainTextAsync("peaks for");
        await Expect(page.Locator("#viewer-place")).ToHaveTextAsync("2 of 9");
        Assert.Empty(await tab.CheckAsync("judge-heat"));
        await page.Keyboard.PressAsync("M");
        await Expect(page.Locator("#viewer .heat")).ToHaveCountAsync(0);
        await page.Keyboard.PressAsync("ArrowLeft");
        await Expect(page.Locator("#viewer-title")).ToHaveTextAsync("2.png");
        await page.ClickAsync("text=Label is wrong");
        await page.WaitForURLAsync("**/ui/p/colours/label/train-3");
    }

    [Fact]
    public async Task A_detectors_boxes_are_drawn_and_judged()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        var page = tab.Page;
        var cells = await server.ProjectAsync("cells", "boxes");
        await ColoursAsync(server);
        await server.TestedVersionAsync(
            cells, "v1",
            [
                Detected(
                    "s3://images/0.jpg", ("red", .9, 12, Outcome.TruePositive), ("red", .6, 70, Outcome.FalsePositive), ("blue", .2, 60, Outcome.TrueNegative)),
                Detected("s3://images/1.jpg", ("red", .4, 9, Outcome.FalseNegative)),
            ],
            ModelKinds.Localization);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/cells/models/v1/judge");

        // Red: one hit, one false alarm, one missed. The other labels were not tested.
        await Expect(page.Locator("#f1")).ToHaveTextAsync("0.500");
        await Expect(page.Locator("#matrix")).ToBeHiddenAsync();
        await Expect(page.Locator(".case")).ToHaveCountAsync(3);
        Assert.Empty(await tab.CheckAsync("judge-boxes"));
        await page.SetViewportSizeAsync(1280, 800);
        await page.Locator("#all").FillAsync("30");
        await Expect(page.Locator("#recall")).ToHaveTextAsync("1.000");
        await page.Locator(".case").First.ClickAsync();
        await Expect(page.Locator("#viewer rect.wrong")).ToHaveCountAsync(1);
        await Expect(page.Locator("#viewer rect.truth")).ToHaveCountAsync(1);
        await Expect(page.Locator("#viewer-heat")).ToBeHiddenAsync();
    }

    private static string[] Lines =>
    [
        Classified("s3://images/0.jpg", "red", .9f, .06f, .04f), Classified("s3://images/0.jpg", "red", .7f, .2f, .1f),
        Classified("s3://images/1.jpg", "green", .1f, .6f, .3f), Classified("s3://images/1.jpg", "green", .4f, .3f, .3f),
        Classified("s3://images/2.jpg", "blue", .1f, .1f, .8f), Classified("s3://images/2.jpg", "blue", .6f, .1f, .3f),
    ];

    private static async Task ColoursAsync(TestServer server)
    {
        await server.CreateBucketAsync("images");
        for (var i = 0; i < 3; i++)
        {
            await server.PutObjectAsync("images", $"{i}.jpg", TinyModel.Jpeg(i, 200, 100));
        }
    }
}
