using Ocellus.Refusals;

namespace Ocellus.Formats;

/// <summary>A format that was recognized, and the files that are of it.</summary>
internal sealed record Recognized(DataFormat Format, IReadOnlyList<SourceFile> Files);

/// <summary>Tells formats apart by what is in their files.</summary>
internal static class FormatRecognizer
{
    /// <param name="path">The source, for messages.</param>
    /// <param name="tree">Its files.</param>
    /// <param name="only">The one file that is meant; null for all.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="CommandRefusedException">No format, or not the one that was said.</exception>
    public static Recognized Recognize(string path, SourceTree tree, string? only, SourceOptions options)
    {
        var files = tree.Files(options.Findings).Where(f => only is null || f.Name == only).ToList();
        if (files.Where(f => f.Extension is ".manifest" or ".jsonl").ToList() is { Count: > 0 } manifests)
        {
            return new(DataFormat.Manifest, manifests);
        }

        return new(DataFormat.Folders, []);
    }
}
