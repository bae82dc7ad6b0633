using Ocellus.Refusals;

namespace Ocellus.Formats.Readers;

/// <summary>One folder a label, below folders such as <c>train</c> and <c>test</c> or not.</summary>
internal sealed class FolderReader(ReadContext context) : IFormatReader
{
    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        var skipped = Wrapping(context.Pictures.Pictures);
        foreach (var picture in context.Pictures.Pictures)
        {
            cancel.ThrowIfCancellationRequested();
            var folders = picture.Name.Split('/')[skipped..^1];
            var split = folders.Length > 0 ? SplitNames.Of(folders[0]) is { } named and not Split.None ? named : Split.None : Split.None;
            var rest = split == Split.None ? folders : folders[1..];
            if (rest.Length == 0)
            {
                context.Findings.Warn(
                    "no-label", new(picture.Name), $"{picture.Name} is in no folder of a label.", "Put it in a folder that is called like its label.");
            }

            yield return new SourceEntry(picture.Name, new(picture.Name)) { Picture = picture, Split = split, Labels = rest.Length == 0 ? [] : [rest[0]] };
        }
    }

    /// <summary>Folders around everything, as an unpacked archive has them: none of them is a label.</summary>
    private static int Wrapping(IReadOnlyList<SourceFile> pictures)
    {
        if (pictures.Count == 0)
        {
            throw new CommandRefusedException("The source has no pictures.");
        }

        var names = pictures.Select(p => p.Name.Split('/')).ToList();
        var skipped = 0;
        while (names[0].Length > skipped + 1 && SplitNames.Of(names[0][skipped]) is null or Split.None
            && names.TrueForAll(n => n.Length > skipped + 2 && n[skipped] == names[0][skipped]))
        {
            skipped++;
        }

        return skipped;
    }
}
