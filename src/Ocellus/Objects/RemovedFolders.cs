using Ocellus.Storage;

namespace Ocellus.Objects;

/// <summary>
/// Where deleted buckets and ended uploads go first. Renaming a folder takes the same moment whatever is in it, and is all that a request does; the files are removed later,
/// under no lock. What a crash leaves here is removed after the next start.
/// </summary>
internal sealed class RemovedFolders(string root)
{
    // No bucket can have a name that begins with a full stop.
    private readonly string _folder = Path.Combine(root, ".removed");

    /// <summary>Called when there is something to remove.</summary>
    public Action? Added { get; set; }

    /// <summary>Called before each folder is removed.</summary>
    public Action? Removing { get; set; }

    /// <summary>Makes the place, while there is room on the disk: a deletion must not need any.</summary>
    public void Prepare() => FileSystem.CreateFolder(_folder);

    /// <summary>Takes a folder out of the store. Whoever answers for it syncs the folder above afterwards, outside of locks.</summary>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    public void Take(string path)
    {
        Prepare();
        Directory.Move(path, Path.Combine(_folder, Guid.NewGuid().ToString("N")));
        Added?.Invoke();
    }

    /// <summary>Removes what was taken.</summary>
    /// <returns>What could not be removed, with the reason; it is tried again the next time.</returns>
    public IReadOnlyList<DamagedFile> Empty(CancellationToken cancel)
    {
        var left = new List<DamagedFile>();
        foreach (var folder in Directory.Exists(_folder) ? Directory.GetDirectories(_folder) : [])
        {
            cancel.ThrowIfCancellationRequested();
            Removing?.Invoke();
            try
            {
                // A bucket may have thousands of uploads; a server that stops does not wait for them.
                var uploads = Path.Combine(folder, MultipartUploads.FolderName);
                foreach (var upload in Directory.Exists(uploads) ? Directory.EnumerateDirectories(uploads) : [])
                {
                    cancel.ThrowIfCancellationRequested();
                    Directory.Delete(upload, recursive: true);
                }

                Directory.Delete(folder, recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                left.Add(new(folder, failure.Message));
            }
        }

        return left;
    }
}
