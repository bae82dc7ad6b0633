using System.Runtime.CompilerServices;

namespace Ocellus.Tests;

public sealed class CompatibilityPageTests
{
    [Fact]
    public void The_page_says_of_each_operation_whether_it_works()
    {
        var page = File.ReadAllLines(Path.Combine(Root(), "docs", "compatibility.md"));
        var said = page.Select(l => l.Split('|', StringSplitOptions.TrimEntries)).Where(c => c.Length > 3 && c[2] is ("works" or "not yet")).ToDictionary(c => c[1], c => c[2] == "works");
        Assert.Equal(Operations.All.ToDictionary(o => o.Name, _ => true).OrderBy(o => o.Key), said.OrderBy(o => o.Key));
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
