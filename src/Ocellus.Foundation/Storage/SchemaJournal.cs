using System.Globalization;
using System.Reflection;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>Which schema migrations a database has, and which this program knows.</summary>
internal static class SchemaJournal
{
    private static readonly Assembly _program = typeof(SchemaJournal).Assembly;

    /// <summary>The program's version, such as 1.0.0.</summary>
    public static string ProgramVersion { get; } = _program.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "unknown";

    /// <summary>The migrations of this program, in order.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        .. _program.GetManifestResourceNames().Where(n => n.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    /// <summary>
    /// Why this program must not touch the database of a data directory: a later version wrote it. Null if it may, and for a missing or unreadable database,
    /// which other checks report. Writes nothing.
    /// </summary>
    public static string? Later(string path)
    {
        var database = DataDirectory.DatabaseOf(path);
        if (new FileInfo(database) is not { Exists: true, Length: > 0 })
        {
            return null;
        }

        try
        {
            // Even a reader would create files for the write-ahead log. Without a log, the database is complete and can be opened as immutable.
            var source = new FileInfo(database + "-wal") is { Exists: true, Length: > 0 }
                ? database
                : $"file:{Uri.EscapeDataString(database).Replace("%2F", "/", StringComparison.Ordinal)}?immutable=1";
            using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = source, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            connection.Open();
            return Later(Applied(connection)) is { } what
                ? $"The database {database} was written by a later version of Ocellus: {what}. Nothing in {path} was changed. Start the later version again; "
                    + $"to go back, restore a backup made by this version into another folder."
                : null;
        }
        catch (SqliteException)
        {
            return null;
        }
    }

    /// <summary>Describes the migrations in a list that this program does not know; null if there are none.</summary>
    public static string? Later(IReadOnlyList<string> applied)
    {
        var unknown = applied.Except(Known, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return unknown.Count == 0 ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"it has {unknown.Count} schema change{(unknown.Count == 1 ? "" : "s")} that this version ({ProgramVersion}, up to "
                    + $"{Short(Known[^1])}) does not know, the last {Printable(Short(unknown[^1]))}");
    }

    /// <summary>The migrations that a database has; none without a journal.</summary>
    public static IReadOnlyList<string> Applied(SqliteConnection connection) =>
        connection.ExecuteScalar<long>("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'SchemaVersions'") == 0 ? []
        : [.. connection.Query<string>("SELECT ScriptName FROM SchemaVersions ORDER BY ScriptName")];

    /// <summary>Such as 0006_access.</summary>
    private static string Short(string script)
    {
        var name = script.EndsWith(".sql", StringComparison.Ordinal) ? script[..^4] : script;
        return name[(name.LastIndexOf('.') + 1)..];
    }

    /// <summary>A name read from a file, made safe for a message.</summary>
    private static string Printable(string name) => new([.. name.Take(80).Select(c => char.IsControl(c) ? '?' : c)]);
}
