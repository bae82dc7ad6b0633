using System.Buffers;
using Ocellus.Formats.Writers;
using Ocellus.Refusals;

namespace Ocellus.Formats;

/// <summary>What a conversion does.</summary>
/// <param name="To">The format to write.</param>
/// <param name="Folder">The folder to make; one that exists must be empty.</param>
internal sealed record ConversionPlan(DataFormat To, string Folder)
{
    /// <summary>Copies the pictures too.</summary>
    public bool WithPictures { get; init; } = true;

    /// <summary>For manifests: bucket of the images.</summary>
    public string Bucket { get; init; } = "dataset";

    /// <summary>For manifests: when the labels were written.</summary>
    public DateTimeOffset Created { get; init; }
}

/// <summary>What a conversion has written.</summary>
internal sealed record ConversionResult
{
    /// <summary>Images of each split.</summary>
    public SortedDictionary<Split, int> Images { get; } = [];

    public int ImageCount => Images.Values.Sum();

    public long Boxes { get; set; }

    /// <summary>Labels of whole images.</summary>
    public long ImageLabels { get; set; }

    /// <summary>Pictures copied.</summary>
    public int Pictures { get; set; }

    /// <summary>Images that the source has and the format cannot hold.</summary>
    public int LeftOut { get; set; }

    /// <summary>All labels that were written.</summary>
    public SortedSet<string> Labels { get; } = new(StringComparer.Ordinal);
}

/// <summary>Writes what a source has in another format: all of it, or nothing.</summary>
internal static class Conversion
{
    /// <summary>A file that tells a folder which a run has begun from one that somebody has by the same name.</summary>
    private const string Mark = ".ocellus-part";

    /// <summary>Bytes of a picture that are held at a time.</summary>
    private const int CopiedAtOnce = 1 << 17;

    /// <exception cref="CommandRefusedException">The folder is not empty, nothing can be used, or the format cannot hold what the source has.</exception>
    /// <exception cref="InvalidDataException">A document or an archive is damaged.</exception>
    public static ConversionResult Run(SourceReader source, ConversionPlan plan, IProgress<int>? progress, CancellationToken cancel)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(plan.Folder));
        CheckFree(folder);
        var part = folder + ".part";
        var mark = Path.Combine(part, Mark);
        if (Directory.Exists(part) && Directory.EnumerateFileSystemEntries(part).Any())
        {
            if (!File.Exists(mark))
            {
                throw new CommandRefusedException($"{part} is in the way: it is written first, and becomes {folder}. Remove it, or choose another folder.");
            }

            // What an earlier run left that was killed.
            Directory.Delete(part, recursive: true);
        }

        Directory.CreateDirectory(part);
        File.WriteAllBytes(mark, []);
        try
        {
            var result = Write(source, plan, part, progress, cancel);
            File.Delete(mark);
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder);
            }

            Directory.Move(part, folder);
            return result;
        }
        catch
        {
            Directory.Delete(part, recursive: true);
            throw;
        }
    }

    /// <summary>Checks that a folder can be made.</summary>
    /// <exception cref="CommandRefusedException">It is a file, its parent does not exist, or it is not empty.</exception>
    public static void CheckFree(string folder)
    {
        if (File.Exists(folder) || !Directory.Exists(Path.GetDirectoryName(folder)))
        {
            throw new CommandRefusedException($"{folder} cannot be made: {(File.Exists(folder) ? "that is a file" : "the folder around it does not exist")}.");
        }

        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new CommandRefusedException($"{folder} is not empty. Remove it, or choose another folder with --out.");
        }
    }

    private static ConversionResult Write(SourceReader source, ConversionPlan plan, string folder, IProgress<int>? progress, CancellationToken cancel)
    {
        var result = new ConversionResult();
        IDatasetWriter? writer = null;
        try
        {
            foreach (var image in source.Read(cancel))
            {
                // Not before the first image: until then the source's own list of labels has not been read.
                writer ??= DatasetWriters.Create(plan.To, folder, source.Labels, plan.Bucket, plan.Created);
                if (Place(source, writer, image, plan) is not { } place || (plan.WithPictures && !Copy(source, image, folder, place, result)))
                {
                    result.LeftOut++;
                    continue;
                }

                writer.Write(image, place);
                Count(result, image);
                progress?.Report(result.ImageCount);
            }

            if (result.ImageCount == 0)
            {
                var why = source.Findings.Groups is [var first, ..] ? $" {first.First[0].Place}: {first.First[0].Words} {first.First[0].Remedy}" : "";
                throw new CommandRefusedException($"Nothing in the source can be used ({source.Description}).{why}");
            }

            writer!.Finish();
            return result;
        }
        finally
        {
            writer?.Dispose();
        }
    }

    private static string? Place(SourceReader source, IDatasetWriter writer, LabelledImage image, ConversionPlan plan)
    {
        var place = writer.PlaceOf(image);
        if (place is null)
        {
            source.Findings.Warn(
                "not-held", image.Place, $"{image.Name} has no label, and {plan.To.Title()} has no place for such.", "--to manifest, coco and csv keep it.");
        }
        else if (writer.NeedsSizes && image.Width is null && (image.Boxes.Count > 0 || image.IsForBoxes))
        {
            source.Findings.Error(
                "size-unknown", image.Place, $"The size of {image.Name} is not known, and {plan.To.Title()} needs it for boxes.",
                "Put the pictures into the source, or name their folder with --images.");
            return null;
        }

        return place;
    }

    /// <summary>Copies the picture; false if it cannot be read. A picture that the source lacks is no hindrance: its labels are kept.</summary>
    private static bool Copy(SourceReader source, LabelledImage image, string folder, string place, ConversionResult result)
    {
        if (image.Picture is null)
        {
            return true;
        }

        if (image.IsUnreadable)
        {
            return false;
        }

        var file = Path.Combine(folder, place.Replace('/', Path.DirectorySeparatorChar));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        if (Refusal(image, file) is { } refusal)
        {
            File.Delete(file);
            source.Findings.Error("unreadable-picture", new(image.Picture.Name), refusal, "Save it again as JPEG or PNG, or remove it.");
            return false;
        }

        result.Pictures++;
        return true;
    }

    /// <summary>Copies a picture; why it cannot be read, or null. What keeps the copy from being written, such as a full disk, is thrown.</summary>
    private static string? Refusal(LabelledImage image, string file)
    {
        Stream from;
        try
        {
            from = image.OpenRead();
        }
        catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return failure.Message;
        }

        using (from)
        using (var to = new FileStream(file, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            var buffer = ArrayPool<byte>.Shared.Rent(CopiedAtOnce);
            try
            {
                while (true)
                {
                    int got;
                    try
                    {
                        got = from.Read(buffer);
                    }
                    catch (Exception failure) when (failure is InvalidDataException or IOException)
                    {
                        return failure.Message;
                    }

                    if (got == 0)
                    {
                        return null;
                    }

                    to.Write(buffer.AsSpan(0, got));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    private static void Count(ConversionResult result, LabelledImage image)
    {
        result.Images[image.Split] = result.Images.GetValueOrDefault(image.Split) + 1;
        result.Boxes += image.Boxes.Count;
        result.ImageLabels += image.Labels.Count;
        result.Labels.UnionWith(image.Labels);
        foreach (var box in image.Boxes)
        {
            result.Labels.Add(box.Label);
        }
    }
}
