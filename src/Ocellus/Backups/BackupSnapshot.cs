using System.Globalization;
using Microsoft.Data.Sqlite;
using Ocellus.Objects.Files;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>
/// The database and the files of a data directory as they were at one point in time, in a folder inside it. A server may run meanwhile; its writes are held
/// back only at the end, while the changes since the last pass are linked.
/// </summary>
/// <remarks>
/// Files are hard links: the server writes each file once. While the write barrier is closed, no file that the database names is added or removed; in that time
/// the last files are linked and a read transaction begins, which keeps the database's state until it is copied.
/// </remarks>
internal sealed class BackupSnapshot : IDisposable
{
    /// <summary>Where snapshots are, inside the data directory: hard links stay within a file system.</summary>
    public const string FolderName = ".backup";

    /// <summary>Maximum passes before the barrier is closed: each links what has changed during the one before.</summary>
    private const int PassesMax = 6;

    /// <summary>Changed files that may be left for the time of the barrier: a tenth of a millisecond each.</summary>
    private const int ChangesLeftMax = 200;

    /// <summary>Longest wait for writes under way. Each takes milliseconds; on a stalled disk a backup makes no sense.</summary>
    private static readonly TimeSpan _barrierWait = TimeSpan.FromSeconds(30);

    /// <summary>The files that a training needs to begin; it fetches its images again.</summary>
    private static readonly string[] _jobFiles = ["job.json", "training.manifest", "testing.manifest"];

    /// <summary>Without them the database could not be used.</summary>
    private static readonly string[] _secrets = ["secret.key", "credentials"];

    private readonly string _data;
    private readonly FileStream _lock;
    private readonly Dictionary<string, ShardLinks> _shards = new(StringComparer.Ordinal);

    private BackupSnapshot(string data, string folder, FileStream fileLock) => (_data, Folder, _lock) = (data, folder, fileLock);

    /// <summary>The snapshot's files.</summary>
    public string Folder { get; }

    /// <summary>The schema changes that its database has.</summary>
    public IReadOnlyList<string> Schema { get; private set; } = [];

    /// <summary>How long writers were held back.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>Descriptions of objects that cannot be read or whose data is missing; the snapshot has them unchanged.</summary>
    public int Damaged { get; private set; }

    /// <summary>Takes the snapshot.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="report">Gets the progress, while no writer is held back.</param>
    /// <param name="clock">Measures how long writers are held back.</param>
    /// <param name="cancel">Cancels; nothing is left behind.</param>
    /// <param name="whileHeld">Called after each bucket while writers are held back; a test prolongs that time with it.</param>
    /// <exception cref="CommandRefusedException">Another backup is under way, or writers cannot be held back.</exception>
    public static async Task<BackupSnapshot> TakeAsync(
        string data, Action<string> report, TimeProvider clock, CancellationToken cancel, Action? whileHeld = null)
    {
        var snapshot = Open(data);
        try
        {
            await snapshot.TakeAsync(report, clock, whileHeld, cancel);
            return snapshot;
        }
        catch (SqliteException failure)
        {
            snapshot.Dispose();
            throw new CommandRefusedException(
                $"The database of {data} cannot be copied: {failure.Message} A copy of it needs room in {data}, and it must not be damaged; `ocellus doctor "
                    + $"--data {data}` checks both.");
        }
        catch
        {
            snapshot.Dispose();
            throw;
        }
    }

    /// <summary>Removes what an interrupted backup left, which has no lock.</summary>
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
                // A backup is under way.
            }
        }
    }

    public void Dispose()
    {
        FileSystem.RemoveFolder(Folder);
        _lock.Dispose();
        // Last, so that no one takes a lock whose file is gone.
        FileSystem.RemoveFolder(Path.Combine(_data, FolderName));
    }

    private static BackupSnapshot Open(string data)
    {
        var folder = Path.Combine(data, FolderName);
        Directory.CreateDirectory(folder);
        try
        {
            var fileLock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var files = Path.Combine(folder, "files");
            FileSystem.RemoveFolder(files);
            Directory.CreateDirectory(files);
            return new(data, files, fileLock);
        }
        catch (IOException failure) when (failure is not (DirectoryNotFoundException or FileNotFoundException))
        {
            throw new CommandRefusedException($"Another backup of {data} is under way, or its folder {folder} cannot be written ({failure.Message}).");
        }
    }

    private async Task TakeAsync(Action<string> report, TimeProvider clock, Action? whileHeld, CancellationToken cancel)
    {
        for (var pass = 1; pass <= PassesMax; pass++)
        {
            var changed = LinkAll(report, final: false, cancel);
            if (pass > 1 && changed <= ChangesLeftMax)
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
        SqliteTransaction transaction;
        try
        {
            using (await new WriteBarrier(DataDirectory.ObjectsOf(_data)).CloseAsync(_barrierWait, cancel))
            {
                var began = clock.GetTimestamp();
                transaction = connection.BeginTransaction(deferred: true);
                // A deferred transaction begins with its first read.
                Schema = SchemaJournal.Applied(connection);
                LinkAll(_ => whileHeld?.Invoke(), final: true, CancellationToken.None);
                Held = clock.GetElapsedTime(began);
            }
        }
        catch (TimeoutException)
        {
            throw new CommandRefusedException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Writes to {_data} did not pause within {_barrierWait.TotalSeconds:0} s, so no snapshot could be taken; try again when the disk is "
                        + $"less busy."));
        }

        Damaged = _shards.Values.Sum(s => s.Damaged);
        // They hold the names of all objects and are no longer needed.
        _shards.Clear();
        await using (transaction)
        {
            report("the database");
            await using var copy = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = DataDirectory.DatabaseOf(Folder), Pooling = false }.ToString());
            await copy.OpenAsync(cancel);
            connection.BackupDatabase(copy);
            await using var plain = copy.CreateCommand();
            // One file, without a log beside it.
            plain.CommandText = "PRAGMA journal_mode=DELETE";
            await plain.ExecuteNonQueryAsync(cancel);
        }

        if (SqliteDatabase.Damage(Folder) is { } damage)
        {
            throw new CommandRefusedException(
                $"The database of {_data} is damaged, and so would be its backup: {damage} `ocellus doctor --data {_data}` checks it again.");
        }
    }

    /// <summary>Links what is not linked yet; returns the number of files linked.</summary>
    private int LinkAll(Action<string> report, bool final, CancellationToken cancel)
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

        return linked + LinkObjects(report, final, cancel);
    }

    private int LinkObjects(Action<string> report, bool final, CancellationToken cancel)
    {
        var linked = 0;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var bucket in Folders(DataDirectory.ObjectsOf(_data)).Where(f => StoreFiles.IsBucket(f)))
        {
            var name = Path.GetFileName(bucket);
            var target = Path.Combine(Folder, "objects", name);
            if (!LinkFile(Path.Combine(bucket, StoreFiles.BucketFile), Path.Combine(target, StoreFiles.BucketFile), replace: true))
            {
                // Not a bucket: it is being created or was removed.
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

                linked += links.Update(final);
            }

            report(string.Create(CultureInfo.InvariantCulture, $"bucket {name}"));
        }

        // A bucket that was removed and created again may lack some of the old folders: those are removed here too.
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

    /// <summary>Links a file under its name in the snapshot; false if it does not exist or need not be linked.</summary>
    /// <param name="file">The file.</param>
    /// <param name="target">Its name in the snapshot.</param>
    /// <param name="replace">Whether it may have been replaced since it was linked; otherwise an existing link stays.</param>
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
