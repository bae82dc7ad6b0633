using System.Data.Common;
using System.Reflection;
using Dapper;
using DbUp;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>The folder that a server owns. A second server on the same folder is refused.</summary>
internal sealed class DataDirectory : IDisposable
{
    /// <summary>SQLITE_CORRUPT and SQLITE_NOTADB.</summary>
    private const int SqliteCorrupt = 11, SqliteNotADatabase = 26;

    private readonly FileStream? _lock;

    // Here, because every database access comes after this: a column such as created_ms maps to CreatedMs.
    static DataDirectory() => DefaultTypeMap.MatchNamesWithUnderscores = true;

    private DataDirectory(string path, FileStream? held)
    {
        Path = path;
        _lock = held;
        ConnectionString = new SqliteConnectionStringBuilder
        {
            DataSource = DatabaseOf(path),
            ForeignKeys = true,
            DefaultTimeout = 30,
        }.ToString();
        Commits = new CommitWatch(ConnectionString);
        Barrier = new WriteBarrier(ObjectsOf(path));
    }

    public string Path { get; }

    public string ConnectionString { get; }

    /// <summary>Detects commits to the database.</summary>
    public CommitWatch Commits { get; }

    /// <summary>Entered before files that the database refers to are removed or moved.</summary>
    public WriteBarrier Barrier { get; }

    public string ObjectsPath => ObjectsOf(Path);

    /// <summary>Running trainings: checkpoints, inputs, logs.</summary>
    public string JobsPath => System.IO.Path.Combine(Path, "jobs");

    /// <summary>Warnings about the folder for the operator, in sentences; for example that other users can read it.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>The models of versions.</summary>
    public string ModelsPath => System.IO.Path.Combine(Path, "models");

    public string CredentialsPath => System.IO.Path.Combine(Path, "credentials");

    /// <summary>Creates the folder if needed, takes its lock and migrates the database.</summary>
    /// <exception cref="InvalidOperationException">Another server holds the folder, or it cannot be written.</exception>
    public static DataDirectory Open(string path)
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

        if (SchemaJournal.Later(path) is { } later)
        {
            held.Dispose();
            throw new InvalidOperationException(later);
        }

        // Before anything is written, and under the lock: another server's folder must not be changed.
        var directory = new DataDirectory(path, held) { Warnings = DirectoryPrivacy.Restrict(path) };
        try
        {
            if (Damage(path) is { } damage)
            {
                throw new InvalidOperationException(
                    $"The database {DatabaseOf(path)} is damaged: {damage} Nothing in {path} was changed. Restore a backup of the whole folder; without "
                        + $"one, `sqlite3 {DatabaseOf(path)} .recover` saves what can be read. `ocellus doctor --data {path}` checks it again.");
            }

            if (LostDatabase(path) is { } lost)
            {
                throw new InvalidOperationException(lost);
            }

            if (File.Exists(ObjectsOf(path)))
            {
                throw new InvalidOperationException(
                    $"{ObjectsOf(path)} is a file, but must be the folder of the object store. Nothing was changed. "
                    + "Move the file away, and restore the folder if there was one.");
            }

            directory.Migrate();
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
        : $"{path} is not a server's data directory: it has no {System.IO.Path.GetFileName(DatabaseOf(path))}. --data must name the one given to "
            + $"`ocellus serve`, whose first start creates it.";

    /// <summary>Opens the folder of a server that may be running, without its lock, for changes in the database that a running server allows.</summary>
    /// <exception cref="InvalidOperationException">It has no database, or one of an earlier version that a running server uses.</exception>
    public static DataDirectory Attach(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        FileSystem.KeepPrivate();
        if (Unusable(path) is { } reason)
        {
            throw new InvalidOperationException(reason);
        }

        var directory = new DataDirectory(path, null);
        if (directory.IsCurrent())
        {
            return directory;
        }

        directory.Dispose();
        if (IsHeld(path))
        {
            throw new InvalidOperationException($"The server running on {path} has an earlier version; restart it with this one first.");
        }

        Open(path).Dispose();
        return new DataDirectory(path, null);
    }

    /// <summary>The folder with a version's model.onnx and model.json.</summary>
    public string ModelFolder(string accountId, string folder) => ModelFolderOf(Path, accountId, folder);

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

    /// <summary>
    /// Describes damage to a database's pages; null if there is none, or no database yet. With a damaged one, a server would answer as if lost rows had never
    /// existed. Reads the whole file: a third of a second for 100 MB.
    /// </summary>
    public static string? Damage(string path)
    {
        if (new FileInfo(DatabaseOf(path)) is not { Exists: true, Length: > 0 })
        {
            return null;
        }

        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = DatabaseOf(path), Pooling = false }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA quick_check(1)";
            return command.ExecuteScalar() as string is { } answer and not "ok" ? $"{answer.ReplaceLineEndings(" ")}." : null;
        }
        catch (SqliteException failure) when (failure.SqliteErrorCode is SqliteCorrupt or SqliteNotADatabase)
        {
            return failure.Message;
        }
    }

    /// <summary>
    /// Why a folder with models must not get a new database; null if it may. With a new database, all models would be taken for leftovers of a crash, and
    /// removed.
    /// </summary>
    public static string? LostDatabase(string path)
    {
        var models = System.IO.Path.Combine(path, "models");
        return new FileInfo(DatabaseOf(path)) is { Exists: true, Length: > 0 }
            || !Directory.Exists(models)
            || !Directory.EnumerateDirectories(models).Any(account => Directory.EnumerateDirectories(account).Any())
            ? null
            : $"The database {DatabaseOf(path)} is {(File.Exists(DatabaseOf(path)) ? "empty" : "missing")}, and {models} holds models of versions that "
                + $"only it lists. Nothing in {path} was changed. Restore a backup of the whole folder; to start over without these models, move {models} "
                + $"away first.";
    }

    /// <summary>Opens a connection. Foreign keys are on; a writer waits for another writer for up to 30 s.</summary>
    public async Task<DbConnection> ConnectAsync(CancellationToken cancel)
    {
        var connection = new SqliteConnection(ConnectionString);
        await connection.OpenAsync(cancel);
        return connection;
    }

    public void Dispose()
    {
        Commits.Dispose();
        using (var connection = new SqliteConnection(ConnectionString))
        {
            SqliteConnection.ClearPool(connection);
        }

        _lock?.Dispose();
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

    private bool IsCurrent() => !Upgrade().IsUpgradeRequired();

    private DbUp.Engine.UpgradeEngine Upgrade() =>
        DeployChanges.To.SqliteDatabase(ConnectionString)
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly())
            .WithTransactionPerScript()
            .LogToNowhere()
            .Build();

    private void Migrate()
    {
        using (var connection = new SqliteConnection(ConnectionString))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            // FULL: an accepted change survives a power cut, not just the end of the process.
            command.CommandText = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;";
            command.ExecuteNonQuery();
        }

        var result = Upgrade().PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException($"The database in {Path} could not be brought up to date: {result.Error.Message}", result.Error);
        }
    }
}
