using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Npgsql;
using Ocellus.Storage;

namespace Ocellus.Tests;

/// <summary>
/// Which database the tests use: SQLite, or with <c>OCELLUS_TEST_DATABASE=postgres</c> a throw-away PostgreSQL of Debian's packages, with a database for each
/// data directory.
/// </summary>
internal static class TestDatabase
{
    public const string Variable = "OCELLUS_TEST_DATABASE";

    private static readonly Lazy<Throwaway> _postgres = new(() => new());

    private static readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    /// <summary>Whether tests of the server run on PostgreSQL.</summary>
    public static bool IsPostgres { get; } = Environment.GetEnvironmentVariable(Variable) == "postgres";

    /// <summary>Skips a test of what only a file in the data directory has.</summary>
    public static void RequireSqlite() => Assert.SkipWhen(IsPostgres, "it is about SQLite's file");

    /// <summary>The database of a data directory; null for the file in it.</summary>
    public static DatabaseOptions? Of(string path) => IsPostgres ? Postgres(path) : null;

    /// <summary>A database in PostgreSQL for a data directory, whatever the variable says. Skips the test where there is none.</summary>
    public static DatabaseOptions Postgres(string path)
    {
        Assert.SkipUnless(Throwaway.Folder is not null, "no PostgreSQL is installed here (Debian: postgresql)");
        return new() { Database = _postgres.Value.ConnectionString(_names.GetOrAdd(Path.GetFullPath(path), _ => _postgres.Value.Create())) };
    }

    public static DataDirectory Open(string path) => DataDirectory.Open(path, Of(path));

    public static DataDirectory Attach(string path) => DataDirectory.Attach(path, Of(path));

    /// <summary>A connection beside the server's, for what no request does.</summary>
    public static DbConnection Connect(string path)
    {
        DbConnection connection = IsPostgres
            ? new NpgsqlConnection(Postgres(path).Database + ";Pooling=false")
            : new SqliteConnection($"Data Source={DataDirectory.DatabaseOf(path)};Pooling=False");
        connection.Open();
        return connection;
    }

    /// <summary>Removes what was made for a data directory.</summary>
    public static void Drop(string path)
    {
        if (_names.TryRemove(Path.GetFullPath(path), out var name))
        {
            _postgres.Value.Drop(name);
        }
    }

    /// <summary>The server, started when the first test needs it and stopped with the process.</summary>
    private sealed class Throwaway
    {
        private const string Template = "migrated";

        private readonly string _top = Path.Combine(Path.GetTempPath(), "ocellus-pg-" + Guid.NewGuid().ToString("N")[..12]);
        private readonly Lazy<string> _template;
        private int _made;

        public Throwaway()
        {
            _template = new(Migrate);
            Directory.CreateDirectory(_top);
            var data = Path.Combine(_top, "data");
            if (Environment.UserName == "root")
            {
                // The server refuses to be root.
                Run("chown", "nobody", _top);
            }

            AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop(data);
            RunHere("initdb", "-D", data, "-U", "ocellus", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--auth=trust");
            RunHere("pg_ctl", "-D", data, "-w", "-s", "-l", Path.Combine(_top, "log"), "-o", $"-k {_top} -h '' -F -c max_connections=500", "start");
        }

        /// <summary>Where Debian keeps the server's programs; null if they are not installed.</summary>
        public static string? Folder { get; } = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).Where(d => File.Exists(Path.Combine(d, "initdb")))
                .OrderDescending(StringComparer.Ordinal).FirstOrDefault()
            : null;

        public string ConnectionString(string name) => $"Host={_top};Username=ocellus;Database={name};Maximum Pool Size=20";

        public string Create()
        {
            var name = $"t{Interlocked.Increment(ref _made)}";
            // Copied from one that is migrated already; but it is another installation.
            _template.Value.ToString();
            Execute($"CREATE DATABASE {name} TEMPLATE {Template}");
            Execute("UPDATE installation SET id = CAST(gen_random_uuid() AS TEXT)", name);
            return name;
        }

        public void Drop(string name)
        {
            Execute($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }

        private string Migrate()
        {
            Execute($"CREATE DATABASE {Template}");
            using var database = Ocellus.Storage.Postgres.PostgresDatabase.Open(new() { Database = ConnectionString(Template) + ";Pooling=false" });
            database.Migrate();
            return Template;
        }

        private void Execute(string sql, string database = "postgres")
        {
            using var connection = new NpgsqlConnection(ConnectionString(database) + ";Pooling=false");
            connection.Open();
            using var command = new NpgsqlCommand(sql, connection);
            command.ExecuteNonQuery();
        }

        private void Stop(string data)
        {
            try
            {
                RunHere("pg_ctl", "-D", data, "-w", "-s", "-m", "immediate", "stop");
                Directory.Delete(_top, recursive: true);
            }
            catch (Exception failure)
            {
                // All tests have ended, and none has failed because of what is left.
                System.Console.Error.WriteLine($"PostgreSQL in {_top} was not removed: {failure.Message}");
            }
        }

        private void RunHere(string program, params string[] words)
        {
            var path = Path.Combine(Folder!, program);
            if (Environment.UserName == "root")
            {
                Run("runuser", ["-u", "nobody", "--", path, .. words]);
            }
            else
            {
                Run(path, words);
            }
        }

        private void Run(string program, params string[] words)
        {
            using var process = Process.Start(new ProcessStartInfo(program, words) { WorkingDirectory = _top, RedirectStandardOutput = false })!;
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', words)} ended with {process.ExitCode}");
        }
    }
}
