using System.Text;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Formats.Writers;

/// <summary>A folder a label, below <c>train</c>, <c>val</c> and <c>test</c> where the source tells them apart.</summary>
internal sealed class FolderWriter : IDatasetWriter
{
    private readonly OutputNames _names = new(isByStem: false);

    public bool NeedsSizes => false;

    public string? PlaceOf(LabelledImage image)
    {
        if (image.Boxes.Count > 0 || image.Labels.Count > 1)
        {
            throw new CommandRefusedException(
                $"{image.Name} has {(image.Boxes.Count > 0 ? "boxes" : $"the labels {string.Join(", ", image.Labels)}")}, "
                    + "and a folder holds one label an image. --to manifest, coco and csv hold it.");
        }

        if (image.Labels is not [var label])
        {
            return null;
        }

        var folder = FolderNames.Of(label);
        if (Encoding.UTF8.GetByteCount(folder) > FolderNames.BytesMax)
        {
            throw new CommandRefusedException(
                $"The label '{Readable.Truncate(label)}' is too long for the name of a folder. --to manifest, coco and csv hold it.");
        }

        var name = image.Name.Split('/')[^1];
        return _names.Unique(image.Split == Split.None ? folder : $"{image.Split.Name()}/{folder}", name);
    }

    public void Write(LabelledImage image, string place)
    {
    }

    public void Finish()
    {
    }

    public void Dispose()
    {
    }
}
