using System.Collections.Concurrent;

namespace Ocellus.Storage;

/// <summary>
/// The folders of versions' models. Where several servers share a store, those in the data directory are copies, fetched when they are needed.
/// </summary>
internal sealed class ModelFolders(string root)
{
    private readonly ConcurrentDictionary<string, Lazy<Task<bool>>> _fetching = new(StringComparer.Ordinal);

    /// <summary>Where the folders are kept.</summary>
    public IFolderStore Store { get; set; } = new OwnFolders();

    /// <summary>The folder with a version's model.onnx and model.json. It may not be there: see <see cref="BringAsync"/>.</summary>
    public string PathOf(string accountId, string folder) => Path.Combine(root, accountId, folder);

    /// <summary>Makes the folder be there, if it is kept anywhere.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public async Task BringAsync(string accountId, string folder, CancellationToken cancel)
    {
        if (Store.IsShared && !Directory.Exists(PathOf(accountId, folder)))
        {
            await RenewAsync(accountId, folder, cancel);
        }
    }

    /// <summary>Fetches the folder again, for its copy is damaged.</summary>
    /// <returns>False if it is not kept anywhere else.</returns>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public async Task<bool> RenewAsync(string accountId, string folder, CancellationToken cancel)
    {
        var path = PathOf(accountId, folder);
        // Of several callers, one fetches; not cancelled with the first, for the others wait for it too.
        var fetch = _fetching.GetOrAdd(path, _ => new(() => FetchAsync(accountId, folder)));
        try
        {
            return await fetch.Value.WaitAsync(cancel);
        }
        finally
        {
            if (fetch.Value.IsCompleted)
            {
                _fetching.TryRemove(KeyValuePair.Create(path, fetch));
            }
        }
    }

    /// <summary>Keeps a folder that is complete.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public Task KeepAsync(string accountId, string folder, CancellationToken cancel) =>
        Directory.Exists(PathOf(accountId, folder))
            ? Store.PutAsync(NameOf(accountId, folder), PathOf(accountId, folder), _ => true, cancel)
            : Task.CompletedTask;

    /// <summary>Removes a folder, here and where it is kept.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public async Task RemoveAsync(string accountId, string folder, CancellationToken cancel)
    {
        FileSystem.RemoveFolder(PathOf(accountId, folder));
        await Store.RemoveAsync(NameOf(accountId, folder), cancel);
    }

    private static string NameOf(string accountId, string folder) => $"models/{accountId}/{folder}";

    private Task<bool> FetchAsync(string accountId, string folder)
    {
        var path = PathOf(accountId, folder);
        FileSystem.CreateFolder(Path.GetDirectoryName(path)!);
        return Store.FetchAsync(NameOf(accountId, folder), path, CancellationToken.None);
    }
}
