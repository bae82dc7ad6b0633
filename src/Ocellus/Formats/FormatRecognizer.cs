using System.Text;
using Ocellus.Formats.Readers;
using Ocellus.Refusals;

namespace Ocellus.Formats;

/// <summary>A format that was recognized, and the files that are of it.</summary>
internal sealed record Recognized(DataFormat Format, IReadOnlyList<SourceFile> Files);

/// <summary>Tells formats apart by what is in their files.</summary>
internal static class FormatRecognizer
{
    /// <summary>Files of a kind that are looked into; a folder of a hundred thousand of a kind has them all alike.</summary>
    private const int LookedMax = 40;

    /// <summary>The formats, the surest first: what tells most about the pictures, and is least likely to lie there by accident.</summary>
    private static readonly DataFormat[] _order =
    [
        DataFormat.Manifest, DataFormat.ImageFolder, DataFormat.Coco, DataFormat.Yolo, DataFormat.Cvat, DataFormat.Voc, DataFormat.LabelStudio, DataFormat.Via,
        DataFormat.Azure, DataFormat.LabelMe, DataFormat.Csv, DataFormat.Folders,
    ];

    /// <summary>Formats that have a file an image: the first that are looked into stand for all.</summary>
    private static readonly DataFormat[] _filePerImage = [DataFormat.Voc, DataFormat.LabelMe];

    /// <param name="path">The source, for messages.</param>
    /// <param name="tree">Its files.</param>
    /// <param name="only">The one file that is meant; null for all.</param>
    /// <param name="options">Options.</param>
    /// <exception cref="CommandRefusedException">No format, or not the one that was said.</exception>
    public static Recognized Recognize(string path, SourceTree tree, string? only, SourceOptions options)
    {
        List<SourceFile> files = [.. tree.Files(options.Findings).Where(f => only is null || f.Name == only)];
        var found = Look(files, tree, only is not null, options);
        if (options.Format is { } said)
        {
            return found.TryGetValue(said, out var ofSaid) ? new(said, ofSaid) : throw new CommandRefusedException(
                $"{path} has nothing of the format {said.Title()}. "
                    + $"{(found.Count > 0 ? $"It looks like {string.Join(", or ", found.Keys.Select(f => f.Title()))}." : "")}");
        }

        var formats = _order.Where(found.ContainsKey).ToList();
        if (formats.Count == 0)
        {
            throw new CommandRefusedException(
                $"{path} is of no format that is known. It may be {string.Join(", ", _order.Select(f => f.Title()))}, or a zip file of such; {Seen(files)}.");
        }

        if (formats.FindAll(f => f != DataFormat.Folders) is { Count: > 1 } several)
        {
            options.Findings.Warn(
                "several-formats", new(found[several[1]][0].Name),
                $"The source has {several[0].Title()}, which is read, and also {string.Join(" and ", several.Skip(1).Select(f => f.Title()))}.",
                $"--from {several[1].Word()} reads that instead.");
        }

        return new(formats[0], found[formats[0]]);
    }

    private static Dictionary<DataFormat, List<SourceFile>> Look(List<SourceFile> files, SourceTree tree, bool isOnly, SourceOptions options)
    {
        var found = new Dictionary<DataFormat, List<SourceFile>>();
        var looked = new Dictionary<string, int>(StringComparer.Ordinal);
        // Documents of a whole data set lie above those of single images.
        foreach (var file in files.OrderBy(f => f.Name.Count(c => c == '/')).ThenBy(f => f.Name, StringComparer.Ordinal))
        {
            var extension = file.Extension;
            if (SourceTree.IsImage(file.Name) || (looked.TryGetValue(extension, out var count) && count >= LookedMax))
            {
                continue;
            }

            if (Kind(file, isOnly, options.Limits) is { } kind)
            {
                (found.TryGetValue(kind, out var list) ? list : found[kind] = []).Add(file);
            }

            looked[extension] = looked.GetValueOrDefault(extension) + 1;
        }

        foreach (var format in _filePerImage.Where(found.ContainsKey))
        {
            var extension = found[format][0].Extension;
            var others = found.Where(f => f.Key != format).SelectMany(f => f.Value).ToHashSet();
            found[format] = isOnly ? found[format] : files.FindAll(f => f.Extension == extension && !others.Contains(f));
        }

        // A list of classes and one of numbers, without data.yaml.
        if (found.TryGetValue(DataFormat.Yolo, out var yolo) && yolo.Find(f => f.Extension is ".yaml" or ".yml") is { } description)
        {
            found[DataFormat.Yolo] = [description];
        }

        if (!isOnly && files.Exists(f => SourceTree.IsImage(f.Name)))
        {
            found[DataFormat.Folders] = [];
        }

        return found;
    }

