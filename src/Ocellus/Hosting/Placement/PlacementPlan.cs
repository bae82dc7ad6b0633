using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>A version that is hosted, or is to be.</summary>
internal sealed record PlanVersion(string Arn, ProjectVersionStatus Status, int Min, int Max);

/// <summary>A node as the leader sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Cores">Its cores.</param>
/// <param name="MemoryBytes">Memory that models may still take.</param>
/// <param name="IsAlive">Whether its lease holds. A node whose lease has run out keeps its places until it is removed.</param>
/// <param name="IsDraining">Whether it hands its places over in order to stop.</param>
internal sealed record PlanNode(string Id, int Cores, long MemoryBytes, bool IsAlive, bool IsDraining)
{
    /// <summary>Whether it takes new places.</summary>
    public bool Takes => IsAlive && !IsDraining;
}

/// <summary>One step towards a placement that satisfies the versions' rows.</summary>
internal abstract record PlanChange
{
    /// <summary>A node is to load a version.</summary>
    public sealed record Assign(string Arn, string NodeId, int Units, int UnitsMax) : PlanChange;

    /// <summary>A place gets other units.</summary>
    public sealed record Resize(Place Place, int Units, int UnitsMax) : PlanChange;

    /// <summary>A place changes its state.</summary>
    public sealed record Turn(Place Place, PlaceState To) : PlanChange;

    /// <summary>A place that no process has in memory is removed.</summary>
    public sealed record Drop(Place Place) : PlanChange;

    /// <summary>A version changes its state.</summary>
    public sealed record Move(string Arn, VersionEvent Event, string? Message) : PlanChange;
}

/// <summary>
/// What the leader does: a pure function from what is to run, the nodes, and the places there are, to changes. Applied again and again, it comes to rest: then
/// MinInferenceUnits are loaded, spread over as many nodes as there are units, and no place is on a node that stops or is gone.
/// </summary>
internal static class PlacementPlan
{
    /// <summary>
    /// What a model takes at most, roughly: the largest network of the recipes with its working memory. A node with less left is chosen last.
    /// </summary>
    internal const long ModelBytes = 256L << 20;

    public static IReadOnlyList<PlanChange> For(IReadOnlyList<PlanVersion> versions, IReadOnlyList<PlanNode> nodes, IReadOnlyList<Place> places)
    {
        var cluster = new Cluster(nodes, places);
        var changes = new List<PlanChange>();
        var known = nodes.Select(n => n.Id).ToHashSet(StringComparer.Ordinal);
        // Of a node that is no longer one: its process is gone, or has dropped the model when it joined again.
        changes.AddRange(places.Where(p => !known.Contains(p.NodeId)).Select(p => new PlanChange.Drop(p)));
        var byArn = places.Where(p => known.Contains(p.NodeId)).ToLookup(p => p.VersionArn, StringComparer.Ordinal);
        var placed = places.Select(p => p.VersionArn).ToHashSet(StringComparer.Ordinal);
        var hosted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var version in versions.OrderBy(v => v.Arn, StringComparer.Ordinal))
        {
            if (version.Status is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING)
            {
                hosted.Add(version.Arn);
                changes.AddRange(new VersionPlan(version, [.. byArn[version.Arn]], cluster).Changes());
            }
            else if (version.Status == ProjectVersionStatus.STOPPING && !placed.Contains(version.Arn))
            {
                changes.Add(new PlanChange.Move(version.Arn, VersionEvent.Drained, null));
            }
        }

        // Nodes remove the places of other versions themselves, when the model is freed; one that failed has no model.
        changes.AddRange(
            places.Where(p => p.State == PlaceState.FAILED && known.Contains(p.NodeId) && !hosted.Contains(p.VersionArn)).Select(p => new PlanChange.Drop(p)));
        if (changes.Count == 0 && Balance(versions, nodes, places, cluster) is { } leaving)
        {
            changes.Add(new PlanChange.Turn(leaving, PlaceState.LEAVING));
        }

