using Ocellus.Formats.Readers;

namespace Ocellus.Formats;

/// <summary>The reader of each format.</summary>
internal static class FormatReaders
{
    public static IFormatReader Create(DataFormat format, ReadContext context) => format switch
    {
        DataFormat.Manifest => new ManifestFormatReader(context),
        DataFormat.Coco => new CocoReader(context),
        DataFormat.Yolo => new YoloReader(context),
        DataFormat.Voc => new VocReader(context),
        DataFormat.Csv => new CsvFormatReader(context),
        DataFormat.Folders => new FolderReader(context),
        DataFormat.LabelMe => new LabelMeReader(context),
        DataFormat.LabelStudio => new LabelStudioReader(context),
        DataFormat.Cvat => new CvatReader(context),
        DataFormat.Via => new ViaReader(context),
        DataFormat.Azure => new AzureReader(context),
        DataFormat.ImageFolder => new ImageFolderReader(context),
    };
}
