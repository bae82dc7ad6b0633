using System.ComponentModel;
using System.Diagnostics;

namespace Ocellus.Tests.Console.Images;

/// <summary>The console's modules without a browser: their pure parts run in node, and none grows too long.</summary>
public sealed class ModuleTests
{
    private const int LinesMax = 300;

    private static readonly string _sources = Path.Combine(Pages.Root, "src", "Ocellus", "Console");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void A_module_stays_under_300_lines()
    {
        Assert.SkipUnless(Directory.Exists(_sources), "the sources are not here");
        var files = Directory.GetFiles(_sources, "*.js", SearchOption.AllDirectories);

        Assert.True(files.Length > 15);
        Assert.Equal([], files.Where(f => File.ReadLines(f).Count() >= LinesMax).Select(f => Path.GetFileName(f)));
    }

    [Theory]
    [InlineData("Images", "modules.test.mjs")]
    [InlineData("Models", "judging.test.mjs")]
    [InlineData("Importing", "imports.test.mjs")]
    public async Task What_is_pure_does_what_it_says(string part, string file)
    {
        Assert.SkipUnless(Directory.Exists(_sources), "the sources are not here");
        await InOneFolderAsync(async folder =>
        {
            File.Copy(Path.Combine(Pages.Root, "tests", "Ocellus.Tests", "Console", part, file), Path.Combine(folder, file));
            await File.WriteAllTextAsync(Path.Combine(folder, "package.json"), """{"type":"module"}""", Cancel);
            await RunAsync(folder, "node", "--test", file);
        });
    }

    [Fact]
    public async Task The_types_in_the_comments_hold()
    {
        Assert.SkipUnless(Directory.Exists(_sources), "the sources are not here");
        await InOneFolderAsync(async folder =>
        {
            await File.WriteAllTextAsync(
                Path.Combine(folder, "tsconfig.json"),
                """
                {"compilerOptions":{"allowJs":true,"checkJs":true,"noEmit":true,"strict":true,"noUnusedLocals":true,"noImplicitReturns":true,
                  "target":"ES2022","module":"ES2022","moduleResolution":"bundler","lib":["ES2023","DOM","DOM.Iterable"]},"include":["*.js"]}
                """,
                Cancel);
            await RunAsync(folder, Environment.GetEnvironmentVariable("OCELLUS_TSC") ?? "tsc", "-p", ".");
        });
    }

    /// <summary>Modules of all features import each other by name alone: they are copied into one folder.</summary>
    private static async Task InOneFolderAsync(Func<string, Task> work)
    {
        var folder = Directory.CreateTempSubdirectory("ocellus-modules-").FullName;
        try
        {
            foreach (var module in Directory.GetFiles(_sources, "*.js", SearchOption.AllDirectories))
            {
                File.Copy(module, Path.Combine(folder, Path.GetFileName(module)));
            }

            await work(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(string folder, string program, params string[] arguments)
    {
        using var process = Start(folder, program, arguments);
        Assert.SkipWhen(process is null, $"there is no {program}");
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == 0, await output + await errors);
    }

    private static Process? Start(string folder, string program, string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            });
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
