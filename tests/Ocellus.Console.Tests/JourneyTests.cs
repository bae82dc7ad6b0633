using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests;
using Ocellus.Tests.Hosting;
using static Microsoft.Playwright.Assertions;

namespace Ocellus.Console.Tests;

/// <summary>What a person does in the browser.</summary>
[Collection(BrowserCollection.Name)]
public sealed class JourneyTests(Browser browser)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_project_is_made_its_model_started_stopped_and_deleted()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        tab.Expected = ["status of 400"];
        var page = tab.Page;
        await tab.SignInAsync(server);
        Assert.DoesNotContain("ticket", page.Url);

        // A name that is taken: the dialog stays and says so.
        await server.ProjectAsync("taken");
        // The first project that appears while the page is open takes the blank page's button away: the head's has to be there then.
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "taken" })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "New project" }).ClickAsync();
        await page.GetByLabel("Name").FillAsync("taken");
        await page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert).First).ToContainTextAsync("A project named 'taken' already exists");
        await page.GetByLabel("Name").FillAsync("flowers");
        await page.GetByText("Several things").ClickAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/ui/p/flowers");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Add images" })).ToBeVisibleAsync();

        // What happens elsewhere is seen without loading the page again.
        var flowers = (await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { "flowers" } }))
            .GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString()!;
        await page.WaitForSelectorAsync("html[data-connected]");
        await server.ImagesAsync(flowers, 4, 4);
        await Expect(page.Locator(".path")).ToContainTextAsync("4 images");
        var version = await server.VersionAsync(flowers, "v1", ProjectVersionStatus.TRAINING_COMPLETED, .9);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Start v1" })).ToBeVisibleAsync();

        await page.GetByRole(AriaRole.Link, new() { Name = "Open the model" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Start v1" }).ClickAsync();
        await Expect(page.Locator(".head .state")).ToHaveTextAsync("Running");
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(version))!.Status);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop v1" }).ClickAsync();
        await Expect(page.Locator(".head .state")).ToHaveTextAsync("Stopped");

        await page.GetByRole(AriaRole.Button, new() { Name = "Show as CLI" }).ClickAsync();
        await Expect(page.Locator(".cli-lines li")).ToHaveCountAsync(3);
        await Expect(page.Locator(".cli-lines li").Nth(0)).ToContainTextAsync("aws rekognition stop-project-version --project-version-arn " + version);
        await Expect(page.Locator(".cli-lines li").Nth(2)).ToContainTextAsync(
            """aws rekognition create-project --project-name flowers --tags '{"ocellus:labels":"several"}'""");
        await page.Keyboard.PressAsync("Escape");

        // Deleting asks to type the name.
        await page.GetByRole(AriaRole.Button, new() { Name = "Delete", Exact = true }).First.ClickAsync();
        var delete = page.Locator("dialog[open] button.danger");
        await Expect(delete).ToBeDisabledAsync();
        await page.Locator("dialog[open] input[data-confirm]").FillAsync("v");
        await Expect(delete).ToBeDisabledAsync();
        await page.Locator("dialog[open] input[data-confirm]").FillAsync("v1");
        await delete.ClickAsync();
        await page.WaitForURLAsync("**/ui/p/flowers/models");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "No model yet" })).ToBeVisibleAsync();
        Assert.Null(await server.VersionAsync(version));

        await tab.GotoAsync("/ui/p/flowers/settings");
        await page.ClickAsync("text=Delete the project");
        await page.Locator("dialog[open] input[data-confirm]").FillAsync("flowers");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync("**/ui/");
        await Expect(page.Locator("#projects").GetByText("flowers")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_training_is_started_and_watched()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress, width: 390);
        var flowers = await server.ProjectAsync("flowers");
        // None is an image: so the training ends soon, with a reason.
        await server.ImagesAsync(flowers, 2, 2, isImage: false);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/p/flowers/models");
        await tab.Page.ClickAsync("text=Train a model");
        await Expect(tab.Page.GetByLabel("Bucket for the results")).ToHaveValueAsync("images");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Train", Exact = true }).ClickAsync();
        await tab.Page.WaitForURLAsync("**/ui/p/flowers/models/v1");
        await Expect(tab.Page.Locator(".head .state")).ToHaveTextAsync("Training failed", new() { Timeout = 60_000 });
    }

    [Fact]
    public async Task A_stored_page_cannot_use_the_session()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        tab.Expected = ["Blocked script execution", "Blocked form submission", "CSP: ", "sandbox"];
        await tab.SignInAsync(server);
        await server.CreateBucketAsync("pages");
        const string evil = """
            <title>before</title><script>document.title = "script ran"; fetch("/ui/").then(r => r.text()).then(t => document.title = t)</script>
            <img src=x onerror="document.title = 'handler ran'">
            <form method="post" action="/ui/sign-out"><button>Press</button></form>
            """;
        using var put = await server.SendS3Async(
            HttpMethod.Put, "/pages/evil.html", headers: [("Content-Type", "text/html")], body: System.Text.Encoding.UTF8.GetBytes(evil));
        await tab.Page.GotoAsync(server.Signer.Presign(HttpMethod.Get, new Uri(server.BaseAddress, "/pages/evil.html"), "600").ToString());
        await tab.Page.ClickAsync("text=Press");
        Assert.Equal("before", await tab.Page.TitleAsync());

        // The session is as it was.
        await tab.GotoAsync("/ui/");
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Teach the server" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_page_says_when_its_session_or_the_connection_has_ended()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        tab.Expected = ["ERR_INTERNET_DISCONNECTED", "status of 401", "ERR_INCOMPLETE_CHUNKED_ENCODING"];
        await server.ProjectAsync("flowers");
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var anna = await keys.CreateAsync("anna", "123456789012", [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);
        await tab.Page.GotoAsync("/ui/p/flowers");
        await tab.Page.GetByLabel("Access key").FillAsync(anna.AccessKeyId);
        await tab.Page.GetByLabel("Secret").FillAsync(anna.SecretAccessKey);
        await tab.Page.Keyboard.PressAsync("Enter");
        await tab.Page.WaitForURLAsync("**/ui/p/flowers");
        await tab.Page.WaitForSelectorAsync("html[data-connected]");

        await tab.Context.SetOfflineAsync(true);
        await tab.Page.EvaluateAsync(
            "dispatchEvent(new PageTransitionEvent('pagehide')); dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
        await Expect(tab.Page.Locator(".stale")).ToContainTextAsync("No connection to the server");
        await tab.Context.SetOfflineAsync(false);
        await Expect(tab.Page.Locator(".stale")).ToBeHiddenAsync();

        await keys.RevokeAsync(anna.AccessKeyId, Cancel);
        await Expect(tab.Page.Locator(".stale")).ToContainTextAsync("The session has ended");
        await tab.Page.ReloadAsync();
        await Expect(tab.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Colours_are_chosen_once_and_stay()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress, theme: "light");
        await tab.SignInAsync(server);
        const string ground = "getComputedStyle(document.documentElement).backgroundColor";
        Assert.Equal("rgb(255, 255, 255)", await tab.Page.EvaluateAsync<string>(ground));
        await tab.Page.ClickAsync("[aria-label=Menu]");
        await tab.Page.GetByLabel("Dark").CheckAsync();
        Assert.Equal("rgb(20, 24, 29)", await tab.Page.EvaluateAsync<string>(ground));
        await tab.Page.ReloadAsync();
        Assert.Equal("dark", await tab.Page.GetAttributeAsync("html", "data-theme"));
        await tab.Page.ClickAsync("[aria-label=Menu]");
        await tab.Page.GetByLabel("System").CheckAsync();
        await tab.Page.ReloadAsync();
        Assert.Equal("rgb(255, 255, 255)", await tab.Page.EvaluateAsync<string>(ground));
    }

    [Fact]
    public async Task A_key_is_made_in_the_browser_and_its_secret_shown_once()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.SignInAsync(server);
        await tab.GotoAsync("/ui/keys");
        await tab.Page.ClickAsync("text=New key");
        await tab.Page.GetByLabel("User", new() { Exact = true }).FillAsync("anna");
        await tab.Page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(tab.Page.Locator("#made-key-text")).ToContainTextAsync(
            new Regex(@"aws_access_key_id\s+= AKIA[A-Z2-7]{16}\s+aws_secret_access_key = \S{40}"));
        await tab.Page.ClickAsync("text=Done");
        await Expect(tab.Page.Locator("#made-key-text")).ToHaveTextAsync("");
        await tab.Page.GetByRole(AriaRole.Row, new() { Name = "anna" }).GetByRole(AriaRole.Button).ClickAsync();
        await tab.Page.Locator("#revoke-name").FillAsync("anna");
        await tab.Page.Keyboard.PressAsync("Enter");
        await Expect(tab.Page.GetByRole(AriaRole.Row, new() { Name = "anna" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_first_load_is_small()
    {
        await using var server = await TestServer.StartAsync();
        await using var tab = await browser.OpenAsync(server.BaseAddress);
        await tab.SignInAsync(server);
        var flowers = await server.ProjectAsync("flowers");
        await server.VersionAsync(flowers, "v1", ProjectVersionStatus.STOPPED, .9);
        await using var fresh = await browser.OpenAsync(server.BaseAddress);
        await fresh.Context.AddCookiesAsync(
            (await tab.Context.CookiesAsync()).Select(c => new Cookie { Name = c.Name, Value = c.Value, Domain = c.Domain, Path = c.Path }));
        var sizes = new List<Task<RequestSizesResult>>();
        fresh.Page.RequestFinished += (_, request) => sizes.Add(request.SizesAsync());
        await fresh.GotoAsync("/ui/p/flowers");
        await fresh.Page.WaitForLoadStateAsync(LoadState.Load);
        var all = await Task.WhenAll(sizes);
        Assert.InRange(all.Length, 1, 8);
        Assert.InRange(all.Sum(s => s.ResponseBodySize + s.ResponseHeadersSize), 1, 100_000);
    }
}
