namespace Ocellus.Formats;

/// <summary>The formats that are read.</summary>
internal enum DataFormat
{
    Manifest,
    Coco,
    Yolo,
    Voc,
    Csv,
    Folders,
    LabelMe,
    LabelStudio,
    Cvat,
    Via,
    Azure,
    ImageFolder,
}

/// <summary>What the formats are called.</summary>
internal static class DataFormats
{
    /// <summary>As a person calls it.</summary>
    public static string Title(this DataFormat format) => format switch
    {
        DataFormat.Manifest => "Ground Truth manifest",
        DataFormat.Coco => "COCO",
        DataFormat.Yolo => "YOLO",
        DataFormat.Voc => "Pascal VOC",
        DataFormat.Csv => "CSV",
        DataFormat.Folders => "a folder a label",
        DataFormat.LabelMe => "LabelMe",
        DataFormat.LabelStudio => "Label Studio",
        DataFormat.Cvat => "CVAT for images 1.1",
        DataFormat.Via => "VGG Image Annotator",
        DataFormat.Azure => "Azure Custom Vision",
        DataFormat.ImageFolder => "images with metadata.jsonl",
    };

    /// <summary>As an option has it.</summary>
    public static string Word(this DataFormat format) => format switch
    {
        DataFormat.LabelMe => "labelme",
        DataFormat.LabelStudio => "label-studio",
        DataFormat.ImageFolder => "imagefolder",
        _ => format.ToString().ToLowerInvariant(),
    };

    /// <summary>The format of a word of <see cref="Word"/>; null for none.</summary>
    public static DataFormat? Parse(string word) =>
        Enum.GetValues<DataFormat>().Where(f => string.Equals(f.Word(), word, StringComparison.OrdinalIgnoreCase)).Cast<DataFormat?>().FirstOrDefault();
}