        return changes;
    }

    /// <summary>The place to move from the busiest node to the idlest, if that makes the busiest less busy than either is now; one at a time.</summary>
    private static Place? Balance(IReadOnlyList<PlanVersion> versions, IReadOnlyList<PlanNode> nodes, IReadOnlyList<Place> places, Cluster cluster)
    {
        var takes = nodes.Where(n => n.Takes).ToList();
        if (takes.Count < 2 || places.Any(p => p.State != PlaceState.LOADED))
        {
            return null;
        }

        var busiest = takes.OrderByDescending(n => cluster.Share(n, 0)).ThenBy(n => n.Id, StringComparer.Ordinal).First();
        var running = versions.Where(v => v.Status == ProjectVersionStatus.RUNNING).Select(v => v.Arn).ToHashSet(StringComparer.Ordinal);
        foreach (var place in places.Where(p => p.NodeId == busiest.Id && running.Contains(p.VersionArn)).OrderBy(p => p.Units)
            .ThenBy(p => p.VersionArn, StringComparer.Ordinal))
        {
            var has = places.Where(p => p.VersionArn == place.VersionArn).Select(p => p.NodeId).ToHashSet(StringComparer.Ordinal);
            // The node that the next plan will choose.
            if (cluster.Best(takes.Where(n => !has.Contains(n.Id)), (int)place.Units) is { } best
                && cluster.Share(best, (int)place.Units) < cluster.Share(busiest, 0) - 1e-9)
            {
                return place;
            }
        }

        return null;
    }

    /// <summary>How busy the nodes are; a plan's own changes count too.</summary>
    private sealed class Cluster
    {
        private readonly Dictionary<string, (long Units, int Coming)> _load = new(StringComparer.Ordinal);

        public Cluster(IReadOnlyList<PlanNode> nodes, IReadOnlyList<Place> places)
        {
            Nodes = nodes;
            foreach (var place in places.Where(p => p.State != PlaceState.FAILED))
            {
                Add(place.NodeId, place.Units, place.State == PlaceState.ASSIGNED ? 1 : 0);
            }
        }

        public IReadOnlyList<PlanNode> Nodes { get; }

        public void Add(string node, long units, int coming)
        {
            var (before, models) = _load.GetValueOrDefault(node);
            _load[node] = (before + units, models + coming);
        }

        /// <summary>Inference units for each core, with so many more.</summary>
        public double Share(PlanNode node, int more) => (_load.GetValueOrDefault(node.Id).Units + more) / (double)Math.Max(node.Cores, 1);

        /// <summary>The node that is least busy with so many units more. Nodes with memory for one model more come first.</summary>
        public PlanNode? Best(IEnumerable<PlanNode> nodes, int units) =>
            nodes.OrderBy(n => n.MemoryBytes >= (1 + _load.GetValueOrDefault(n.Id).Coming) * ModelBytes ? 0 : 1)
                .ThenBy(n => Share(n, units)).ThenByDescending(n => n.MemoryBytes).ThenBy(n => n.Id, StringComparer.Ordinal).FirstOrDefault();
    }

    /// <summary>The changes for one version that is STARTING or RUNNING.</summary>
    private sealed class VersionPlan(PlanVersion version, List<Place> places, Cluster cluster)
    {
        private readonly List<PlanChange> _changes = [];
        private readonly Dictionary<string, PlanNode> _nodes = cluster.Nodes.ToDictionary(n => n.Id, StringComparer.Ordinal);

        public List<PlanChange> Changes()
        {
            var has = places.Select(p => p.NodeId).ToHashSet(StringComparer.Ordinal);
            var free = cluster.Nodes.Where(n => n.Takes && !has.Contains(n.Id)).ToList();
            var stay = places.Where(p => p.State is PlaceState.ASSIGNED or PlaceState.LOADED && _nodes[p.NodeId].Takes).ToList();
            var leaving = places.Where(p => p.IsLoaded || p.State == PlaceState.ASSIGNED).Except(stay).ToList();
            if (stay.Count + free.Count == 0 && leaving.Find(p => p.State == PlaceState.LEAVING && _nodes[p.NodeId].Takes) is { } kept)
            {
                // Where it was to go is gone.
                _changes.Add(new PlanChange.Turn(kept, PlaceState.LOADED));
                return _changes;
            }

            var want = Math.Min(version.Min, stay.Count + free.Count);
            var added = Added(stay, free, leaving, want);
            if (added.Count == 0 && Surplus(stay, want) is { } surplus)
            {
                stay.Remove(surplus);
                _changes.Add(new PlanChange.Turn(surplus, PlaceState.DRAINING));
            }

            Share(stay, added, free.Count > added.Count);
            if (added.Count == 0 && want > 0 && stay.Count >= want && stay.All(p => p.State == PlaceState.LOADED))
            {
                _changes.AddRange(leaving.Select(p => new PlanChange.Turn(p, PlaceState.DRAINING)));
            }

            Status(added.Count > 0);
            return _changes;
        }

        /// <summary>Nodes that are to load the version too: so many as there are to be, and one more while all are busy.</summary>
        private List<PlanNode> Added(List<Place> stay, List<PlanNode> free, List<Place> leaving, int want)
        {
            var count = want - stay.Count;
            var grows = stay.Count > 0 && leaving.Count == 0 && stay.All(p => p.State == PlaceState.LOADED && p.Demand > 0)
                && stay.Sum(p => p.UnitsMax) < version.Max;
            var added = new List<PlanNode>();
            var rest = free.ToList();
            var units = Math.Max(1, version.Min / Math.Max(want, 1));
            while (rest.Count > 0 && added.Count < Math.Max(count, grows ? 1 : 0))
            {
                var best = cluster.Best(rest, units)!;
                rest.Remove(best);
                added.Add(best);
            }

            return added;
        }

        /// <summary>A place that is not needed: one too many, or one that came when all were busy and has been idle since.</summary>
        private Place? Surplus(List<Place> stay, int want) =>
            stay.Count > version.Max ? stay.OrderBy(p => p.IsLoaded).ThenByDescending(p => cluster.Share(_nodes[p.NodeId], 0)).First()
            : stay.Count > want && stay.All(p => p.State == PlaceState.LOADED)
                ? stay.Where(p => p.Demand < 0).OrderByDescending(p => cluster.Share(_nodes[p.NodeId], 0)).ThenBy(p => p.NodeId, StringComparer.Ordinal)
                    .FirstOrDefault()
            : null;

        /// <summary>Shares the units among the places, those that come included.</summary>
        private void Share(List<Place> stay, List<PlanNode> added, bool others)
        {
            var members = stay.Select(p => _nodes[p.NodeId]).Concat(added).OrderByDescending(n => n.Cores).ThenBy(n => n.Id, StringComparer.Ordinal).ToList();
            if (members.Count == 0)
            {
                return;
            }

            var units = new int[members.Count];
            for (var i = 0; i < units.Length; i++)
            {
                units[i] = Math.Max(1, (version.Min / units.Length) + (i < version.Min % units.Length ? 1 : 0));
            }

            // Room to grow goes first where a unit has most cores. Beyond the cores it only helps where no other node could take it.
            var max = units.ToArray();
            for (var spare = version.Max - units.Sum(); spare > 0; spare--)
            {
                var roomy = Enumerable.Range(0, max.Length).Where(i => !others || max[i] < members[i].Cores).ToList();
                if (roomy.Count == 0)
                {
                    break;
                }

                max[roomy.MinBy(i => (max[i] + 1) / (double)Math.Max(members[i].Cores, 1))]++;
            }

            var allLoaded = added.Count == 0 && stay.All(p => p.State == PlaceState.LOADED);
            for (var i = 0; i < members.Count; i++)
            {
                if (stay.Find(p => p.NodeId == members[i].Id) is not { } place)
                {
                    _changes.Add(new PlanChange.Assign(version.Arn, members[i].Id, units[i], max[i]));
                    cluster.Add(members[i].Id, units[i], 1);
                    continue;
                }

                // Units are given up when the others have theirs.
                var now = allLoaded ? units[i] : Math.Max(units[i], (int)place.Units);
                if (place.Units != now || place.UnitsMax != Math.Max(max[i], now))
                {
                    _changes.Add(new PlanChange.Resize(place, now, Math.Max(max[i], now)));
                    cluster.Add(place.NodeId, now - place.Units, 0);
                }
            }
        }

        private void Status(bool comes)
        {
            var loaded = places.Where(p => p.IsLoaded && _nodes[p.NodeId].IsAlive).ToList();
            if (version.Status == ProjectVersionStatus.STARTING && loaded.Sum(p => p.Units) >= version.Min)
            {
                // What a node says of the precision that it computes with.
                var remark = loaded.Select(p => p.Reason).FirstOrDefault(r => r.Length > 0);
                _changes.Add(new PlanChange.Move(
                    version.Arn, VersionEvent.Loaded,
                    remark is null ? null : $"{ProjectVersionStates.Message(ProjectVersionStatus.RUNNING)} {remark}"));
            }
            else if (!comes && places.Count > 0 && places.All(p => p.State == PlaceState.FAILED))
            {
                // Before the state: a start after it must not find these.
                _changes.AddRange(places.Select(p => new PlanChange.Drop(p)));
                _changes.Add(new PlanChange.Move(version.Arn, VersionEvent.HostingFailed, places[0].Reason));
            }
            else if (version.Status == ProjectVersionStatus.RUNNING && !comes && !places.Any(p => p.State is PlaceState.ASSIGNED or PlaceState.LOADED
                or PlaceState.LEAVING && _nodes[p.NodeId].IsAlive))
            {
                // While a node that was lost is being replaced, requests wait; without one that could load it, the version does not run.
                _changes.Add(new PlanChange.Move(version.Arn, VersionEvent.ServerRestarted, null));
            }
        }
    }
}
