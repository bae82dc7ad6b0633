using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Hosting.Placement;
using Ocellus.Storage;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary><c>ocellus nodes</c>: the nodes of a cluster, and which versions run where. Reads the database only.</summary>
internal static class NodesCommand
{
    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of a server.";
        var database = ServeCommand.DatabaseOption();
        var json = new Option<bool>("--json") { Description = "Write one JSON object." };
        var command = new Command("nodes", "Lists the nodes of a cluster: which versions each has, with how many inference units, and whether it is alive.")
        {
            data, database, json,
        };
        command.Act(async (parsed, terminal, cancel) =>
        {
            using var folder = Attach(parsed.GetValue(data)!, parsed.GetValue(database));
            var list = await new NodeCatalog(folder, TimeProvider.System).AllAsync(cancel);
            var places = (await new PlacementCatalog(folder).AllAsync(cancel)).ToLookup(p => p.NodeId, StringComparer.Ordinal);
            if (parsed.GetValue(json))
            {
                terminal.Json(
                    new JsonObject
                    {
                        ["nodes"] = new JsonArray([.. list.Nodes.Select(n => Describe(n, list, [.. places[n.Id]]))]),
                    });
            }
            else
            {
                Show(terminal, list, places);
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static DataDirectory Attach(string path, string? database)
    {
        try
        {
            return DataDirectory.Attach(path, ServeCommand.ReadDatabase(database));
        }
        catch (InvalidOperationException refusal)
        {
            throw new Refusals.CommandRefusedException(refusal.Message);
        }
    }

    private static void Show(Terminal terminal, NodeList list, ILookup<string, Place> places)
    {
        if (list.Nodes.Count == 0)
        {
            terminal.Result("No node has joined; a server joins when it starts.");
            return;
        }

        var table = new Table().Border(TableBorder.Rounded);
        foreach (var column in new[] { "Node", "Name", "State", "Program", "Cores", "Version", "Units", "Model" })
        {
            table.AddColumn(column is "Cores" or "Units" ? new TableColumn(column).RightAligned() : new TableColumn(column));
        }

        foreach (var node in list.Nodes)
        {
            var first = true;
            foreach (var place in places[node.Id].Select(p => (Place?)p).DefaultIfEmpty())
            {
                table.AddRow(
                    new[]
                    {
                        first ? node.Id : "", first ? node.Name : "", first ? State(node, list) : "", first ? node.Program : "",
                        first ? node.Cores.ToString(CultureInfo.InvariantCulture) : "", place?.VersionArn ?? "–", place is null ? "" : Units(place),
                        place?.State.ToString() ?? "",
                    }.Select(t => new Text(t)));
                first = false;
            }
        }

        terminal.Result(table);
    }

    private static string Units(Place place) => place.Units == place.UnitsMax
        ? place.Units.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{place.Units} to {place.UnitsMax}");

    private static string State(NodeRow node, NodeList list) =>
        (node.LeaseUntilMs >= list.NowMs ? node.Draining != 0 ? "draining" : "alive" : "lease run out") + (list.Leader == node.Id ? ", leads" : "");

    private static JsonObject Describe(NodeRow node, NodeList list, IReadOnlyList<Place> places) => new()
    {
        ["id"] = node.Id,
        ["name"] = node.Name,
        ["cluster"] = node.Cluster,
        ["address"] = node.Silo,
        ["program"] = node.Program,
        ["cores"] = node.Cores,
        ["freeMemoryBytes"] = node.MemoryBytes,
        ["alive"] = node.LeaseUntilMs >= list.NowMs,
        ["draining"] = node.Draining != 0,
        ["leads"] = list.Leader == node.Id,
        ["versions"] = new JsonArray(
            [
                .. places.Select(p => new JsonObject
                {
                    ["arn"] = p.VersionArn,
                    ["units"] = p.Units,
                    ["unitsMax"] = p.UnitsMax,
                    ["state"] = p.State.ToString(),
                    ["demand"] = p.Demand,
                }),
            ]),
    };
}
