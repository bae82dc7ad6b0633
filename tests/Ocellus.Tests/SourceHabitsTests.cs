using System.Text.RegularExpressions;

namespace Ocellus.Tests;

/// <summary>Habits of the source that a reader relies on, read from the files.</summary>
public sealed partial class SourceHabitsTests
{
    private const int ColumnsMax = 160;
    private const int LinesMax = 300;

    [Fact]
    public void No_line_is_wider_than_160_columns_and_no_file_longer_than_300_lines_but_those_of_a_list_that_gets_shorter()
    {
        var listed = File.ReadAllLines(Path.Combine(Pages.Root, "tests", "Ocellus.Tests", "source-habits.txt"))
            .Where(l => l.Length > 0 && !l.StartsWith('#')).Select(l => l.Split(' ', 3))
                .ToDictionary(l => (l[0], l[2]), l => int.Parse(l[1], System.Globalization.CultureInfo.InvariantCulture));
        var found = new Dictionary<(string, string), int>();
        foreach (var (file, lines) in Sources("src", "tests", "bench").Select(f => (f, File.ReadAllLines(Path.Combine(Pages.Root, f)))))
        {
            if (lines.Count(l => l.Length > ColumnsMax) is var wide && wide > 0)
            {
                found[("wide", file)] = wide;
            }

            if (lines.Length > LinesMax && file.StartsWith("src/", StringComparison.Ordinal))
            {
                found[("long", file)] = lines.Length;
            }
        }

        var worse = found.Where(f => f.Value > listed.GetValueOrDefault(f.Key))
            .Select(f => $"{f.Key.Item1} {f.Value} {f.Key.Item2}: {listed.GetValueOrDefault(f.Key)} are listed").ToList();
        Assert.True(worse.Count == 0, "Break the lines, or make two files of one:\n" + string.Join('\n', worse));
        var better = listed.Where(l => l.Value > found.GetValueOrDefault(l.Key))
            .Select(l => $"{l.Key.Item1} {l.Value} {l.Key.Item2}: now {found.GetValueOrDefault(l.Key)}").ToList();
        Assert.True(better.Count == 0, "Better than tests/Ocellus.Tests/source-habits.txt says; write the new number there:\n" + string.Join('\n', better));
    }

    [Fact]
    public void No_script_or_style_of_the_console_is_longer_than_300_lines()
    {
        string[] kinds = ["*.js", "*.css", "*.razor"];
        var files = kinds.SelectMany(kind => Directory.GetFiles(Path.Combine(Pages.Root, "src", "Ocellus", "Console"), kind, SearchOption.AllDirectories));
        Assert.Equal([], files.Where(f => File.ReadLines(f).Count() > LinesMax).Select(f => Path.GetRelativePath(Pages.Root, f)));
    }

    [Fact]
    public void Every_log_message_has_an_event_id_of_its_own()
    {
        var ids = Sources("src")
            .SelectMany(f => EventId().Matches(File.ReadAllText(Path.Combine(Pages.Root, f))).Select(m => (Id: m.Groups[1].Value, File: f)))
            .ToLookup(i => i.Id, i => i.File);
        Assert.True(ids.Count > 10);
        Assert.Equal([], ids.Where(i => i.Count() > 1).Select(i => $"{i.Key}: {string.Join(", ", i)}"));
    }

    [Fact]
    public void A_commit_does_not_take_the_cancellation_of_a_request()
    {
        // Whether a commit that was cancelled took place is known to nobody: not to the caller, and not to the code behind it.
        var wrong = Lines("src").Where(l => Commit().IsMatch(l.Text)).Select(l => $"{l.File}: {l.Text.Trim()}");
        Assert.Equal([], wrong);
    }

    [Fact]
    public void Private_static_fields_are_named_as_all_private_fields_are()
    {
        var fields = Lines("src").Select(l => (l.File, Name: StaticField().Match(l.Text).Groups[1].Value))
            .Where(f => f.Name.Length > 0).ToList();
        Assert.True(fields.Count > 50);
        Assert.Equal([], fields.Where(f => !f.Name.StartsWith('_')).Select(f => $"{f.File}: {f.Name}"));
    }

    [Theory]
    [InlineData("    private static readonly string[] Names = [];", "Names")]
    [InlineData("    private static readonly (string A, int B)[] s_table =", "s_table")]
    [InlineData("    private static int _count;", "_count")]
    [InlineData("    private static int Count => 1;", "")]
    [InlineData("    private static int Of(int a = 1) => a;", "")]
    [InlineData("    private static string Name { get; } = \"a\";", "")]
    public void A_static_field_is_told_from_methods_and_properties(string line, string name) => Assert.Equal(name, StaticField().Match(line).Groups[1].Value);

    private static IEnumerable<(string File, string Text)> Lines(params string[] folders) =>
        Sources(folders).SelectMany(f => File.ReadLines(Path.Combine(Pages.Root, f)).Select(l => (f, l)));

    [Fact]
    public void Usings_stand_in_order()
    {
        var unsorted = Sources("src", "tests", "bench").Where(file =>
        {
            var usings = File.ReadLines(Path.Combine(Pages.Root, file)).TakeWhile(l => !l.StartsWith("namespace ", StringComparison.Ordinal))
                .Where(l => PlainUsing().IsMatch(l)).Select(l => l["using ".Length..^1]).ToList();
            return !usings.SequenceEqual(usings.OrderBy(u => u != "System" && !u.StartsWith("System.", StringComparison.Ordinal)).ThenBy(u => u, s_byParts));
        }).ToList();

        Assert.True(unsorted.Count == 0, "System first, then by the alphabet (dotnet format style does it):\n" + string.Join('\n', unsorted));
    }

    private static IEnumerable<string> Sources(params string[] folders) => folders
        .SelectMany(folder => Directory.GetFiles(Path.Combine(Pages.Root, folder), "*.cs", SearchOption.AllDirectories))
        .Select(file => Path.GetRelativePath(Pages.Root, file).Replace('\\', '/'));

    /// <summary>Part by part, as the compiler's own order is: a namespace stands before those inside it.</summary>
    private static readonly IComparer<string> s_byParts = Comparer<string>.Create((a, b) =>
    {
        string[] left = a.Split('.'), right = b.Split('.');
        var differing = left.Zip(right, (l, r) => string.Compare(l, r, StringComparison.OrdinalIgnoreCase)).FirstOrDefault(c => c != 0);
        return differing != 0 ? differing : left.Length.CompareTo(right.Length);
    });

    [GeneratedRegex(@"^using [\w.]+;$")]
    private static partial Regex PlainUsing();

    [GeneratedRegex(@"LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex EventId();

    [GeneratedRegex(@"\.CommitAsync\((?!CancellationToken\.None\))")]
    private static partial Regex Commit();

    [GeneratedRegex(@"^\s*private static (?:readonly |volatile )*(?:\([^)]*\)[\w?\[\]]*|[\w.<>,?\[\] ])*? (\w+)(?: =(?!>)|;)")]
    private static partial Regex StaticField();
}
