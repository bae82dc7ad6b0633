namespace Ocellus.Objects.Files;

/// <summary>
/// Folders of deleted buckets and ended uploads. A request only renames the folder, which is fast regardless of its content; the files are deleted later,
/// without locks. What remains after a crash is deleted after the next start.
/// </summary>
internal sealed class RemovedFolders(string root)
{
    // Bucket names cannot begin with a full stop. There is no common parent folder: a deletion must not need space on a full disk.
    private const string Prefix = ".removed.";

    /// <summary>Called when a folder was added.</summary>
    public Action? Added { get; set; }

    /// <summary>Called before each folder is removed.</summary>
    public Action? Removing { get; set; }

    /// <summary>Moves a folder out of the store. The caller syncs the parent folder afterwards, outside of locks.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public void Take(string path)
    {
        Directory.Move(path, Path.Combine(root, $"{Prefix}{Guid.NewGuid():N}"));
        Added?.Invoke();
    }

    /// <summary>Deletes the folders.</summary>
    /// <returns>Folders that could not be deleted, with the reason. They are tried again the next time.</returns>
    public IReadOnlyList<DamagedFile> Empty(CancellationToken cancel)
    {
        var left = new List<DamagedFile>();
        foreach (var folder in Directory.Exists(root) ? Directory.GetDirectories(root, Prefix + "*") : [])
        {
            cancel.ThrowIfCancellationRequested();
            Removing?.Invoke();
            try
            {
                // One by one: a bucket may have thousands of uploads, and a stopping server must not wait for them.
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
