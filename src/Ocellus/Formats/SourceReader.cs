using Ocellus.Refusals;

namespace Ocellus.Formats;

/// <summary>How a source is read.</summary>
internal sealed record SourceOptions
{
    /// <summary>The format, where a person says it; null to recognize it.</summary>
    public DataFormat? Format { get; init; }

    /// <summary>Folder or archive of the pictures, where they are not in the source; null for the source.</summary>
    public string? Images { get; init; }

    /// <summary>The pictures of a source that has none of its own; null for none. Not disposed of with the reader.</summary>
    public SourceTree? Elsewhere { get; init; }

    public SourceLimits Limits { get; init; } = SourceLimits.Default;

    /// <summary>Takes what is wrong.</summary>
    public Findings Findings { get; init; } = new();

    /// <summary>Reads the head of every picture for its size; otherwise only where boxes need it.</summary>
    public bool ReadsSizes { get; init; }
}

/// <summary>
/// Labelled images in any format: <see cref="Open"/> recognizes it by its content, <see cref="Read"/> gives one image after the other. Names are held in
/// memory, pictures never. Not for several threads; the pictures of what it gives may be read by any thread, until it is disposed of.
/// </summary>
internal sealed class SourceReader : IDisposable
{
    private readonly SourceTree _tree;
    private readonly SourceTree? _images;
    private readonly ReadContext _context;
    private readonly IFormatReader _reader;
    private readonly EntryResolver _resolver;

    private SourceReader(SourceTree tree, SourceTree? images, Recognized found, SourceOptions options)
    {
        (_tree, _images, Format, Findings) = (tree, images, found.Format, options.Findings);
        var pictures = new PictureIndex((images ?? tree).Files(Findings));
        if (pictures.Pictures.Count == 0 && options.Elsewhere is { } elsewhere)
        {
            (pictures, IsElsewhere) = (new PictureIndex(elsewhere.Files(Findings)), true);
        }

        _context = new ReadContext(tree, found.Files, pictures, Findings, options.Limits) { ArePicturesElsewhere = IsElsewhere };
        _reader = FormatReaders.Create(Format, _context);
        _resolver = new EntryResolver(_context, options.ReadsSizes);
        Description = found.Files switch
        {
            [] => Format.Title(),
            [var only] => $"{Format.Title()}, {only.Name}",
            [var first, ..] => $"{Format.Title()}, {first.Name} and {found.Files.Count - 1} more",
        };
    }

    /// <summary>The format that was recognized.</summary>
    public DataFormat Format { get; }

    /// <summary>The format and its files, for a person.</summary>
    public string Description { get; }

    /// <summary>Pictures in the source, described or not: about as many as there are images.</summary>
    public int PictureCount => _context.Pictures.Pictures.Count;

    /// <summary>Whether the pictures are those of <see cref="SourceOptions.Elsewhere"/>.</summary>
    public bool IsElsewhere { get; }

    /// <summary>What is wrong, as far as it was read.</summary>
    public Findings Findings { get; }

    /// <summary>Labels in the order of the source's own list, or else as they were first seen; complete when everything was read.</summary>
    public IReadOnlyList<string> Labels => _resolver.Labels;

    /// <summary>Opens a folder, a zip archive or a file of labels.</summary>
    /// <exception cref="CommandRefusedException">There is none, it is of no format that is known, or it is beyond a limit.</exception>
    public static SourceReader Open(string path, SourceOptions options)
    {
        var tree = Tree(path, options.Limits);
        SourceTree? images = null;
        try
        {
            images = options.Images is { } folder ? Tree(folder, options.Limits) : null;
            // A file of labels: the tree is its folder, and the format is that of the file.
            var only = File.Exists(path) && tree is FolderTree ? Path.GetFileName(path) : null;
            return new SourceReader(tree, images, FormatRecognizer.Recognize(path, tree, only, options), options);
        }
        catch
        {
            tree.Dispose();
            images?.Dispose();
            throw;
        }
    }

    /// <summary>The images, in the source's order. What is wrong is in <see cref="Findings"/>.</summary>
    /// <exception cref="CommandRefusedException">The source is beyond a limit.</exception>
    /// <exception cref="InvalidDataException">A document is damaged in a way that leaves nothing to read.</exception>
    public IEnumerable<LabelledImage> Read(CancellationToken cancel)
    {
        var count = 0;
        foreach (var entry in _reader.Read(cancel))
        {
            cancel.ThrowIfCancellationRequested();
            if (++count > _context.Limits.ImagesMax)
            {
                throw new CommandRefusedException($"The source describes more than {_context.Limits.ImagesMax:N0} images.");
            }

            if (_resolver.Resolve(entry) is { } image)
            {
                yield return image;
            }
        }
    }

    public void Dispose()
    {
        _tree.Dispose();
        _images?.Dispose();
    }

    private static SourceTree Tree(string path, SourceLimits limits)
    {
        if (Directory.Exists(path))
        {
            return new FolderTree(path, limits);
        }

        if (!File.Exists(path))
        {
            throw new CommandRefusedException($"There is no file or folder {path}.");
        }

        using (var stream = File.OpenRead(path))
        {
            Span<byte> head = stackalloc byte[4];
            if (stream.ReadAtLeast(head, 4, throwOnEndOfStream: false) < 4 || !head.SequenceEqual("PK\x3\x4"u8))
            {
                return new FolderTree(Path.GetDirectoryName(Path.GetFullPath(path))!, limits);
            }
        }

        return new ZipTree(path, limits);
    }
}
