using System.Data.Common;
using System.Reflection;
using DbUp;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>The database of one server: a file in its data directory.</summary>
/// <param name="path">The file. It need not exist yet.</param>
internal sealed class SqliteDatabase(string path) : Database
{
    /// <summary>SQLITE_CORRUPT and SQLITE_NOTADB.</summary>
    private const int SqliteCorrupt = 11, SqliteNotADatabase = 26;

    private readonly string _connectionString = ConnectionStringOf(path);

    public override string Name => path;

    public override bool IsShared => false;

    public override CommitWatch Commits { get; } = new SqliteCommitWatch(ConnectionStringOf(path));

    /// <summary>Opens a connection. Foreign keys are on.</summary>
    public override async Task<DbConnection> ConnectAsync(CancellationToken cancel)
    {
        var connection = new SqliteConnection(_connectionString);
        await connection.OpenAsync(cancel);
        return connection;
    }

    public override bool IsCurrent() => !Upgrade().IsUpgradeRequired();

    public override void Migrate()
    {
        using (var connection = new SqliteConnection(_connectionString))
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
            throw new InvalidOperationException(
                $"The database in {Path.GetDirectoryName(path)} could not be brought up to date: {result.Error.Message}", result.Error);
        }
    }

    /// <summary>
    /// Describes damage to a database's pages; null if there is none, or no database yet. With a damaged one, a server would answer as if lost rows had never
    /// existed. Reads the whole file: a third of a second for 100 MB.
    /// </summary>
    public static string? Damage(string folder)
    {
        if (new FileInfo(DataDirectory.DatabaseOf(folder)) is not { Exists: true, Length: > 0 })
        {
            return null;
        }

        try
        {
            using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = DataDirectory.DatabaseOf(folder), Pooling = false }.ToString());
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
    public static string? Lost(string folder)
    {
        var models = Path.Combine(folder, "models");
        return new FileInfo(DataDirectory.DatabaseOf(folder)) is { Exists: true, Length: > 0 }
            // Those are copies.
            || SharedFolder.Used(folder) is not null
            || !Directory.Exists(models)
            || !Directory.EnumerateDirectories(models).Any(account => Directory.EnumerateDirectories(account).Any())
            ? null
            : $"The database {DataDirectory.DatabaseOf(folder)} is {(File.Exists(DataDirectory.DatabaseOf(folder)) ? "empty" : "missing")}, and {models} "
                + $"holds models of versions that only it lists. Nothing in {folder} was changed. Restore a backup of the whole folder; to start over without "
                + $"these models, move {models} away first.";
    }

    protected override void Dispose(bool disposing)
    {
        Commits.Dispose();
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    private static string ConnectionStringOf(string path) =>
        new SqliteConnectionStringBuilder { DataSource = path, ForeignKeys = true, DefaultTimeout = 30 }.ToString();

    private DbUp.Engine.UpgradeEngine Upgrade() =>
        DeployChanges.To.SqliteDatabase(_connectionString)
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly())
            .WithTransactionPerScript()
            .LogToNowhere()
            .Build();
}
