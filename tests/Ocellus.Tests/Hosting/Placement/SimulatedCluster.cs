using Ocellus.Hosting.Placement;
using Ocellus.Projects;

namespace Ocellus.Tests.Hosting.Placement;

/// <summary>
/// Rows, nodes that obey theirs, and leaders that plan: some from rows that have changed since, some die in the middle. Everything is drawn from a seed.
/// </summary>
internal sealed class SimulatedCluster(int seed)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, PlanVersion> _versions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PlanNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Arn, string Node), Place> _places = [];
    private readonly HashSet<(string Arn, string Node)> _memory = [];
    private int _named;

    /// <summary>Lets many things happen, then nothing more, and checks what it comes to.</summary>
    public void Run()
    {
        foreach (var arn in new[] { "v", "w", "x" })
        {
            _versions[arn] = new(arn, ProjectVersionStatus.STOPPED, 1, 1);
        }

        for (var step = 0; step < 80; step++)
        {
            Happen();
        }

        Settle();
        var takes = _nodes.Values.Count(n => n.Takes);
        foreach (var version in _versions.Values)
        {
            // A node that could not load it is left out, as long as others can.
            var failed = _places.Values.Count(p => p.VersionArn == version.Arn && p.State == PlaceState.FAILED && _nodes[p.NodeId].Takes);
            var places = _places.Values.Where(p => p.VersionArn == version.Arn && p.State != PlaceState.FAILED).ToList();
            if (version.Status == ProjectVersionStatus.RUNNING)
            {
                Assert.All(places, p => Assert.Equal(PlaceState.LOADED, p.State));
                Assert.True(places.Sum(p => p.Units) >= version.Min && places.Sum(p => p.Units) <= version.Max, $"{version}\n{State()}");
                Assert.InRange(places.Sum(p => p.UnitsMax), version.Min, version.Max);
                Assert.True(places.Count >= Math.Min(version.Min, takes - failed), $"{version} is on {places.Count} of {takes} nodes, {failed} failed");
                Assert.Equal(places.Select(p => p.NodeId).Order(), _memory.Where(m => m.Arn == version.Arn).Select(m => m.Node).Order());
            }
            else
            {
                // One that is to start waits for a node.
                var rests = version.Status is ProjectVersionStatus.STOPPED || (version.Status == ProjectVersionStatus.STARTING && takes == 0);
                Assert.True(rests, $"{version}\n{State()}");
                Assert.Empty(places);
                Assert.DoesNotContain(_memory, m => m.Arn == version.Arn);
            }
        }
    }

    private void Happen()
    {
        switch (_random.Next(16))
        {
            case 0 or 1 when _nodes.Count < 5:
                Add(new($"n{_named++}", _random.Next(1, 5), _random.Next(3) == 0 ? 0 : 8L << 30, true, false));
                break;
            case 2 when Any(_nodes.Values) is { } dies:
                _nodes[dies.Id] = dies with { IsAlive = false };
                _memory.RemoveWhere(m => m.Node == dies.Id);
                break;
            case 3 when Any(_nodes.Values.Where(n => !n.IsAlive)) is { } dead:
                Remove(dead);
                break;
            case 4 when Any(_nodes.Values) is { } drains:
                _nodes[drains.Id] = drains with { IsDraining = true };
                break;
            case 5 when Any(_nodes.Values.Where(n => n.IsDraining)) is { } leaves:
                Remove(leaves);
                break;
            case 6 or 7:
                var least = _random.Next(1, 5);
                Request(VersionEvent.StartRequested, v => v with { Min = least, Max = least + _random.Next(4) });
                break;
            case 8:
                Request(VersionEvent.StopRequested, v => v);
                break;
            case 9 when Any(_places.Values) is { } loaded:
                Change(loaded, p => p with { Demand = _random.Next(-1, 2) });
                break;
            case 10 when Any(_places.Values.Where(p => p.State == PlaceState.ASSIGNED && !_memory.Contains((p.VersionArn, p.NodeId)))) is { } broken:
                Change(broken, p => p with { State = PlaceState.FAILED, Reason = "no" });
                break;
            case 11 or 12 or 13:
                Plan(_random.Next(3) == 0 ? _random.Next(4) : int.MaxValue);
                break;
            default:
                if (Any(_nodes.Values.Where(n => n.IsAlive)) is { } works)
                {
                    Work(works);
                }

                break;
        }
    }

    /// <summary>Nothing more happens: who is dead is removed, who drains leaves when nobody needs it, nobody says anything of its load.</summary>
    private void Settle()
    {
        foreach (var dead in _nodes.Values.Where(n => !n.IsAlive).ToList())
        {
            Remove(dead);
        }

        foreach (var place in _places.Values.ToList())
        {
            Change(place, p => p with { Demand = 0 });
        }

        for (var round = 0; ; round++)
        {
            Assert.True(round < 300, "it does not come to rest");
            var before = State();
            Plan(int.MaxValue);
            foreach (var node in _nodes.Values.ToList())
            {
                Work(node);
            }

            var gone = _nodes.Values.Where(n => n.IsDraining && (_places.Values.All(p => p.NodeId != n.Id) || _nodes.Values.All(o => !o.Takes))).ToList();
            gone.ForEach(Remove);
            // A version that failed everywhere, as long as there was a node that could not load it, is started again.
            foreach (var failed in _versions.Values.Where(v => v.Status == ProjectVersionStatus.FAILED).ToList())
            {
                _versions[failed.Arn] = failed with { Status = ProjectVersionStatus.STARTING };
            }

            if (before == State())
            {
                // Nobody can take over what they have: their time is over.
                gone = [.. _nodes.Values.Where(n => n.IsDraining)];
                gone.ForEach(Remove);
                if (gone.Count == 0)
                {
                    return;
                }
            }
        }
    }

    private string State() => string.Join(
        '\n', _versions.Values.Cast<object>().Concat(_nodes.Values).Concat(_places.OrderBy(p => p.Key).Select(p => p.Value with { Epoch = 0 }))
            .Concat(_memory.Order().Cast<object>()));

    private void Add(PlanNode node) => _nodes[node.Id] = node;

    private void Remove(PlanNode node)
    {
        _nodes.Remove(node.Id);
        _memory.RemoveWhere(m => m.Node == node.Id);
        foreach (var key in _places.Keys.Where(k => k.Node == node.Id).ToList())
        {
            _places.Remove(key);
        }
    }

    private void Request(VersionEvent what, Func<PlanVersion, PlanVersion> change)
    {
        var version = Any(_versions.Values)!;
        if (ProjectVersionStates.Next(version.Status, what) is { } next)
        {
            _versions[version.Arn] = change(version) with { Status = next };
        }
    }

    /// <summary>Plans, and makes the first so many changes; in between, others may be at work.</summary>
    private void Plan(int most)
    {
        var (nodes, places) = (_nodes.Values.ToList(), _places.Values.ToList());
        var hosted = _versions.Values.Where(v => v.Status is not ProjectVersionStatus.STOPPED).ToList();
        foreach (var change in PlacementPlan.For(hosted, nodes, places).Take(most).ToList())
        {
            if (change is PlanChange.Assign assign)
            {
                Assert.True(nodes.Single(n => n.Id == assign.NodeId).Takes);
                Assert.DoesNotContain(places, p => (p.VersionArn, p.NodeId) == (assign.Arn, assign.NodeId));
            }

            if (most != int.MaxValue && _random.Next(3) == 0 && Any(_nodes.Values.Where(n => n.IsAlive)) is { } busy)
            {
                Work(busy);
            }

            Make(change);
        }
    }

    /// <summary>As the catalogs do: only if the row is the one that was seen.</summary>
    private void Make(PlanChange change)
    {
        switch (change)
        {
            case PlanChange.Assign assign:
                if (_versions[assign.Arn].Status is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING && _nodes.ContainsKey(assign.NodeId))
                {
                    _places.TryAdd(
                        (assign.Arn, assign.NodeId),
                        new() { VersionArn = assign.Arn, NodeId = assign.NodeId, Units = assign.Units, UnitsMax = assign.UnitsMax, Epoch = 1 });
                }

                break;
            case PlanChange.Resize resize:
                Change(resize.Place, p => p with { Units = resize.Units, UnitsMax = resize.UnitsMax });
                break;
            case PlanChange.Turn turn:
                Change(turn.Place, p => p with { State = turn.To, Demand = 0 });
                break;
            case PlanChange.Drop drop when _places.GetValueOrDefault((drop.Place.VersionArn, drop.Place.NodeId)) == drop.Place:
                _places.Remove((drop.Place.VersionArn, drop.Place.NodeId));
                break;
            case PlanChange.Move move when ProjectVersionStates.Next(_versions[move.Arn].Status, move.Event) is { } next:
                if (move.Event == VersionEvent.Drained && _places.Keys.Any(k => k.Arn == move.Arn))
                {
                    break;
                }

                _versions[move.Arn] = _versions[move.Arn] with { Status = next };
                if (next == ProjectVersionStatus.STOPPED)
                {
                    Assert.DoesNotContain(_memory, m => m.Arn == move.Arn);
                }

                break;
        }
    }

    private void Change(Place seen, Func<Place, Place> change)
    {
        var key = (seen.VersionArn, seen.NodeId);
        if (_places.GetValueOrDefault(key) == seen)
        {
            _places[key] = change(seen) with { Epoch = seen.Epoch + 1 };
        }
    }

    /// <summary>What a node does with its rows: see FleetWorker.</summary>
    private void Work(PlanNode node)
    {
        foreach (var place in _places.Values.Where(p => p.NodeId == node.Id).ToList())
        {
            var key = (place.VersionArn, node.Id);
            var runs = _versions[place.VersionArn].Status is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING;
            if (place.State == PlaceState.DRAINING || (!runs && place.State != PlaceState.FAILED))
            {
                _memory.Remove(key);
                _places.Remove(key);
            }
            else if (place.State == PlaceState.ASSIGNED)
            {
                Assert.True(_memory.Add(key), "a unit twice");
                Change(place, p => p with { State = PlaceState.LOADED });
            }
        }
    }

    private T? Any<T>(IEnumerable<T> of)
        where T : class
    {
        var all = of.ToList();
        return all.Count == 0 ? null : all[_random.Next(all.Count)];
    }
}
