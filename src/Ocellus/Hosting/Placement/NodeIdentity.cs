using Microsoft.Extensions.Options;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>Who this node is.</summary>
/// <param name="Id">Kept in the data directory; that of a server that is alone is a word.</param>
/// <param name="IsAlone">Whether there can be no other nodes: the database is this server's alone.</param>
internal sealed record NodeIdentity(string Id, bool IsAlone)
{
    /// <summary>Reads the identity of a data directory, or makes it.</summary>
    /// <exception cref="InvalidOperationException">There are to be other nodes, but nothing is shared with them.</exception>
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

        return new(SharedFolder.NodeOf(data.Path), false);
    }
}
