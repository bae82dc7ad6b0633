using Microsoft.Playwright;

namespace Ocellus.Console.Tests;

/// <summary>One Chromium for all tests; it is started by the first.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>As root, without a graphics card, and without a word to anyone.</summary>
    private static readonly string[] _flags =
    [
        "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    ];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>Where Chromium is: the variable OCELLUS_CHROMIUM, or where Debian has it.</summary>
    private static string Path => Environment.GetEnvironmentVariable("OCELLUS_CHROMIUM") ?? "/usr/bin/chromium";

    /// <summary>Folder of the screenshots.</summary>
    public static string Screens { get; } = System.IO.Path.Combine(Root(), "artifacts", "console");

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Path))
        {
            return;
        }

        Directory.CreateDirectory(Screens);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Path, Args = _flags });
    }

    /// <summary>Opens a tab of its own, with its own cookies.</summary>
    internal async Task<Tab> OpenAsync(Uri server, string theme = "light", int width = 1280)
    {
        Assert.SkipWhen(_browser is null, $"there is no {Path} (Debian: chromium)");
        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = server.ToString(),
            ColorScheme = theme == "dark" ? ColorScheme.Dark : ColorScheme.Light,
            ViewportSize = new() { Width = width, Height = width < 720 ? 844 : 800 },
            HasTouch = width < 720,
            ReducedMotion = ReducedMotion.Reduce,
        });
        return await Tab.OpenAsync(context);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Ocellus.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? AppContext.BaseDirectory;
    }
}

/// <summary>The tests that share the browser.</summary>
[CollectionDefinition(Name)]
public sealed class BrowserCollection : ICollectionFixture<Browser>
{
    public const string Name = "browser";
}
