using System.Security.Cryptography;

namespace Ocellus.Formats.Checks;

/// <summary>Finds pictures that are equal byte for byte. Only files of one length are read.</summary>
internal static class EqualFiles
{
    /// <summary>Groups of two or more, in the images' order.</summary>
    public static IReadOnlyList<IReadOnlyList<LabelledImage>> Find(IEnumerable<LabelledImage> images, CancellationToken cancel) =>
    [
        .. images.Where(i => i.Picture is not null).GroupBy(i => Length(i.Picture!)).Where(g => g.Key > 0 && g.Count() > 1)
            .SelectMany(g => g.GroupBy(i => Hash(i, cancel)).Where(h => h.Key is not null && h.Count() > 1)).Select(h => h.ToList()),
    ];

    /// <summary>Says of equal files what follows from where they are.</summary>
    public static void Report(IReadOnlyList<LabelledImage> group, Findings findings)
    {
        var first = group[0];
        foreach (var other in group.Skip(1))
        {
            Pair(first, other, "the same file as", findings, isExact: true);
        }
    }

    /// <summary>Says of two pictures of the same what follows from where they are, and from how they are labelled.</summary>
    public static void Pair(LabelledImage first, LabelledImage other, string how, Findings findings, bool isExact)
    {
        var kind = isExact ? "" : "-near";
        if (IsTraining(first) != IsTraining(other))
        {
            findings.Add(new SourceFinding(
                $"leak{kind}", isExact ? Severity.Error : Severity.Warning, other.Place, $"{other.Name} ({Name(other)}) is {how} {first.Name} ({Name(first)}).",
                "A test with pictures of the training says nothing about others. Keep both on one side."));
        }
        else
        {
            findings.Warn($"duplicate{kind}", other.Place, $"{other.Name} is {how} {first.Name}.", "Keep one: the other adds nothing.");
        }

        if (isExact && !first.Labels.ToHashSet(StringComparer.Ordinal).SetEquals(other.Labels))
        {
            findings.Error(
                "contradiction", other.Place, $"{other.Name} is {how} {first.Name}, but one is {Labels(first)} and the other {Labels(other)}.",
                "Correct one of the two.");
        }
    }

    public static bool IsTraining(LabelledImage image) => image.Split is Split.Train or Split.None;

    private static string Name(LabelledImage image) => image.Split == Split.None ? "train" : image.Split.Name();

    private static string Labels(LabelledImage image) => image.Labels.Count == 0 ? "without a label" : $"'{string.Join("', '", image.Labels)}'";

    private static long Length(SourceFile file)
    {
        try
        {
            return file.Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static string? Hash(LabelledImage image, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        try
        {
            using var stream = image.OpenRead();
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            // Told where the picture is read for itself.
            return null;
        }
    }
}
