using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ocellus.Transfer;

/// <summary>Brings the policies of a project here. What they say of the project there is said of the project here.</summary>
internal sealed class PolicyPull(ServiceClient from, ServiceClient to, bool update)
{
    private const string Project = "project/";

    /// <summary>Pulls the policies; what does not come is a sentence in <see cref="PulledProject.Missing"/>.</summary>
    public async Task RunAsync(PulledProject pulled, FoundProject source, CancellationToken cancel)
    {
        List<JsonNode> there;
        try
        {
            there = await from.ListAsync("ListProjectPolicies", new JsonObject { ["ProjectArn"] = source.Arn }, "ProjectPolicies", cancel).ToListAsync(cancel);
        }
        catch (ServiceException refusal) when (refusal.IsDenied)
        {
            pulled.Missing.Add("The policies: the key may not read them (rekognition:ListProjectPolicies).");
            return;
        }

        if (there.Count == 0)
        {
            return;
        }

        var here = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var policy in to.ListAsync("ListProjectPolicies", new JsonObject { ["ProjectArn"] = pulled.Arn }, "ProjectPolicies", cancel))
        {
            here[(string?)policy["PolicyName"] ?? ""] = (string?)policy["PolicyDocument"] ?? "";
        }

        foreach (var policy in there)
        {
            await PutAsync(pulled, source, policy, here, cancel);
        }
    }

    /// <summary>A policy document in which each ARN of one project is that of another.</summary>
    /// <returns>Null if it is no JSON.</returns>
    internal static string? Rewrite(string document, string sourceArn, string targetArn)
    {
        try
        {
            var json = JsonNode.Parse(document);
            Visit(json, sourceArn.Split(':', 6), targetArn.Split(':', 6));
            return json?.ToJsonString();
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // No JSON, or numbers and arrays where a policy has texts and objects.
            return null;
        }
    }

    private static void Visit(JsonNode? node, string[] source, string[] target)
    {
        foreach (var statement in node?["Statement"] switch { JsonArray many => [.. many], { } one => [one], null => Array.Empty<JsonNode?>() })
        {
            if (statement is not JsonObject object_)
            {
                continue;
            }

            foreach (var member in (string[])["Resource", "NotResource"])
            {
                object_[member] = object_[member] switch
                {
                    JsonArray many => new JsonArray([.. many.Select(r => (JsonNode?)Moved((string?)r, source, target))]),
                    JsonValue one => Moved((string?)one, source, target),
                    var other => other?.DeepClone(),
                };
                if (object_[member] is null)
                {
                    object_.Remove(member);
                }
            }
        }
    }

    /// <summary>Region, account and project of an ARN there, replaced by those here; another ARN as it is.</summary>
    private static string? Moved(string? resource, string[] source, string[] target)
    {
        if (resource?.Split(':', 6) is not [_, _, "rekognition", var region, var account, var rest] || source.Length < 6 || target.Length < 6
            || (region != source[3] && region != "*") || (account != source[4] && account != "*"))
        {
            return resource;
        }

        var (name, ours) = (NameIn(source[5]), NameIn(target[5]));
        return rest.StartsWith($"{Project}{name}/", StringComparison.Ordinal)
            ? $"{target[0]}:{target[1]}:rekognition:{target[3]}:{target[4]}:{Project}{ours}{rest[(Project.Length + name.Length)..]}"
            : resource;
    }

    private static string NameIn(string resource) => resource.Split('/') is [_, var name, ..] ? name : "";

    private async Task PutAsync(PulledProject pulled, FoundProject source, JsonNode policy, Dictionary<string, string> here, CancellationToken cancel)
    {
        var name = (string?)policy["PolicyName"] ?? "";
        if (Rewrite((string?)policy["PolicyDocument"] ?? "", source.Arn, pulled.Arn) is not { } document)
        {
            pulled.Missing.Add($"The policy {name}: its document is no JSON.");
            return;
        }

        if (here.TryGetValue(name, out var old))
        {
            if (IsSame(old, document) || !update)
            {
                pulled.Policies.Add(name);
                if (!IsSame(old, document))
                {
                    pulled.Missing.Add($"The policy {name} is another one here and was left as it is; --update replaces it.");
                }

                return;
            }
        }

        try
        {
            await to.CallAsync(
                "PutProjectPolicy", new JsonObject { ["ProjectArn"] = pulled.Arn, ["PolicyName"] = name, ["PolicyDocument"] = document }, cancel);
            pulled.Policies.Add(name);
        }
        catch (ServiceException refusal) when (refusal.Status is >= 400 and < 500)
        {
            pulled.Missing.Add($"The policy {name}: {refusal.Message}");
        }
    }

    private static bool IsSame(string one, string other)
    {
        try
        {
            return JsonNode.DeepEquals(JsonNode.Parse(one), JsonNode.Parse(other));
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
