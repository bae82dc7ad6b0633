using System.Reflection;
using DbUp;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>
/// Brings the schema up to date: the migrations that SQLite has too, and then what only PostgreSQL needs. Text is compared byte by byte, as SQLite does, and
/// each statement that changes a table notifies whoever listens.
/// </summary>
internal sealed class PostgresSchema(string connectionString, string name)
{
    /// <summary>A setting of each connection that says which process it belongs to.</summary>
    public const string ProcessSetting = "ocellus.process";

    private const string Journal = "schemaversions";

    /// <summary>Tables whose changes nobody caches: leases that are renewed all the time, and rows of a table whose dataset changes with them.</summary>
    private const string Quiet = "'schemaversions', 'installation', 'work_leases', 'dataset_entries', 'dataset_entry_labels', 'nodes'";

    /// <summary>Seconds until a start gives up waiting for another server that changes the schema.</summary>
    private const int MigrationWait = 600;

    /// <summary>The channel has the schema's name, so that two installations in one database do not wake each other.</summary>
    public const string Listen = "DO $$ BEGIN EXECUTE format('LISTEN %I', 'ocellus ' || current_schema()); END $$";

    /// <summary>The options of the connection string, without the limit for waits.</summary>
    private string Patient => $"{new NpgsqlConnectionStringBuilder(connectionString).Options} -c lock_timeout=0".Trim();

    /// <summary>Who committed goes with it: a process counts its own commits before their notification comes.</summary>
    private const string Notify =
        $"""
        CREATE FUNCTION ocellus_committed() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('ocellus ' || TG_TABLE_SCHEMA, COALESCE(current_setting('{ProcessSetting}', true), '')); RETURN NULL; END $$
        """;

    /// <summary>Tables without the trigger.</summary>
    private const string Untold =
        $"""
        SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT IN ({Quiet})
            AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'ocellus_committed')
        """;

    /// <summary>Columns of text that another order would sort.</summary>
    private const string Unordered =
        """
        SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'text'::regtype
            AND a.attcollation <> '"C"'::regcollation
        """;

    /// <summary>Whether all migrations were made, and no others.</summary>
    public bool IsCurrent()
    {
        using var connection = Connect();
        var applied = Applied(connection);
        Require(applied);
        return applied.Count == SchemaJournal.Known.Count;
    }

    /// <summary>Makes what is missing, while no other server does.</summary>
    /// <exception cref="InvalidOperationException">A later version wrote it, or it cannot be changed.</exception>
    public void Migrate()
    {
        using var connection = Connect();
        Run(connection, $"SELECT pg_advisory_lock({PostgresDatabase.LockOf("schema")})");
        var applied = Applied(connection);
        Require(applied);
        try
        {
            if (applied.Count < SchemaJournal.Known.Count)
            {
                Upgrade();
            }

            Complete(connection);
        }
        catch (PostgresException failure)
        {
            throw new InvalidOperationException($"The database {name} could not be brought up to date: {PostgresErrors.Sentence(failure)}", failure);
        }
    }

    private static List<string> Applied(NpgsqlConnection connection)
    {
        using var exists = new NpgsqlCommand($"SELECT to_regclass('{Journal}') IS NOT NULL", connection);
        return (bool)exists.ExecuteScalar()! ? Read(connection, $"SELECT scriptname FROM {Journal} ORDER BY scriptname").ConvertAll(row => row[0]) : [];
    }

    private static List<string[]> Read(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        using var reader = command.ExecuteReader();
        var rows = new List<string[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString()!)]);
        }

        return rows;
    }

    private static void Run(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    private static void Complete(NpgsqlConnection connection)
    {
        foreach (var columns in Read(connection, Unordered).GroupBy(row => row[0]))
        {
            Run(connection, $"ALTER TABLE \"{columns.Key}\" {string.Join(", ", columns.Select(c => $"ALTER COLUMN \"{c[1]}\" TYPE text COLLATE \"C\""))}");
        }

        if (Read(connection, "SELECT 1 FROM pg_proc WHERE proname = 'ocellus_committed' AND pronamespace = current_schema()::regnamespace").Count == 0)
        {
            Run(connection, Notify);
        }

        foreach (var table in Read(connection, Untold))
        {
            Run(
                connection,
                $"CREATE TRIGGER ocellus_committed AFTER INSERT OR UPDATE OR DELETE ON \"{table[0]}\" FOR EACH STATEMENT EXECUTE FUNCTION ocellus_committed()");
        }

        Run(connection, "INSERT INTO installation (id) SELECT CAST(gen_random_uuid() AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM installation)");
    }

    /// <summary>Another pool than the server's, with all the time that a change of large tables may take.</summary>
    private NpgsqlConnection Connect()
    {
        var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = MigrationWait, Options = Patient }.ConnectionString);
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Require(IReadOnlyList<string> applied)
    {
        if (SchemaJournal.Later(applied) is { } what)
        {
            throw new InvalidOperationException(
                $"The database {name} was written by a later version of Ocellus: {what}. Nothing in it was changed. Start the later version again; to go back, "
                    + $"restore a backup made by this version.");
        }
    }

    private void Upgrade()
    {
        var result = DeployChanges.To.PostgresqlDatabase(
                new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = MigrationWait, Options = Patient }.ConnectionString)
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly())
            .WithTransactionPerScript()
            .LogToNowhere()
            .Build()
            .PerformUpgrade();
        if (!result.Successful)
        {
            throw new InvalidOperationException($"The database {name} could not be brought up to date: {result.Error.Message}", result.Error);
        }
    }
}
