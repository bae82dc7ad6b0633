using System.Text;

namespace Ocellus.Storage;

/// <summary>
/// A data directory whose database is elsewhere. It remembers which one, because what lies in it belongs to that database alone: with another one, the server
/// would take its models for leftovers.
/// </summary>
internal static class SharedFolder
{
    private const string FileName = "database";

    /// <summary>Refuses a folder that has a database of its own.</summary>
    /// <exception cref="InvalidOperationException">It has one.</exception>
    public static void Require(string path)
    {
        if (new FileInfo(DataDirectory.DatabaseOf(path)) is { Exists: true, Length: > 0 })
        {
            throw new InvalidOperationException(
                $"The data directory {path} has a database of its own, and {DatabaseOptions.Setting} names another. "
                    + $"`ocellus migrate --from {path} --database …` brings everything there; or give the server another folder with --data.");
        }
    }

    /// <summary>Why a server without <see cref="DatabaseOptions.Setting"/> must not use a folder; null if it may.</summary>
    public static string? Used(string path) => File.Exists(FileOf(path))
        ? $"The data directory {path} was used with a database elsewhere. Name that with --database, or with Ocellus__Database in the environment; or choose "
            + $"another folder with --data."
        : null;

    /// <summary>Refuses a folder that was used with another database.</summary>
    /// <exception cref="InvalidOperationException">It was.</exception>
    public static void Check(string path, Postgres.PostgresDatabase database)
    {
        if (File.Exists(FileOf(path)) && File.ReadAllText(FileOf(path)).Trim() is var known && known != database.Installation())
        {
            throw new InvalidOperationException(
                $"The data directory {path} was used with another database than {database.Name}, and what it holds belongs to that one. Name that one with "
                    + $"--database, or choose another folder with --data.");
        }
    }

    /// <summary>As <see cref="Check"/>, and remembers the database.</summary>
    /// <exception cref="InvalidOperationException">It was used with another one.</exception>
    public static void Claim(string path, Postgres.PostgresDatabase database)
    {
        Check(path, database);
        if (!File.Exists(FileOf(path)))
        {
            FileSystem.WritePrivate(FileOf(path), Encoding.ASCII.GetBytes(database.Installation() + "\n"), overwrite: true);
        }
    }

    /// <summary>The identity of a data directory among those of the servers on one database. Made when it is first asked for.</summary>
    public static string NodeOf(string path)
    {
        var file = Path.Combine(path, "node");
        if (!File.Exists(file))
        {
            FileSystem.WritePrivate(file, Encoding.ASCII.GetBytes(Guid.NewGuid().ToString("N") + "\n"), overwrite: true);
        }

        return File.ReadAllText(file).Trim();
    }

    private static string FileOf(string path) => Path.Combine(path, FileName);
}
