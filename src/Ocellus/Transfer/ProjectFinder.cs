using System.Text.Json.Nodes;

namespace Ocellus.Transfer;

/// <summary>A project as a server describes it.</summary>
/// <param name="Arn">Its ARN.</param>
/// <param name="Train">ARN of its TRAIN dataset, or null.</param>
/// <param name="Test">ARN of its TEST dataset, or null.</param>
internal sealed record FoundProject(string Arn, string? Train, string? Test)
{
    /// <summary>Name in the ARN: <c>…:project/NAME/TIME</c>.</summary>
    public string Name => Arn.Split('/') is [_, var name, ..] ? name : Arn;

    /// <summary>The dataset of a type.</summary>
    public string? Dataset(string type) => type == "TEST" ? Test : Train;
}

/// <summary>Finds and creates projects.</summary>
internal static class ProjectFinder
{
    /// <summary>The project of a name; null if there is none.</summary>
    public static async Task<FoundProject?> FindAsync(ServiceClient client, string name, CancellationToken cancel) =>
        await ListAsync(client, new JsonObject { ["ProjectNames"] = new JsonArray(name) }, cancel).FirstOrDefaultAsync(p => p.Name == name, cancel);

    /// <summary>All projects of the account and region.</summary>
    public static IAsyncEnumerable<FoundProject> ListAsync(ServiceClient client, CancellationToken cancel) => ListAsync(client, [], cancel);

    /// <summary>The project of a name, created if there is none.</summary>
    public static async Task<(FoundProject Project, bool IsNew)> RequireAsync(
        ServiceClient client, string name, IReadOnlyDictionary<string, string>? tags, CancellationToken cancel)
    {
        if (await FindAsync(client, name, cancel) is { } found)
        {
            return (found, false);
        }

        var request = new JsonObject { ["ProjectName"] = name };
        if (tags is { Count: > 0 })
        {
            request["Tags"] = new JsonObject(tags.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));
        }

        return (new((string)(await client.CallAsync("CreateProject", request, cancel))["ProjectArn"]!, null, null), true);
    }

    private static async IAsyncEnumerable<FoundProject> ListAsync(
        ServiceClient client, JsonObject request, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var node in client.ListAsync("DescribeProjects", request, "ProjectDescriptions", cancel))
        {
            if ((string?)node["ProjectArn"] is { } arn && (string?)node["Feature"] is null or "CUSTOM_LABELS")
            {
                yield return new((string)node["ProjectArn"]!, Dataset(node, "TRAIN"), Dataset(node, "TEST"));
            }
        }
    }

    private static string? Dataset(JsonNode project, string type) =>
        (string?)(project["Datasets"] as JsonArray)?.FirstOrDefault(d => (string?)d?["DatasetType"] == type && (string?)d["Status"] != "DELETE_IN_PROGRESS")?
            ["DatasetArn"];
}
