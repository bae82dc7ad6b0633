using Microsoft.Extensions.Options;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>Who this node is.</summary>
/// <param name="Id">Kept in the data directory; that of a server that is alone is a word.</param>
/// <param name="IsAlone">Whether there can be no other nodes: the database is this server's alone.</param>
internal sealed record NodeIdentity(string Id, bool IsAlone)
{
    /// <summary>The file in the data directory.</summary>
    public const string FileName = "node";

    /// <summary>Reads the identity of a data directory, or makes it.</summary>
    /// <exception cref="InvalidOperationException">The file does not hold one.</exception>
    public static NodeIdentity Of(DataDirectory data, IOptions<ClusterOptions> options)
    {
        if (!data.Database.IsShared && !options.Value.IsCluster)
        {
            return new("alone", true);
        }

        if (!data.Database.IsShared)
        {
            throw new InvalidOperationException(
                $"A cluster needs a database that all of its nodes share: name PostgreSQL with --database. {data.Database.Name} is this server's alone.");
        }

        if (options.Value.IsCluster && !data.Models.Store.IsShared)
        {
            throw new InvalidOperationException("A cluster needs an object store that all of its nodes share: name it with --s3-endpoint.");
        }

        var path = Path.Combine(data.Path, FileName);
        if (!File.Exists(path))
        {
            File.WriteAllText(path, Guid.NewGuid().ToString("N") + "\n");
        }

        var text = File.ReadAllText(path).Trim();
        return Guid.TryParseExact(text, "N", out _)
            ? new(text, false)
            : throw new InvalidOperationException(
                $"{path} should hold this node's identity, 32 hexadecimal digits, and does not. Remove the file: a new identity is made at the next start.");
    }
}
