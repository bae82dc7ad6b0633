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
    [InlineData("Imports", "imports.test.mjs")]
    public async Task What_is_pure_does_what_it_says(string part, string file)
    {
        Assert.SkipUnless(Directory.Exists(_sources), "the sources are not here");
        var folder = Directory.CreateTempSubdirectory("ocellus-modules-").FullName;
        try
        {
            foreach (var module in Directory.GetFiles(_sources, "*.js", SearchOption.AllDirectories))
            {
                File.Copy(module, Path.Combine(folder, Path.GetFileName(module)));
            }

            File.Copy(Path.Combine(Pages.Root, "tests", "Ocellus.Tests", "Console", part, file), Path.Combine(folder, file));
            await File.WriteAllTextAsync(Path.Combine(folder, "package.json"), """{"type":"module"}""", Cancel);
            using var node = Start(folder, file);
            Assert.SkipWhen(node is null, "there is no node");
            var output = node.StandardOutput.ReadToEndAsync(Cancel);
            var errors = node.StandardError.ReadToEndAsync(Cancel);
            await node.WaitForExitAsync(Cancel);
            Assert.True(node.ExitCode == 0, await output + await errors);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Process? Start(string folder, string file)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("node", ["--test", file])
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
