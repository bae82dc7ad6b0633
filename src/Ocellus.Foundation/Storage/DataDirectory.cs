using System.Data.Common;
using Dapper;
using Ocellus.Storage.Postgres;

namespace Ocellus.Storage;

/// <summary>The folder that a server owns. A second server on the same folder is refused.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream? _lock;

    // Commands that read the file beside a running server begin here, without a database of this program: a column such as created_ms maps to CreatedMs.
    static DataDirectory() => DefaultTypeMap.MatchNamesWithUnderscores = true;

    private DataDirectory(string path, FileStream? held, Database database)
    {
        Path = path;
        _lock = held;
        Database = database;
        Barrier = new WriteBarrier(ObjectsOf(path));
        Models = new ModelFolders(System.IO.Path.Combine(path, "models"));
    }

    public string Path { get; }

    /// <summary>The database that this folder's files belong to: in the folder, or elsewhere.</summary>
    public Database Database { get; }

    /// <summary>Detects commits to the database.</summary>
    public CommitWatch Commits => Database.Commits;

    /// <summary>Entered before files that the database refers to are removed or moved.</summary>
    public WriteBarrier Barrier { get; }

    public string ObjectsPath => ObjectsOf(Path);

    /// <summary>Running trainings: checkpoints, inputs, logs.</summary>
    public string JobsPath => System.IO.Path.Combine(Path, "jobs");

    /// <summary>Warnings about the folder for the operator, in sentences; for example that other users can read it.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>The models of versions.</summary>
    public string ModelsPath => System.IO.Path.Combine(Path, "models");

    /// <summary>As <see cref="ModelsPath"/>, also where they are kept elsewhere.</summary>
    public ModelFolders Models { get; }

    public string CredentialsPath => System.IO.Path.Combine(Path, "credentials");

    /// <summary>Creates the folder if needed, takes its lock and migrates the database.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="shared">The database, if it is not in the folder.</param>
    /// <exception cref="InvalidOperationException">Another server holds the folder, or it cannot be written. The database does not answer, or is another
    /// one's.</exception>
    public static DataDirectory Open(string path, DatabaseOptions? shared = null)
    {
        path = System.IO.Path.GetFullPath(path);
        FileSystem.KeepPrivate();
        FileStream held;
        try
        {
            DirectoryPrivacy.Create(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The data directory {path} cannot be created: {failure.Message}", failure);
        }

        try
        {
            held = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException(
                CanBeWritten(path)
                    ? $"The data directory {path} is in use by another Ocellus server. Stop that server, or choose another folder with --data."
                    : $"The data directory {path} cannot be written: {failure.Message} Give this user the right to write there, or choose another folder "
                        + $"with --data; `ocellus doctor --data {path}` checks it again.",
                failure);
        }

        Database? database = null;
        try
        {
            // Before anything is written, and under the lock: another server's folder must not be changed.
            if (shared is { IsShared: true })
            {
                SharedFolder.Require(path);
                database = PostgresDatabase.Open(shared);
            }
            else if (SchemaJournal.Later(path) is { } later)
            {
                throw new InvalidOperationException(later);
            }
        }
        catch
        {
            database?.Dispose();
            held.Dispose();
            throw;
        }

        var directory = new DataDirectory(path, held, database ?? new SqliteDatabase(DatabaseOf(path))) { Warnings = DirectoryPrivacy.Restrict(path) };
        try
        {
            if (database is null)
            {
                RequireSound(path);
            }

            if (File.Exists(ObjectsOf(path)))
            {
                throw new InvalidOperationException(
                    $"{ObjectsOf(path)} is a file, but must be the folder of the object store. Nothing was changed. "
                    + "Move the file away, and restore the folder if there was one.");
            }

            directory.Database.Migrate();
            if (database is PostgresDatabase postgres)
            {
                SharedFolder.Claim(path, postgres);
            }

            directory.Barrier.Prepare();
        }
        catch
        {
            directory.Dispose();
            throw;
        }

        return directory;
    }

    /// <summary>Why this program cannot use a folder as an existing data directory; null if it can.</summary>
    public static string? Unusable(string path) => File.Exists(DatabaseOf(path))
        ? SchemaJournal.Later(path)
        : SharedFolder.Used(path) is { } elsewhere ? elsewhere
        : $"{path} is not a server's data directory: it has no {System.IO.Path.GetFileName(DatabaseOf(path))}. --data must name the one given to "
            + $"`ocellus serve`, whose first start creates it.";

    /// <summary>Opens the folder of a server that may be running, without its lock, for changes in the database that a running server allows.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="shared">The database, if it is not in the folder.</param>
    /// <exception cref="InvalidOperationException">It has no database, or one of an earlier version that a running server uses.</exception>
    public static DataDirectory Attach(string path, DatabaseOptions? shared = null)
    {
        path = System.IO.Path.GetFullPath(path);
        FileSystem.KeepPrivate();
        if (shared is { IsShared: true })
        {
            return AttachShared(path, shared);
        }

        if (Unusable(path) is { } reason)
        {
            throw new InvalidOperationException(reason);
        }

        var directory = new DataDirectory(path, null, new SqliteDatabase(DatabaseOf(path)));
        if (directory.Database.IsCurrent())
        {
            return directory;
        }

        directory.Dispose();
        if (IsHeld(path))
        {
            throw new InvalidOperationException($"The server running on {path} has an earlier version; restart it with this one first.");
        }

        Open(path).Dispose();
        return new DataDirectory(path, null, new SqliteDatabase(DatabaseOf(path)));
    }

    /// <summary>The folder with a version's model.onnx and model.json.</summary>
    public string ModelFolder(string accountId, string folder) => Models.PathOf(accountId, folder);

    /// <summary>The database of a data directory, possibly another process's.</summary>
    public static string DatabaseOf(string path) => System.IO.Path.Combine(path, "ocellus.db");

    /// <summary>Like <see cref="ModelFolder"/>, for a data directory that may be another process's.</summary>
    public static string ModelFolderOf(string path, string accountId, string folder) => System.IO.Path.Combine(path, "models", accountId, folder);

    /// <summary>The object store of a data directory, possibly another process's.</summary>
    public static string ObjectsOf(string path) => System.IO.Path.Combine(path, "objects");

    /// <summary>Whether a server holds the folder now. Creates and changes nothing.</summary>
    public static bool IsHeld(string path)
    {
        try
        {
            using var held = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>As <see cref="Database.ConnectAsync"/>.</summary>
    public Task<DbConnection> ConnectAsync(CancellationToken cancel) => Database.ConnectAsync(cancel);

    public void Dispose()
    {
        Database.Dispose();
        _lock?.Dispose();
    }

    private static DataDirectory AttachShared(string path, DatabaseOptions shared)
    {
        SharedFolder.Require(path);
        var database = PostgresDatabase.Open(shared);
        try
        {
            if (!database.IsCurrent())
            {
                throw new InvalidOperationException(
                    $"The database {database.Name} has not the schema of this version; start a server of this version on it first.");
            }

            SharedFolder.Check(path, database);
            return new DataDirectory(path, null, database);
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private static void RequireSound(string path)
    {
        if (SqliteDatabase.Damage(path) is { } damage)
        {
            throw new InvalidOperationException(
                $"The database {DatabaseOf(path)} is damaged: {damage} Nothing in {path} was changed. Restore a backup of the whole folder; without "
                    + $"one, `sqlite3 {DatabaseOf(path)} .recover` saves what can be read. `ocellus doctor --data {path}` checks it again.");
        }

        if (SharedFolder.Used(path) is { } elsewhere)
        {
            throw new InvalidOperationException(elsewhere);
        }

        if (SqliteDatabase.Lost(path) is { } lost)
        {
            throw new InvalidOperationException(lost);
        }
    }

    private static bool CanBeWritten(string path)
    {
        try
        {
            var probe = System.IO.Path.Combine(path, $".probe-{Guid.NewGuid():N}");
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
