namespace Ocellus.Hosting.Placement;

/// <summary>States of a version's place on a node.</summary>
internal enum PlaceState
{
    /// <summary>The node is to load the model.</summary>
    ASSIGNED,

    /// <summary>The model is in the node's memory and takes requests.</summary>
    LOADED,

    /// <summary>As LOADED, until another node has loaded the model.</summary>
    LEAVING,

    /// <summary>The node is to drain the model and to free it.</summary>
    DRAINING,

    /// <summary>The node could not load the model; <see cref="Place.Reason"/> says why.</summary>
    FAILED,
}

/// <summary>A version's place on a node: a row of <c>placements</c>. The node that has freed the model removes it.</summary>
internal sealed record Place
{
    public string VersionArn { get; init; } = "";

    public string NodeId { get; init; } = "";

    /// <summary>Inference units that the model has on the node.</summary>
    public long Units { get; init; }

    /// <summary>Units to which it may grow there by itself.</summary>
    public long UnitsMax { get; init; }

    public PlaceState State { get; init; }

    /// <summary>What the node says of its load: 1, all units are busy and requests wait; -1, a unit has not been needed for a while; 0, neither.</summary>
    public long Demand { get; init; }

    /// <summary>Of a place that failed, why; of a loaded one, what a person should know of it. Empty for nothing.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Raised by every change. A change that has seen another epoch is not made, so that two leaders for a moment do no harm.</summary>
    public long Epoch { get; init; }

    /// <summary>Whether the model takes requests there.</summary>
    public bool IsLoaded => State is PlaceState.LOADED or PlaceState.LEAVING;
}

/// <summary>A node of the cluster: a row of <c>nodes</c>.</summary>
internal sealed record NodeRow
{
    public string Id { get; init; } = "";

    /// <summary>The machine's name, for people.</summary>
    public string Name { get; init; } = "";

    /// <summary>Name of the cluster that it takes part in; empty for a server that takes part in none.</summary>
    public string Cluster { get; init; } = "";

    /// <summary>The address at which other nodes reach it, with the number of its start; empty if no node can.</summary>
    public string Silo { get; init; } = "";

    /// <summary>Version of the program.</summary>
    public string Program { get; init; } = "";

    public long Cores { get; init; }

    /// <summary>Memory that models may still take.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>When it joined, by the database's clock.</summary>
    public long JoinedMs { get; init; }

    /// <summary>Until when it holds its places, by the database's clock, unless it renews that.</summary>
    public long LeaseUntilMs { get; init; }

    /// <summary>1 while it hands its places over in order to stop.</summary>
    public long Draining { get; init; }
}
