using System.Runtime.CompilerServices;
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
        var listed = File.ReadAllLines(Path.Combine(RepositoryRoot(), "tests", "Ocellus.Tests", "source-habits.txt"))
            .Where(l => l.Length > 0 && !l.StartsWith('#')).Select(l => l.Split(' ', 3)).ToDictionary(l => (l[0], l[2]), l => int.Parse(l[1], System.Globalization.CultureInfo.InvariantCulture));
        var found = new Dictionary<(string, string), int>();
        foreach (var (file, lines) in Sources("src", "tests", "bench").Select(f => (f, File.ReadAllLines(Path.Combine(RepositoryRoot(), f)))))
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

        var worse = found.Where(f => f.Value > listed.GetValueOrDefault(f.Key)).Select(f => $"{f.Key.Item1} {f.Value} {f.Key.Item2}: {listed.GetValueOrDefault(f.Key)} are listed").ToList();
        Assert.True(worse.Count == 0, "Break the lines, or make two files of one:\n" + string.Join('\n', worse));
        var better = listed.Where(l => l.Value > found.GetValueOrDefault(l.Key)).Select(l => $"{l.Key.Item1} {l.Value} {l.Key.Item2}: now {found.GetValueOrDefault(l.Key)}").ToList();
        Assert.True(better.Count == 0, "Better than tests/Ocellus.Tests/source-habits.txt says; write the new number there:\n" + string.Join('\n', better));
    }

    [Fact]
    public void Every_log_message_has_an_event_id_of_its_own()
    {
        var ids = Sources("src").SelectMany(f => EventId().Matches(File.ReadAllText(Path.Combine(RepositoryRoot(), f))).Select(m => (Id: m.Groups[1].Value, File: f))).ToLookup(i => i.Id, i => i.File);
        Assert.True(ids.Count > 10);
        Assert.Equal([], ids.Where(i => i.Count() > 1).Select(i => $"{i.Key}: {string.Join(", ", i)}"));
    }

    private static IEnumerable<string> Sources(params string[] folders) => folders
        .SelectMany(folder => Directory.GetFiles(Path.Combine(RepositoryRoot(), folder), "*.cs", SearchOption.AllDirectories))
        .Select(file => Path.GetRelativePath(RepositoryRoot(), file).Replace('\\', '/'));

    private static string RepositoryRoot([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", ".."));

    [GeneratedRegex(@"LoggerMessage\((?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex EventId();
}
