namespace Ocellus.Objects.Files;

/// <summary>
/// Where deleted buckets and ended uploads go first. Renaming a folder takes the same moment whatever is in it, and is all that a request does; the files are
/// removed later, under no lock. What a crash leaves here is removed after the next start.
/// </summary>
internal sealed class RemovedFolders(string root)
{
    // No bucket can have a name that begins with a full stop. No folder of its own: a deletion must need no room on a full disk.
    private const string Prefix = ".removed.";

    /// <summary>Called when there is something to remove.</summary>
    public Action? Added { get; set; }

    /// <summary>Called before each folder is removed.</summary>
    public Action? Removing { get; set; }

    /// <summary>Takes a folder out of the store. Whoever answers for it syncs the folder above afterwards, outside of locks.</summary>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    public void Take(string path)
    {
        Directory.Move(path, Path.Combine(root, $"{Prefix}{Guid.NewGuid():N}"));
        Added?.Invoke();
    }

    /// <summary>Removes what was taken.</summary>
    /// <returns>What could not be removed, with the reason; it is tried again the next time.</returns>
    public IReadOnlyList<DamagedFile> Empty(CancellationToken cancel)
    {
        var left = new List<DamagedFile>();
        foreach (var folder in Directory.Exists(root) ? Directory.GetDirectories(root, Prefix + "*") : [])
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
