using Ocellus.Formats.Writers;
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

            yield return new SourceEntry(picture.Name, new(picture.Name))
            {
                Picture = picture,
                Split = split,
                Labels = rest.Length == 0 ? [] : [FolderNames.LabelOf(rest[0])],
            };
        }
    }

    /// <summary>Folders around everything, as an unpacked archive has them: none of them is a label.</summary>
    private static int Wrapping(IReadOnlyList<SourceFile> pictures)
    {
        if (pictures.Count == 0)
        {
            throw new CommandRefusedException("The source has no pictures.");
        }

        // What all have in common is no longer than what the first has in common with each.
        var folders = pictures[0].Name.Split('/')[..^1];
        var common = Math.Max(0, folders.Length - 1);
        foreach (var picture in pictures)
        {
            var parts = picture.Name.AsSpan().Count('/');
            common = Math.Min(common, Math.Max(0, parts - 1));
            for (var at = 0; common > 0 && at < common; at++)
            {
                if (!HasFolder(picture.Name, at, folders[at]))
                {
                    common = at;
                }
            }
        }

        var skipped = 0;
        while (skipped < common && SplitNames.Of(folders[skipped]) is null or Split.None)
        {
            skipped++;
        }

        return skipped;
    }

    /// <summary>Whether a name's folder of a number, from 0, is the one given.</summary>
    private static bool HasFolder(ReadOnlySpan<char> name, int number, string folder)
    {
        for (; number > 0; number--)
        {
            name = name[(name.IndexOf('/') + 1)..];
        }

        return name.Length > folder.Length && name[folder.Length] == '/' && name.StartsWith(folder, StringComparison.Ordinal);
    }
}
