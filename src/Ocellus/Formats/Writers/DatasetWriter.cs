using Ocellus.Refusals;

namespace Ocellus.Formats.Writers;

/// <summary>Writes labelled images in one format into a folder. One image at a time; nothing but names and labels is held.</summary>
internal interface IDatasetWriter : IDisposable
{
    /// <summary>The format needs the size of a picture with boxes.</summary>
    bool NeedsSizes { get; }

    /// <summary>Where the picture of an image belongs, relative to the folder, with slashes; each image has a place of its own. Null if the format has none
    /// for it.</summary>
    /// <exception cref="CommandRefusedException">The format cannot hold what the image has; the message says which can.</exception>
    string? PlaceOf(LabelledImage image);

    /// <summary>Writes what is known about an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="place">From <see cref="PlaceOf"/>.</param>
    void Write(LabelledImage image, string place);

    /// <summary>Completes the files.</summary>
    void Finish();
}

/// <summary>The writers.</summary>
internal static class DatasetWriters
{
    /// <summary>The formats that are written.</summary>
    public static IReadOnlyList<DataFormat> Formats { get; } =
        [DataFormat.Manifest, DataFormat.Coco, DataFormat.Yolo, DataFormat.Voc, DataFormat.Csv, DataFormat.Folders];

    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="folder">An existing folder.</param>
    /// <param name="labels">Labels whose order is to be kept; more may come.</param>
    /// <param name="bucket">For manifests: the bucket of the images.</param>
    /// <param name="created">For manifests: when the labels were written.</param>
    public static IDatasetWriter Create(DataFormat format, string folder, IEnumerable<string> labels, string bucket, DateTimeOffset created) => format switch
    {
        DataFormat.Manifest => new ManifestWriter(folder, bucket, created),
        DataFormat.Coco => new CocoWriter(folder, labels),
        DataFormat.Yolo => new YoloWriter(folder, labels),
        DataFormat.Voc => new VocWriter(folder),
        DataFormat.Csv => new CsvTableWriter(folder),
        DataFormat.Folders => new FolderWriter(),
        _ => throw new CommandRefusedException($"{format.Title()} is read, not written. {string.Join(", ", Formats.Select(f => f.Word()))} are written."),
    };

    /// <summary>Refuses a source with labels of images and boxes in a format that holds one of them.</summary>
    public static CommandRefusedException Mixed(DataFormat format, LabelledImage image) => new(
        $"The source has labels of whole images and boxes ({image.Name} at {image.Place} differs from the first), and {format.Title()} holds one of the two. "
            + "--to manifest and --to coco hold both.");
}
