using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Ocellus.Console.Sessions;
using Ocellus.Tests;

namespace Ocellus.Console.Tests;

/// <summary>A page in a browser. What it reports to its console as an error, and every violation of the content security policy, fails the test.</summary>
internal sealed class Tab : IAsyncDisposable
{
    private static readonly AxeRunOptions _colours = new() { RunOnly = new() { Type = "rule", Values = ["color-contrast", "link-in-text-block"] } };

    private readonly IBrowserContext _context;
    private readonly List<string> _errors = [];

    private Tab(IBrowserContext context, IPage page) => (_context, Page) = (context, page);

    public IPage Page { get; }

    public IBrowserContext Context => _context;

    /// <summary>Errors that the test provokes: texts of which one is in the message.</summary>
    public IReadOnlyList<string> Expected { get; set; } = [];

    public static async Task<Tab> OpenAsync(IBrowserContext context)
    {
        context.SetDefaultTimeout(15_000);
        await context.AddInitScriptAsync(
            """
            document.addEventListener("securitypolicyviolation",
                e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
            """);
        var tab = new Tab(context, await context.NewPageAsync());
        tab.Page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                tab._errors.Add(message.Text.Contains("Failed to load", StringComparison.Ordinal) ? $"{message.Text} {message.Location}" : message.Text);
            }
        };
        tab.Page.PageError += (_, error) => tab._errors.Add(error);
        return tab;
    }

    /// <summary>Signs in as the key of the credentials file, by a link.</summary>
    public async Task SignInAsync(TestServer server)
    {
        await Page.GotoAsync(await LinkAsync(server));
        await Page.WaitForURLAsync("**/ui/");
    }

    public static async Task<string> LinkAsync(TestServer server)
    {
        var ticket = await server.Services.GetRequiredService<SessionCatalog>()
            .IssueTicketAsync(new(server.Signer.AccessKeyId, server.Signer.Region), TestContext.Current.CancellationToken);
        return "/ui/sign-in?ticket=" + ticket;
    }

    public async Task GotoAsync(string path)
    {
        await Page.GotoAsync(path);
        // The event stream is open: what happens from now on is seen.
        if (await Page.QuerySelectorAsync("meta[name=ocellus-token]") is not null)
        {
            await Page.WaitForSelectorAsync("html[data-connected]");
        }
    }

    /// <summary>
    /// Looks at the page as it stands in both colours and both widths: nothing that axe finds, no sideways scrolling. And pictures for people to look at.
    /// </summary>
    /// <returns>What is wrong.</returns>
    public async Task<IReadOnlyList<string>> CheckAsync(string name)
    {
        var wrong = new List<string>();
        foreach (var (width, height) in new[] { (1280, 800), (390, 844) })
        {
            await Page.SetViewportSizeAsync(width, height);
            foreach (var theme in new[] { ColorScheme.Light, ColorScheme.Dark })
            {
                await Page.EmulateMediaAsync(new() { ColorScheme = theme });
                var view = $"{name}-{width}-{theme.ToString().ToLowerInvariant()}";
                await Page.ScreenshotAsync(new() { Path = Path.Combine(Browser.Screens, view + ".png") });
                if (await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
                {
                    wrong.Add($"{view} scrolls sideways");
                }

                // The second time around only the colours are others.
                var found = await Page.RunAxe(theme == ColorScheme.Light ? null : _colours);
                wrong.AddRange(found.Violations.Select(
                    v => $"{view}: {v.Impact} {v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Select(n => n.Html))}"));
            }
        }

        return wrong;
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        // What a failed test reports, too, may be the reason.
        var errors = string.Join('\n', _errors.Where(error => !Expected.Any(text => error.Contains(text, StringComparison.Ordinal))).Distinct());
        Assert.True(errors.Length == 0, errors);
    }
}
