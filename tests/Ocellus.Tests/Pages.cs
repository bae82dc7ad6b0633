using System.Reflection;
using System.Runtime.CompilerServices;

namespace Ocellus.Tests;

/// <summary>The documents of the repository, for tests that hold them against the code.</summary>
internal static class Pages
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", ".."));

    /// <summary>Whether parts that are made from the code are to be written instead of compared.</summary>
    private static bool Writes => Environment.GetEnvironmentVariable("OCELLUS_WRITE_PAGES") is "1";

    /// <summary>Markdown files of the repository, relative to its root.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. Directory.GetFiles(Root, "*.md")
            .Concat(new[] { "docs", "bench", "samples" }.SelectMany(f => Directory.GetFiles(Path.Combine(Root, f), "*.md", SearchOption.AllDirectories)))
            .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    /// <summary>The C# files of the product.</summary>
    public static IEnumerable<string> Sources() => Directory.GetFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories);

    /// <summary>The product's own assemblies.</summary>
    public static IReadOnlyList<Assembly> Assemblies()
    {
        List<Assembly> found = [typeof(Operations).Assembly];
        for (var i = 0; i < found.Count; i++)
        {
            var names = found[i].GetReferencedAssemblies().Where(n => n.Name!.StartsWith("Ocellus", StringComparison.Ordinal));
            found.AddRange(names.Where(n => found.TrueForAll(f => f.GetName().Name != n.Name)).Select(Assembly.Load));
        }

        return found;
    }

    public static string Read(string page) => File.ReadAllText(Path.Combine(Root, page));

    /// <summary>The cells of the first table below a heading, without its head.</summary>
    public static IReadOnlyList<string[]> Table(string page, string heading)
    {
        var below = Read(page).Split('\n').SkipWhile(l => l != heading).Skip(1).SkipWhile(l => !l.StartsWith('|')).TakeWhile(l => l.StartsWith('|'));
        string[][] rows = [.. below.Skip(2).Select(l => l.Trim().Trim('|').Split('|', StringSplitOptions.TrimEntries))];
        Assert.NotEmpty(rows);
        return rows;
    }

    /// <summary>Holds a part of a page, between two comments that name it, against lines made from the code; or writes it.</summary>
    public static void Hold(string page, string part, IEnumerable<string> lines)
    {
        var (begin, end) = ($"<!-- {part}: made by the tests, see CONTRIBUTING.md -->\n", $"<!-- end of {part} -->\n");
        var text = Read(page);
        var (from, to) = (text.IndexOf(begin, StringComparison.Ordinal), text.IndexOf(end, StringComparison.Ordinal));
        Assert.True(from >= 0 && to > from, $"{page} has no part '{part}'");
        from += begin.Length;
        var made = $"\n{string.Join('\n', lines)}\n\n";
        if (Writes)
        {
            File.WriteAllText(Path.Combine(Root, page), text[..from] + made + text[to..]);
            return;
        }

        Assert.Equal(made, text[from..to]);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
