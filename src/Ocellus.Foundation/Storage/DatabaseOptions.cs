using System.ComponentModel.DataAnnotations;
using Ocellus.Settings;

namespace Ocellus.Storage;

/// <summary>Where the database is. A wrong value stops the server at start and names the setting.</summary>
internal sealed class DatabaseOptions
{
    /// <summary>The settings stand beside the sections.</summary>
    public const string Section = "Ocellus";

    /// <summary>The setting with the connection string.</summary>
    public const string Setting = Section + ":" + nameof(Database);

    /// <summary>
    /// Connection string of PostgreSQL as Npgsql takes it, such as <c>Host=db;Database=ocellus;Username=ocellus</c>; empty for the file in the data directory.
    /// </summary>
    public string Database { get; set; } = "";

    /// <summary>How long a start waits for a database that does not answer yet; machines that start together need a minute.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan DatabaseWait { get; set; } = TimeSpan.FromMinutes(1);

    public bool IsShared => Database.Length > 0;

    /// <summary>Reads the settings before a server is built: what it is built on comes first.</summary>
    /// <param name="given">The connection string of the command line; null if there is none.</param>
    /// <exception cref="InvalidOperationException">A setting is not of its type.</exception>
    public static DatabaseOptions Read(string? given = null)
    {
        Duration.UseForSettings();
        var options = new DatabaseOptions();
        Configuration().GetSection(Section).Bind(options);
        options.Database = given ?? options.Database;
        return options;
    }

    /// <summary>The same places in the same order as those of a server.</summary>
    public static IConfiguration Configuration() => new ConfigurationBuilder()
        .AddJsonFile(Path.Combine(Directory.GetCurrentDirectory(), "appsettings.json"), optional: true)
        .AddEnvironmentVariables()
        .Build();
}
