using System.Globalization;
using Ocellus.Encodings;

namespace Ocellus.Datasets.Manifests;

/// <summary>
/// Why the content of manifests was refused, in words with numbers, names and the first line: AWS's own text for it is the same for every manifest, and its
/// reasons stand in the lines of an output file.
/// </summary>
internal static class ContentExplanation
{
    /// <summary>Kinds of errors told; more would hide the first.</summary>
    private const int KindsMax = 2;

    private const int LabelsMax = 5;

    /// <summary>Errors that only say that a line had others.</summary>
    private static readonly string[] _consequences = ["ERROR_NO_VALID_LABEL_ATTRIBUTES", "ERROR_NO_VALID_ANNOTATIONS"];

    private static readonly ContentError[] _labelErrors = [ContentError.TooFewLabels, ContentError.TooFewUsableLabels, ContentError.NoAutoSplit];

    /// <summary>The errors of a line that are causes; the consequences where there is no cause.</summary>
    public static IEnumerable<LineIssue> Causes(IEnumerable<LineIssue> issues)
    {
        List<LineIssue> errors = [.. issues.Where(i => !i.IsWarning)];
        return errors.Exists(e => !_consequences.Contains(e.Code)) ? errors.Where(e => !_consequences.Contains(e.Code)) : errors;
    }

    /// <summary>The sentences for a refused pair of manifests; empty if its error says all there is to say.</summary>
    public static string Of(ContentResult content, IReadOnlyList<ParsedLine> training, IReadOnlyList<ParsedLine> testing)
    {
        var sentences = new List<string>();
        foreach (var (name, side, lines) in new[] { ("training", content.Training, training), ("test", content.Testing, testing) })
        {
            if (side.Errors.Contains(ContentError.TooManyInvalid) || (content.UseCase == UseCase.NotDetermined && side.Errors.Count == 0))
            {
                sentences.AddRange(Invalid(name, lines));
            }

            // Where nothing can be used, the reason is told already.
            if (lines.Any(l => l.IsUsable) && side.Errors.Any(e => _labelErrors.Contains(e)))
            {
                sentences.Add(Labels(name, lines));
            }
        }

        if (content.Errors.Count > 0)
        {
            var known = testing.SelectMany(LabelsOf).ToHashSet(StringComparer.Ordinal);
            var absent = training.SelectMany(LabelsOf).Distinct(StringComparer.Ordinal).Where(l => !known.Contains(l)).Order(StringComparer.Ordinal).ToList();
            sentences.Add($"The test manifest lacks {Names(absent)}.");
        }

        return string.Join(' ', sentences);
    }

    private static IEnumerable<string> Invalid(string name, IReadOnlyList<ParsedLine> lines)
    {
        var bad = lines.Where(l => l.IsOut).ToList();
        if (bad.Count == 0)
        {
            yield break;
        }

        var head = bad.Count == lines.Count
            ? Say($"None of {lines.Count} {name} lines can be used")
            : Say($"{bad.Count} of {lines.Count} {name} lines are invalid");
        var kinds = bad.SelectMany(l => Causes(l.Issues).Select(i => (Line: l, Issue: i))).GroupBy(f => f.Issue.Code)
            .OrderByDescending(g => g.Count()).ThenBy(g => g.First().Line.Number).ToList();
        var told = kinds.Take(KindsMax).Select(kind =>
        {
            // The first of the commonest: where all lines lack the same member, that member; where each has its own fault, an example.
            var (line, issue) = kind.GroupBy(f => f.Issue.Text).MaxBy(g => g.Count())!.First();
            var count = kind.Select(f => f.Line).Distinct().Count();
            var share = count == bad.Count ? "" : Say($"in {count} of them ");
            return Say($"{share}{(issue.Detail ?? issue.Message).TrimEnd('.')} (first: line {line.Number})");
        });
        yield return $"{head}: {string.Join("; ", told)}.";
    }

    private static string Labels(string name, IReadOnlyList<ParsedLine> lines)
    {
        var counts = lines.SelectMany(LabelsOf).CountBy(l => l).OrderBy(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal).ToList();
        var told = counts.Take(LabelsMax).Select(c => Say($"'{Readable.Truncate(c.Key)}' with {c.Value} image{(c.Value == 1 ? "" : "s")}"));
        return $"Labels of the {name} lines: {string.Join(", ", told)}{(counts.Count > LabelsMax ? Say($" and {counts.Count - LabelsMax} with more") : "")}.";
    }

    private static IEnumerable<string> LabelsOf(ParsedLine line) => line.ImageLabels.Concat(line.BoxLabels).Distinct(StringComparer.Ordinal);

    private static string Names(List<string> labels) =>
        string.Join(", ", labels.Take(LabelsMax).Select(l => $"'{Readable.Truncate(l)}'"))
            + (labels.Count > LabelsMax ? Say($" and {labels.Count - LabelsMax} more") : "");

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
