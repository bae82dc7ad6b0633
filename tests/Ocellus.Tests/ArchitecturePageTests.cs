using System.Text.RegularExpressions;

namespace Ocellus.Tests;

/// <summary><c>ARCHITECTURE.md</c> says which files catch every exception; the sources have no others.</summary>
public sealed partial class ArchitecturePageTests
{
    [Fact]
    public void The_files_that_catch_every_exception_are_those_of_the_page()
    {
        var said = Pages.Table("ARCHITECTURE.md", "## Catch clauses").Select(r => r[0].Trim('`'));
        var found = Pages.Sources().Where(f => CatchesEverything().IsMatch(File.ReadAllText(f))).Select(f => Path.GetFileName(f));
        Assert.Equal(found.Order(StringComparer.Ordinal), said.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_bare_catch_clause_ends_with_throw()
    {
        foreach (var file in Pages.Sources())
        {
            foreach (var clause in BareCatch().Matches(File.ReadAllText(file)).Select(m => m.Value))
            {
                Assert.True(clause.TrimEnd('}', ' ', '\n').EndsWith("throw;", StringComparison.Ordinal), $"{file}:\n{clause}");
            }
        }
    }

    [GeneratedRegex(@"^ *catch \(Exception( \w+)?\)\s*$", RegexOptions.Multiline)]
    private static partial Regex CatchesEverything();

    /// <summary>A clause to the brace that closes it, which stands in the column of its <c>catch</c>.</summary>
    [GeneratedRegex(@"^( *)catch *\n\1\{[\s\S]*?^\1\}", RegexOptions.Multiline)]
    private static partial Regex BareCatch();
}
