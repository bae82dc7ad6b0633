using CsCheck;
using Ocellus.Hosting.Placement;
using Ocellus.Projects;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class PlacementPlanTests
{
    [Fact]
    public void Units_are_spread_over_the_nodes_and_room_to_grow_goes_where_it_is()
    {
        var changes = PlacementPlan.For([new("v", ProjectVersionStatus.STARTING, 3, 7)], [Node("a", 4), Node("b", 2), Node("c", 2)], []);

        Assert.Equal(
            [new PlanChange.Assign("v", "a", 1, 4), new PlanChange.Assign("v", "b", 1, 2), new PlanChange.Assign("v", "c", 1, 1)],
            changes.OrderBy(c => ((PlanChange.Assign)c).NodeId, StringComparer.Ordinal));
    }

    [Fact]
    public void A_server_that_is_alone_has_all_units_whatever_its_cores() =>
        Assert.Equal(
            [new PlanChange.Assign("v", "alone", 2, 9)],
            PlacementPlan.For([new("v", ProjectVersionStatus.STARTING, 2, 9)], [Node("alone", 2)], []));

    [Fact]
    public void The_idlest_node_with_room_in_memory_is_chosen()
    {
        PlanNode[] nodes = [Node("busy", 2), Node("full", 2) with { MemoryBytes = 1 }, Node("idle", 2)];
        Place[] places = [Place("other", "busy", 2)];

        Assert.Equal(
            new PlanChange.Assign("v", "idle", 1, 1),
            PlacementPlan.For([new("v", ProjectVersionStatus.STARTING, 1, 1), new("other", ProjectVersionStatus.RUNNING, 2, 2)], nodes, places)
                .OfType<PlanChange.Assign>().Single(a => a.Arn == "v"));
    }

    [Fact]
    public void A_node_that_stops_keeps_a_version_until_another_has_loaded_it()
    {
        PlanVersion[] versions = [new("v", ProjectVersionStatus.RUNNING, 1, 1)];
        PlanNode[] nodes = [Node("a", 2) with { IsDraining = true }, Node("b", 2)];
        var here = Place("v", "a", 1);
        Assert.Equal([new PlanChange.Assign("v", "b", 1, 1)], PlacementPlan.For(versions, nodes, [here]));

        var coming = Place("v", "b", 1) with { State = PlaceState.ASSIGNED };
        Assert.Empty(PlacementPlan.For(versions, nodes, [here, coming]));

        Assert.Equal([new PlanChange.Turn(here, PlaceState.DRAINING)], PlacementPlan.For(versions, nodes, [here, coming with { State = PlaceState.LOADED }]));
    }

    [Fact]
    public void A_version_that_no_node_can_load_fails_with_the_reason_and_one_node_that_can_is_enough()
    {
        PlanVersion[] versions = [new("v", ProjectVersionStatus.STARTING, 2, 2)];
        var failed = Place("v", "a", 1) with { State = PlaceState.FAILED, Reason = "It is damaged." };
        Assert.Contains(
            new PlanChange.Move("v", VersionEvent.HostingFailed, "It is damaged."), PlacementPlan.For(versions, [Node("a", 2)], [failed]));

        var loaded = Place("v", "b", 1);
        Assert.Equal([new PlanChange.Resize(loaded, 2, 2)], PlacementPlan.For(versions, [Node("a", 2), Node("b", 2)], [failed, loaded]));
        Assert.Equal(
            [new PlanChange.Move("v", VersionEvent.Loaded, null)],
            PlacementPlan.For(versions, [Node("a", 2), Node("b", 2)], [failed, loaded with { Units = 2, UnitsMax = 2 }]));
    }

    [Fact]
    public void While_all_places_are_busy_one_is_added_and_given_up_when_it_is_idle()
    {
        PlanVersion[] versions = [new("v", ProjectVersionStatus.RUNNING, 1, 4)];
        PlanNode[] nodes = [Node("a", 2), Node("b", 2)];
        var busy = Place("v", "a", 1) with { UnitsMax = 2, Demand = 1 };
        Assert.Contains(
            PlacementPlan.For(versions, nodes, [busy]).OfType<PlanChange.Assign>(), a => a is { NodeId: "b", Units: 1 });

        Place[] both = [busy with { Demand = 0, UnitsMax = 2 }, Place("v", "b", 1) with { UnitsMax = 2, Demand = -1 }];
        Assert.Contains(PlacementPlan.For(versions, nodes, both), c => c is PlanChange.Turn { Place.NodeId: "b", To: PlaceState.DRAINING });
    }

    [Fact]
    public void A_new_node_relieves_the_busiest_and_what_moves_is_loaded_there_first()
    {
        PlanVersion[] versions = [new("v", ProjectVersionStatus.RUNNING, 1, 1), new("w", ProjectVersionStatus.RUNNING, 1, 1)];
        PlanNode[] nodes = [Node("a", 2), Node("b", 2)];
        Place[] places = [Place("v", "a", 1), Place("w", "a", 1)];

        Assert.Equal([new PlanChange.Turn(places[0], PlaceState.LEAVING)], PlacementPlan.For(versions, nodes, places));
        Assert.Equal([new PlanChange.Assign("v", "b", 1, 1)], PlacementPlan.For(versions, nodes, [places[0] with { State = PlaceState.LEAVING }, places[1]]));
        // The new node has gone again: the place stays.
        Assert.Equal(
            [new PlanChange.Turn(places[0] with { State = PlaceState.LEAVING }, PlaceState.LOADED)],
            PlacementPlan.For(versions, [nodes[0]], [places[0] with { State = PlaceState.LEAVING }, places[1]]));
    }

    [Fact]
    public void Whatever_happens_in_whatever_order_it_comes_to_rest_where_the_rows_are_satisfied() =>
        Gen.Int[0, int.MaxValue].Sample(seed => new SimulatedCluster(seed).Run(), iter: 2000);

    private static PlanNode Node(string id, int cores) => new(id, cores, 8L << 30, true, false);

    private static Place Place(string arn, string node, int units) =>
        new() { VersionArn = arn, NodeId = node, Units = units, UnitsMax = units, State = PlaceState.LOADED };
}
