using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Formats;

namespace Ocellus.Commands;

/// <summary>Findings of a source, as lines and as JSON.</summary>
internal static class FindingLines
{
    /// <summary>The kinds of findings, each with the first of them; empty if there are none.</summary>
    /// <param name="groups">The kinds.</param>
    /// <param name="shownMax">Findings of a kind that are shown.</param>
    public static IEnumerable<string> Of(IReadOnlyList<FindingGroup> groups, int shownMax)
    {
        foreach (var group in groups)
        {
            var first = group.First[0];
            var times = group.Count == 1 ? "once" : string.Create(CultureInfo.InvariantCulture, $"{group.Count:N0} times");
            yield return $"  {(group.Severity == Severity.Error ? "error" : "warning")} {group.Code}, {times}: {first.Remedy}";
            foreach (var finding in group.First.Take(shownMax))
            {
                yield return $"    {finding.Place}: {finding.Words}";
            }

            if (group.Count > Math.Min(shownMax, group.First.Count))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"    … and {group.Count - Math.Min(shownMax, group.First.Count):N0} more");
            }
        }
    }

    /// <summary>"2 errors and 13 warnings"; null if there are none.</summary>
    public static string? Count(Findings findings)
    {
        var (errors, warnings) = (findings.Errors, findings.Warnings);
        string[] parts = [.. new[] { Plural(errors, "error"), Plural(warnings, "warning") }.OfType<string>()];
        return parts.Length == 0 ? null : string.Join(" and ", parts);

        static string? Plural(long count, string what) =>
            count == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{count:N0} {what}{(count == 1 ? "" : "s")}");
    }

    public static JsonArray Json(IReadOnlyList<FindingGroup> groups) => new([
        .. groups.Select(g => new JsonObject
        {
            ["code"] = g.Code,
            ["severity"] = g.Severity == Severity.Error ? "error" : "warning",
            ["count"] = g.Count,
            ["first"] = new JsonArray([
                .. g.First.Select(f => new JsonObject
                {
                    ["file"] = f.Place.File, ["line"] = f.Place.Line, ["words"] = f.Words, ["remedy"] = f.Remedy,
                }),
            ]),
        }),
    ]);
}
