namespace Ocellus.Formats;

/// <summary>Reads one format: entries as the source describes them, one at a time.</summary>
internal interface IFormatReader
{
    /// <summary>The entries. What is wrong with one becomes a finding, and the rest is read.</summary>
    IEnumerable<SourceEntry> Read(CancellationToken cancel);
}

/// <summary>What a reader of a format works with.</summary>
/// <param name="Tree">The source.</param>
/// <param name="Files">The files of the format, as it was recognized.</param>
/// <param name="Pictures">Finds pictures.</param>
/// <param name="Findings">Takes what is wrong.</param>
/// <param name="Limits">The limits.</param>
internal sealed record ReadContext(SourceTree Tree, IReadOnlyList<SourceFile> Files, PictureIndex Pictures, Findings Findings, SourceLimits Limits)
{
    /// <summary>The pictures are not in the source: their folders may differ from those that the source knows.</summary>
    public bool ArePicturesElsewhere { get; init; }

    /// <summary>All files of the source.</summary>
    public IReadOnlyList<SourceFile> All => Tree.Files(Findings);

    /// <summary>Labels in the order of the source's own list, where it has one.</summary>
    public List<string> KnownLabels { get; } = [];
}
