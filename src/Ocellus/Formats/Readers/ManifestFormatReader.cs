using Ocellus.Datasets.Manifests;

namespace Ocellus.Formats.Readers;

/// <summary>Manifests of Amazon SageMaker Ground Truth, and the datasets of Custom Labels, which are such.</summary>
internal sealed class ManifestFormatReader(ReadContext context) : IFormatReader
{
    /// <summary>Said of lines whose faults only say that nothing is left of them.</summary>
    private const string Remedy = "docs/manifests.md shows a line of each kind.";

    public IEnumerable<SourceEntry> Read(CancellationToken cancel) => context.Files.SelectMany(file => Lines(file, cancel));

    private IEnumerable<SourceEntry> Lines(SourceFile file, CancellationToken cancel)
    {
        var split = SplitNames.OfFile(file.BaseName) is var named and not Split.None ? named : SplitNames.OfPath(file.Name);
        foreach (var (number, text) in SourceText.Lines(file, context.Limits))
        {
            cancel.ThrowIfCancellationRequested();
            if (string.IsNullOrWhiteSpace(text))
            {
                continue;
            }

            var place = new SourcePlace(file.Name, number);
            var line = LineParser.Parse(new ManifestLine(number, text, text.Length > ManifestReader.LineLengthMax));
            // Boxes and sides are judged by the picture itself, for every format alike.
            foreach (var issue in ContentExplanation.Causes(line.Issues).Where(i => i.Level is IssueLevel.Line or IssueLevel.Metadata))
            {
                context.Findings.Error("line-unusable", place, issue.Text, Remedy);
            }

            if (line.Key.Length == 0)
            {
                continue;
            }

            var boxed = line.Attributes.Where(a => a.Kind == AttributeKind.Boxes && (a.IsEmpty || a.Boxes.Count > 0)).ToList();
            yield return new SourceEntry(line.Key, place)
            {
                Folder = file.Folder,
                Split = split,
                Labels = [.. line.Attributes.Where(a => a.Kind == AttributeKind.ImageLevel && a.IsValid).Select(a => a.ClassName)],
                Boxes = [.. boxed.SelectMany(a => a.Boxes.Select(b => new ImageBox(b.Label, b.Left, b.Top, b.Width, b.Height)))],
                IsForBoxes = boxed.Count > 0,
                DeclaredWidth = boxed.Count > 0 ? boxed[0].ImageWidth : 0,
                DeclaredHeight = boxed.Count > 0 ? boxed[0].ImageHeight : 0,
                IsScaledByDeclaredSize = true,
            };
        }
    }
}
