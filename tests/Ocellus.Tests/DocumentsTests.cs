using System.Text.RegularExpressions;

namespace Ocellus.Tests;

/// <summary>What all documents have in common: links that lead somewhere, files that exist.</summary>
public sealed partial class DocumentsTests
{
    [Fact]
    public void Links_lead_to_a_file_and_a_heading_that_are_there()
    {
        var wrong = new List<string>();
        foreach (var page in Pages.All)
        {
            var links = Link().Matches(Pages.Read(page)).Select(m => m.Groups[1].Value);
            foreach (var link in links.Where(l => !l.Contains("://", StringComparison.Ordinal)))
            {
                var (file, anchor) = link.Split('#') is [var f, var a] ? (f, a) : (link, null);
                var path = Path.GetFullPath(file.Length == 0 ? Path.Combine(Pages.Root, page) : Path.Combine(Pages.Root, Path.GetDirectoryName(page)!, file));
                var target = Path.GetRelativePath(Pages.Root, path).Replace('\\', '/');
                if (!File.Exists(path) && !Directory.Exists(path))
                {
                    wrong.Add($"{page}: {link}");
                }
                else if (anchor is not null && !Pages.Read(target).Split('\n').Where(l => l.StartsWith('#')).Select(Anchor).Contains(anchor))
                {
                    wrong.Add($"{page}: {target} has no heading for #{anchor}");
                }
            }
        }

        Assert.Equal([], wrong);
    }

    [Fact]
    public void Source_files_that_documents_name_exist()
    {
        string[] folders = ["src", "tests", "bench", "build", "samples"];
        var files = folders.SelectMany(f => Directory.EnumerateFiles(Path.Combine(Pages.Root, f), "*", SearchOption.AllDirectories));
        var names = files.Select(f => Path.GetFileName(f)).ToHashSet();
        // The worked example of a new operation has files that are not there.
        foreach (var page in Pages.All.Where(p => p != "docs/adding-an-operation.md"))
        {
            var named = SourceFile().Matches(Pages.Read(page)).Select(m => m.Groups[1].Value);
            Assert.Equal($"{page}: ", $"{page}: {string.Join(' ', named.Where(n => !names.Contains(n)).Distinct())}");
        }
    }

    /// <summary>The anchor that GitHub makes of a heading.</summary>
    private static string Anchor(string heading) => NotOfAnchors().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"(?<!\\)\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`(?:[\w./-]*/)?(\w+\.(?:cs|py|sh))`")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotOfAnchors();
}
