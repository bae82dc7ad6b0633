using Ocellus.Formats;
using Ocellus.Formats.Checks;
using Ocellus.Refusals;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    /// <summary>Findings that are shown before a training: the worst, so that they are read.</summary>
    private const int WorstShown = 3;

    /// <summary>Files of a folder up to which it is looked through within seconds.</summary>
    private const int QuickFilesMax = 50_000;

    /// <summary>What the training and its own checks tell anyway.</summary>
    private static readonly string[] _toldElsewhere =
        ["missing-picture", "ambiguous-picture", "line-unusable", "unlabelled", "one-label", "too-many-labels", "link-outside", "several-formats"];

    /// <summary>Tells the worst that is seen in a few seconds: equal files in training and test, boxes, labels with few images. Never hinders a
    /// training.</summary>
    private static void ShowWorst(Request request, Terminal terminal, CancellationToken cancel)
    {
        var findings = new Findings();
        try
        {
            if (request.Manifest is null)
            {
                QuickCheck(request, findings, cancel);
            }
            else
            {
                SourceCheck.Quick(Sides(request, findings, cancel), new SourcePlace(request.Manifest), findings, cancel);
            }
        }
        catch (Exception failure) when (failure is CommandRefusedException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // The training itself says what is wrong with its input.
            return;
        }

        foreach (var group in findings.Groups.Where(g => !_toldElsewhere.Contains(g.Code)).Take(WorstShown))
        {
            var (first, more) = (group.First[0], group.Count > 1 ? $" There are {group.Count - 1} more such." : "");
            terminal.Remark($"{first.Place}: {first.Words}{more} {first.Remedy}");
        }

        if (findings.Groups.Any(g => !_toldElsewhere.Contains(g.Code)))
        {
            terminal.Remark(
                $"`ocellus check {request.Source ?? request.Manifest}{(request.Images is { } images ? $" --images {images}" : "")}` tells all.");
        }
    }

    private static IEnumerable<LabelledImage> Sides(Request request, Findings findings, CancellationToken cancel)
    {
        foreach (var (file, split) in new[] { (request.Manifest, Split.Train), (request.TestManifest, Split.Test) })
        {
            if (file is null)
            {
                continue;
            }

            var options = new SourceOptions
            {
                Format = DataFormat.Manifest,
                Images = request.Images,
                Findings = findings,
                Limits = SourceLimits.Default with { FilesMax = QuickFilesMax },
            };
            using var reader = SourceReader.Open(file, options);
            foreach (var image in reader.Read(cancel))
            {
                yield return image with { Split = split };
            }
        }
    }
}
