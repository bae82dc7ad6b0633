using Ocellus.Formats.Fetching;

namespace Ocellus.Formats;

/// <summary>What an image is meant for.</summary>
internal enum Split
{
    /// <summary>The source does not say.</summary>
    None,
    Train,
    Validation,
    Test,
}

/// <summary>A labelled box in pixels of the upright image, as a person sees it; the origin is the upper left corner.</summary>
internal readonly record struct ImageBox(string Label, double Left, double Top, double Width, double Height);

/// <summary>An image of a source, with what is known about it.</summary>
internal sealed record LabelledImage
{
    /// <summary>Its name relative to the source, with slashes; one without <c>..</c>, also where the picture is missing.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is described.</summary>
    public required SourcePlace Place { get; init; }

    public Split Split { get; init; }

    /// <summary>Labels of the image as a whole; each once.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Boxes, inside the image where its size is known.</summary>
    public IReadOnlyList<ImageBox> Boxes { get; init; } = [];

    /// <summary>The source is about boxes: without any, the image shows that there is nothing to find.</summary>
    public bool IsForBoxes { get; init; }

    /// <summary>Pixels across of the upright image; null if neither the source nor the picture tells.</summary>
    public int? Width { get; init; }

    /// <summary>Pixels down of the upright image; null if neither the source nor the picture tells.</summary>
    public int? Height { get; init; }

    /// <summary>The picture; null if the source lacks it, which is among the findings.</summary>
    public SourceFile? Picture { get; init; }

    /// <summary>Not a byte of the picture could be read, which is among the findings.</summary>
    public bool IsUnreadable { get; init; }

    /// <summary>Whether something is known: a label, or that there is nothing to find.</summary>
    public bool IsLabelled => Labels.Count > 0 || Boxes.Count > 0 || IsForBoxes;

    /// <summary>The bytes of the picture.</summary>
    /// <exception cref="FileNotFoundException">There is no picture.</exception>
    /// <exception cref="InvalidDataException">A member of an archive that is damaged or too large.</exception>
    public Stream OpenRead() => Picture?.OpenRead() ?? throw new FileNotFoundException($"The picture {Name} is not in the source.");
}

/// <summary>An image as a format describes it, before its picture was looked at.</summary>
internal sealed record SourceEntry(string Name, SourcePlace Place)
{
    /// <summary>Folder, relative to the source, that <see cref="SourceEntry.Name"/> is most likely relative to.</summary>
    public string Folder { get; init; } = "";

    /// <summary>Address from which the picture can be fetched; null where the name may be one.</summary>
    public string? Address { get; init; }

    /// <summary>The address as one of http or https; null if there is none.</summary>
    public Uri? AddressOfPicture => PictureAddress.Of(Address ?? Name);

    /// <summary>The picture, where the format has found it already.</summary>
    public SourceFile? Picture { get; init; }

    public Split Split { get; init; }

    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Boxes in pixels of the declared size, or in ratios.</summary>
    public IReadOnlyList<ImageBox> Boxes { get; init; } = [];

    /// <summary>Line of each box in the file of <see cref="SourceEntry.Place"/>; null where a format does not know.</summary>
    public IReadOnlyList<int>? BoxLines { get; init; }

    /// <summary>Boxes are ratios of the sides, from 0 to 1.</summary>
    public bool IsRatio { get; init; }

    public bool IsForBoxes { get; init; }

    /// <summary>Width that the description tells; 0 if it does not.</summary>
    public double DeclaredWidth { get; init; }

    public double DeclaredHeight { get; init; }

    /// <summary>Boxes refer to the declared size, whatever the picture's is, as in a manifest.</summary>
    public bool IsScaledByDeclaredSize { get; init; }
}
