namespace Ocellus.Formats.Fetching;

/// <summary>Pictures that were fetched from their addresses, in a folder of their own.</summary>
/// <param name="folder">The folder.</param>
/// <param name="limits">Limits.</param>
internal sealed class FetchedPictures(string folder, SourceLimits limits) : IDisposable
{
    private readonly FolderTree _tree = new(folder, limits);
    private Dictionary<string, SourceFile>? _files;

    /// <summary>Why a picture could not be fetched, by its address.</summary>
    public Dictionary<string, string> Failures { get; } = new(StringComparer.Ordinal);

    /// <summary>The picture of an address; null if it was not fetched.</summary>
    public SourceFile? Find(Uri address)
    {
        _files ??= Directory.Exists(folder)
            ? _tree.Files(new Findings()).Where(f => SourceTree.IsImage(f.Name)).DistinctBy(f => Path.ChangeExtension(f.Name, null), StringComparer.Ordinal)
                .ToDictionary(f => Path.ChangeExtension(f.Name, null), StringComparer.Ordinal)
            : [];
        return _files.GetValueOrDefault(PictureAddress.FileOf(address));
    }

    public void Dispose() => _tree.Dispose();
}
