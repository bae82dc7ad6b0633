using Ocellus.Formats.Readers;

namespace Ocellus.Formats;

/// <summary>The reader of each format.</summary>
internal static class FormatReaders
{
    public static IFormatReader Create(DataFormat format, ReadContext context) => format switch
    {
        DataFormat.Manifest => new ManifestFormatReader(context),
        DataFormat.Folders => new FolderReader(context),
        _ => throw new NotSupportedException($"{format}"),
    };
}
