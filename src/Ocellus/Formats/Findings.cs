using System.Globalization;

namespace Ocellus.Formats;

/// <summary>Where something stands in a source.</summary>
/// <param name="File">Name relative to the source, with slashes.</param>
/// <param name="Line">Line, from 1; null where the file as a whole is meant.</param>
internal readonly record struct SourcePlace(string File, int? Line = null)
{
    public override string ToString() => Line is { } line ? string.Create(CultureInfo.InvariantCulture, $"{File}:{line}") : File;
}

/// <summary>How much a finding matters.</summary>
internal enum Severity
{
    /// <summary>Something was left out: it cannot be used.</summary>
    Error,

    /// <summary>It is used, perhaps not as it was meant.</summary>
    Warning,
}

/// <summary>Something that is wrong with a source.</summary>
/// <param name="Code">Kind of the finding, as <c>box-outside</c>; findings of one kind are counted together.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="Words">What is wrong: a sentence.</param>
/// <param name="Remedy">What would be right: a sentence, the same for all findings of a kind.</param>
internal sealed record SourceFinding(string Code, Severity Severity, SourcePlace Place, string Words, string Remedy);

/// <summary>Findings of one kind.</summary>
/// <param name="Code">The kind.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Count">How many there are.</param>
/// <param name="First">The first of them.</param>
internal sealed record FindingGroup(string Code, Severity Severity, long Count, IReadOnlyList<SourceFinding> First);

/// <summary>Collects findings. Of each kind it counts all and keeps the first, so that a source of a million faults takes no more memory than one of a
/// few.</summary>
/// <param name="keptMax">Findings of a kind that are kept.</param>
internal sealed class Findings(int keptMax = 20)
{
    private readonly Dictionary<string, (long Count, List<SourceFinding> First)> _groups = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>Called with each finding as it is made, also with those that are not kept; null for nobody.</summary>
    public Action<SourceFinding>? Seen { get; init; }

    /// <summary>Kinds of findings: errors first, then the most frequent first.</summary>
    public IReadOnlyList<FindingGroup> Groups
    {
        get
        {
            lock (_gate)
            {
                return
                [
                    .. _groups.Select(g => new FindingGroup(g.Key, g.Value.First[0].Severity, g.Value.Count, [.. g.Value.First]))
                        .OrderBy(g => g.Severity).ThenByDescending(g => g.Count).ThenBy(g => g.Code, StringComparer.Ordinal),
                ];
            }
        }
    }

    /// <summary>How many errors there are.</summary>
    public long Errors => Groups.Where(g => g.Severity == Severity.Error).Sum(g => g.Count);

    /// <summary>How many warnings there are.</summary>
    public long Warnings => Groups.Where(g => g.Severity == Severity.Warning).Sum(g => g.Count);

    public void Error(string code, SourcePlace place, string words, string remedy) => Add(new SourceFinding(code, Severity.Error, place, words, remedy));

    public void Warn(string code, SourcePlace place, string words, string remedy) => Add(new SourceFinding(code, Severity.Warning, place, words, remedy));

    public void Add(SourceFinding finding)
    {
        Seen?.Invoke(finding);
        lock (_gate)
        {
            var (count, first) = _groups.TryGetValue(finding.Code, out var group) ? group : (0, []);
            if (first.Count < keptMax)
            {
                first.Add(finding);
            }

            _groups[finding.Code] = (count + 1, first);
        }
    }
}
