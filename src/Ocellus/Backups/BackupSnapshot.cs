using System.Globalization;
using Microsoft.Data.Sqlite;
using Ocellus.Objects.Files;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>
/// The database and the files of a data directory as they were in one moment, in a folder inside it. A server may run on it meanwhile and is held back only at
/// the end, for as long as it takes to look at what has changed since the last look.
/// </summary>
/// <remarks>
/// Files are hard links: what the server keeps is written once and never again. While the write barrier is closed nothing that the database names comes or
/// goes; in that time the last files are linked and a read transaction begins, which keeps the database's state until it is copied.
/// </remarks>
internal sealed class BackupSnapshot : IDisposable
{
    /// <summary>Where snapshots are, inside the data directory: hard links stay within a file system.</summary>
    public const string FolderName = ".backup";

    /// <summary>Looks before the barrier is closed: each finds what has changed during the one before.</summary>
    private const int LooksMax = 6;

    /// <summary>Files that may be left for the moment of the barrier: a tenth of a millisecond each.</summary>
    private const int ChangedFew = 200;

    /// <summary>Longest wait for changes under way. Each takes milliseconds; on a disk that stands still a backup makes no sense.</summary>
    private static readonly TimeSpan _barrierWait = TimeSpan.FromSeconds(30);

    /// <summary>Files of a training that it cannot begin without; it fetches its images again.</summary>
    private static readonly string[] _jobFiles = ["job.json", "training.manifest", "testing.manifest"];

    /// <summary>Without them nobody could use the database.</summary>
    private static readonly string[] _secrets = ["secret.key", "credentials"];

    private readonly string _data;
    private readonly FileStream _held;
    private readonly Dictionary<string, ShardLinks> _shards = new(StringComparer.Ordinal);

    private BackupSnapshot(string data, string folder, FileStream held) => (_data, Folder, _held) = (data, folder, held);

    /// <summary>The snapshot's files.</summary>
    public string Folder { get; }

    /// <summary>The changes of the schema that its database has.</summary>
    public IReadOnlyList<string> Schema { get; private set; } = [];

    /// <summary>How long writers were held back.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>Descriptions of objects that could not be read, or whose data is missing: in the snapshot as they are.</summary>
    public int Damaged { get; private set; }

    /// <summary>Takes the snapshot.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="tell">Told how far it is, while nobody is held back.</param>
    /// <param name="clock">Of the time that writers are held back.</param>
    /// <param name="cancel">Gives up; nothing is left.</param>
    /// <param name="inMoment">Called after each bucket while writers are held back; a test makes the moment long with it.</param>
    /// <exception cref="CommandRefusedException">Another backup is under way, or writers cannot be held back.</exception>
    public static async Task<BackupSnapshot> TakeAsync(string data, Action<string> tell, TimeProvider clock, CancellationToken cancel, Action? inMoment = null)
    {
        var snapshot = Open(data);
        try
        {
            await snapshot.TakeAsync(tell, clock, inMoment, cancel);
            return snapshot;
        }
        catch (SqliteException failure)
        {
            snapshot.Dispose();
            throw new CommandRefusedException(
                $"The database of {data} cannot be copied: {failure.Message} A copy of it needs room in {data}, and it must not be damaged; `ocellus doctor "
                    + $"--data {data}` looks at both.");
        }
        catch
        {
            snapshot.Dispose();
            throw;
        }
    }

    /// <summary>Removes what a backup that was ended left: nobody holds it.</summary>
    public static void Sweep(string data)
    {
        var folder = Path.Combine(data, FolderName);
        if (Directory.Exists(folder))
        {
            try
            {
                Open(data).Dispose();
            }
            catch (CommandRefusedException)
            {
                // One is under way.
            }
        }
    }

    public void Dispose()
    {
        FileSystem.RemoveFolder(Folder);
        _held.Dispose();
        // Last, so that nobody takes a lock whose file is gone.
        FileSystem.RemoveFolder(Path.Combine(_data, FolderName));
    }

    private static BackupSnapshot Open(string data)
    {
        var folder = Path.Combine(data, FolderName);
        Directory.CreateDirectory(folder);
        try
        {
            var held = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var files = Path.Combine(folder, "files");
            FileSystem.RemoveFolder(files);
            Directory.CreateDirectory(files);
            return new(data, files, held);
        }
        catch (IOException failure) when (failure is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new CommandRefusedException($"Another backup of {data} is under way, or its folder {folder} cannot be written ({failure.Message}).");
        }
    }