    /// <summary>What a file is; null for nothing that is known.</summary>
    private static DataFormat? Kind(SourceFile file, bool isOnly, SourceLimits limits)
    {
        try
        {
            switch (file.Extension)
            {
                case ".json" or ".jsonl" or ".ndjson" or ".manifest":
                    var head = SourceText.Head(file, JsonHead.Bytes, limits);
                    var json = OfJson(JsonHead.Paths(head));
                    return json == DataFormat.ImageFolder && file.Extension == ".json" ? null : json;
                case ".yaml" or ".yml":
                    return HasLine(Text(file, limits), "names:") ? DataFormat.Yolo : null;
                case ".xml":
                    var xml = Text(file, limits);
                    return xml.Contains("<annotations", StringComparison.Ordinal) ? DataFormat.Cvat
                        : xml.Contains("<annotation", StringComparison.Ordinal) ? DataFormat.Voc : null;
                case ".csv" or ".tsv":
                    return CsvFormatReader.LooksLikeTable(Text(file, limits)) || isOnly ? DataFormat.Csv : null;
                case ".txt":
                    var text = Text(file, limits);
                    return YoloReader.LooksLikeLabels(text) ? DataFormat.Yolo : CsvFormatReader.LooksLikeTable(text) ? DataFormat.Csv : null;
                default:
                    return null;
            }
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            // What cannot be read is no format; as the only file it is refused for that.
            return isOnly ? throw new CommandRefusedException(failure.Message) : null;
        }
    }

    private static DataFormat? OfJson(HashSet<string> paths) =>
        paths.Contains("source-ref") ? DataFormat.Manifest
        : paths.Contains("file_name") && !paths.Contains("shapes") ? DataFormat.ImageFolder
        : paths.Contains("shapes") || paths.Contains("imagePath") ? DataFormat.LabelMe
        : paths.Contains("images[].file_name") || paths.Contains("annotations[].image_id")
            || (paths.Contains("categories[].id") && paths.Contains("categories[].name"))
            ? DataFormat.Coco
        : paths.Contains("_via_img_metadata") || paths.Contains("*.shape_attributes") || (paths.Contains("*.filename") && paths.Contains("*.regions"))
            ? DataFormat.Via
        : paths.Contains("[].data") || paths.Contains("[].annotator") || paths.Contains("[].annotation_id") ? DataFormat.LabelStudio
        : IsAzure(paths, "[]")
            || paths.Any(p => p.EndsWith("[].originalImageUri", StringComparison.Ordinal) || p.EndsWith("[].original_image_uri", StringComparison.Ordinal))
            ? DataFormat.Azure
        : null;

    private static bool IsAzure(HashSet<string> paths, string root) =>
        (paths.Contains($"{root}.regions") || paths.Contains($"{root}.tags"))
            && (paths.Contains($"{root}.id")
                || paths.Any(p => p.EndsWith(".tagName", StringComparison.Ordinal) || p.EndsWith(".tag_name", StringComparison.Ordinal)));

    private static bool HasLine(string text, string start) => text.Split('\n').Any(l => l.StartsWith(start, StringComparison.Ordinal));

    private static string Text(SourceFile file, SourceLimits limits) => Encoding.UTF8.GetString(SourceText.Head(file, JsonHead.Bytes, limits));

    private static string Seen(List<SourceFile> files)
    {
        var kinds = files.GroupBy(f => f.Extension).OrderByDescending(g => g.Count()).Take(3)
            .Select(g => $"{g.Count()} {(g.Key.Length > 0 ? g.Key : "without a suffix")}");
        return files.Count == 0 ? "it has no files" : $"it has {string.Join(", ", kinds)}";
    }
}
