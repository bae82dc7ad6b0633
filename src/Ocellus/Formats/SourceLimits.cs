namespace Ocellus.Formats;

/// <summary>What a source may hold. Each is far above what labelled images need, and keeps a hostile or mistaken source from taking the machine.</summary>
internal sealed record SourceLimits
{
    /// <summary>The limits that the commands use.</summary>
    public static SourceLimits Default { get; } = new();

    /// <summary>Files of a source.</summary>
    public int FilesMax { get; init; } = 2_000_000;

    /// <summary>Folders inside each other.</summary>
    public int DepthMax { get; init; } = 32;

    /// <summary>Bytes of one document that describes many images; it is read as a stream.</summary>
    public long DocumentBytesMax { get; init; } = 8L << 30;

    /// <summary>Bytes of what is held at once: the description of one image, a list of names.</summary>
    public int RecordBytesMax { get; init; } = 64 << 20;

    /// <summary>Bytes of one picture.</summary>
    public long ImageBytesMax { get; init; } = 256L << 20;

    /// <summary>Images that a source describes.</summary>
    public int ImagesMax { get; init; } = 2_000_000;

    /// <summary>Boxes of a whole source.</summary>
    public int BoxesMax { get; init; } = 20_000_000;

    /// <summary>Different labels of a source.</summary>
    public int LabelsMax { get; init; } = 10_000;

    /// <summary>Bytes of an archive when unpacked, by its own directory.</summary>
    public long ArchiveBytesMax { get; init; } = 1L << 40;

    /// <summary>How many times larger than packed a file of an archive may be, if it is larger than <see cref="RatioFreeBytes"/>.</summary>
    public int ArchiveRatioMax { get; init; } = 200;

    /// <summary>A file of an archive that is no larger than this may be packed as well as it likes.</summary>
    public long RatioFreeBytes { get; init; } = 4 << 20;
}