    private async Task TakeAsync(Action<string> tell, TimeProvider clock, Action? inMoment, CancellationToken cancel)
    {
        for (var look = 1; look <= LooksMax; look++)
        {
            var changed = LinkAll(tell, final: false, cancel);
            if (look > 1 && changed <= ChangedFew)
            {
                break;
            }
        }

        await using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder
            {
                DataSource = DataDirectory.DatabaseOf(_data),
                Mode = SqliteOpenMode.ReadWrite,
                Pooling = false,
                DefaultTimeout = 30,
            }.ToString());
        await connection.OpenAsync(cancel);
        SqliteTransaction moment;
        try
        {
            using (await new WriteBarrier(DataDirectory.ObjectsOf(_data)).CloseAsync(_barrierWait, cancel))
            {
                var began = clock.GetTimestamp();
                moment = connection.BeginTransaction(deferred: true);
                // A deferred transaction begins with its first look.
                Schema = SchemaJournal.Applied(connection);
                LinkAll(_ => inMoment?.Invoke(), final: true, CancellationToken.None);
                Held = clock.GetElapsedTime(began);
            }
        }
        catch (TimeoutException)
        {
            throw new CommandRefusedException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Writes to {_data} did not come to rest within {_barrierWait.TotalSeconds:0} s, so no moment could be taken; try again when the disk is "
                        + $"less busy."));
        }

        Damaged = _shards.Values.Sum(s => s.Damaged);
        // Names of all objects, and no longer needed.
        _shards.Clear();
        await using (moment)
        {
            tell("the database");
            await using var copy = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = DataDirectory.DatabaseOf(Folder), Pooling = false }.ToString());
            await copy.OpenAsync(cancel);
            connection.BackupDatabase(copy);
            await using var plain = copy.CreateCommand();
            // One file, with nothing beside it.
            plain.CommandText = "PRAGMA journal_mode=DELETE";
            await plain.ExecuteNonQueryAsync(cancel);
        }

        if (DataDirectory.Damage(Folder) is { } damage)
        {
            throw new CommandRefusedException(
                $"The database of {_data} is damaged, and so would be its backup: {damage} `ocellus doctor --data {_data}` looks at it again.");
        }
    }

    /// <summary>Links what is not yet; gives the number of files that were.</summary>
    private int LinkAll(Action<string> tell, bool final, CancellationToken cancel)
    {
        var linked = _secrets.Count(name => LinkFile(Path.Combine(_data, name), Path.Combine(Folder, name), replace: true));
        foreach (var account in Folders(Path.Combine(_data, "models")))
        {
            foreach (var model in Folders(account))
            {
                var target = Path.Combine(Folder, "models", Path.GetFileName(account), Path.GetFileName(model));
                linked += Files(model).Count(file => LinkFile(file, Path.Combine(target, Path.GetFileName(file)), replace: false));
            }
        }

        foreach (var job in Folders(Path.Combine(_data, "jobs")))
        {
            linked += _jobFiles.Count(name => LinkFile(Path.Combine(job, name), Path.Combine(Folder, "jobs", Path.GetFileName(job), name), replace: false));
        }

        return linked + LinkObjects(tell, final, cancel);
    }

    private int LinkObjects(Action<string> tell, bool final, CancellationToken cancel)
    {
        var linked = 0;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var bucket in Folders(DataDirectory.ObjectsOf(_data)).Where(f => StoreFiles.IsBucket(f)))
        {
            var name = Path.GetFileName(bucket);
            var target = Path.Combine(Folder, "objects", name);
            if (!LinkFile(Path.Combine(bucket, StoreFiles.BucketFile), Path.Combine(target, StoreFiles.BucketFile), replace: true))
            {
                // No bucket: it is being made or has been removed.
                continue;
            }

            foreach (var shard in Folders(bucket).Where(f => Path.GetFileName(f).Length == 2))
            {
                cancel.ThrowIfCancellationRequested();
                seen.Add(shard);
                if (!_shards.TryGetValue(shard, out var links))
                {
                    _shards.Add(shard, links = new ShardLinks(shard, Path.Combine(target, Path.GetFileName(shard))));
                }

                linked += links.Look(final);
            }

            tell(string.Create(CultureInfo.InvariantCulture, $"bucket {name}"));
        }

        // A bucket that was removed and made anew has other folders under the same names: what is gone of the old ones goes here too.
        foreach (var gone in _shards.Keys.Where(s => !seen.Contains(s)).ToList())
        {
            _shards[gone].Remove();
            _shards.Remove(gone);
        }

        foreach (var bucket in Folders(Path.Combine(Folder, "objects"))
            .Where(b => !File.Exists(Path.Combine(DataDirectory.ObjectsOf(_data), Path.GetFileName(b), StoreFiles.BucketFile))))
        {
            FileSystem.RemoveFolder(bucket);
        }

        return linked;
    }

    /// <summary>Links a file under its name in the snapshot; false if it is not there.</summary>
    /// <param name="file">The file.</param>
    /// <param name="target">Its name in the snapshot.</param>
    /// <param name="replace">It may have been replaced since it was linked; otherwise a link that is there stands.</param>
    private static bool LinkFile(string file, string target, bool replace)
    {
        if (!replace && File.Exists(target))
        {
            return false;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Delete(target);
        return ShardLinks.TryLink(file, target);
    }

    private static string[] Folders(string path)
    {
        try
        {
            return Directory.GetDirectories(path);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static string[] Files(string path)
    {
        try
        {
            return Directory.GetFiles(path);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
