namespace Ocellus.Storage;

/// <summary>
/// Keeps folders of files where all servers on one database find them. The folders in a data directory are then copies, which may be lost; otherwise they are
/// all there is.
/// </summary>
internal interface IFolderStore
{
    /// <summary>Whether folders are kept beyond the data directory. If not, the other members do nothing.</summary>
    bool IsShared { get; }

    /// <summary>Keeps the files of a folder and of the folders in it, in place of what was kept under the name: whole or not at all.</summary>
    /// <param name="name">Such as <c>models/123456789012/v-…</c>.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="which">Whether a file belongs to it, by its path in the folder with forward slashes.</param>
    /// <param name="cancel">Cancels; what was kept before stays.</param>
    /// <returns>As <see cref="RevisionAsync"/>.</returns>
    /// <exception cref="IOException">The store cannot be reached or written now.</exception>
    Task<string?> PutAsync(string name, string folder, Func<string, bool> which, CancellationToken cancel);

    /// <summary>What is kept under a name, as a text that another content does not have; null if nothing is.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    Task<string?> RevisionAsync(string name, CancellationToken cancel);

    /// <summary>Makes a folder of what is kept, in place of the one that is there. Every file's checksum is checked.</summary>
    /// <returns>False if nothing is kept under the name; the folder is then unchanged.</returns>
    /// <exception cref="IOException">The store cannot be reached or read now, or what it sent is not what was kept.</exception>
    Task<bool> FetchAsync(string name, string folder, CancellationToken cancel);

    /// <summary>Forgets a name.</summary>
    /// <exception cref="IOException">The store cannot be reached or written now.</exception>
    Task RemoveAsync(string name, CancellationToken cancel);
}

/// <summary>Without other servers: the data directory is where everything is.</summary>
internal sealed class OwnFolders : IFolderStore
{
    public bool IsShared => false;

    public Task<string?> PutAsync(string name, string folder, Func<string, bool> which, CancellationToken cancel) => Task.FromResult<string?>(null);

    public Task<string?> RevisionAsync(string name, CancellationToken cancel) => Task.FromResult<string?>(null);

    public Task<bool> FetchAsync(string name, string folder, CancellationToken cancel) => Task.FromResult(false);

    public Task RemoveAsync(string name, CancellationToken cancel) => Task.CompletedTask;
}
