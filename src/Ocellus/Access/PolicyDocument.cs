using System.Text.Json;
using Ocellus.Protocol;

namespace Ocellus.Access;

/// <summary>The form of a project policy, checked when it is saved: a rule that would not be understood is refused, never ignored.</summary>
internal static class PolicyDocument
{
    private const string CopyAction = "rekognition:CopyProjectVersion";

    /// <exception cref="RefusedException">MalformedPolicy: says which rule is broken.</exception>
    public static void Check(string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException failure)
        {
            throw Malformed($"it is not JSON (line {failure.LineNumber + 1}, byte {failure.BytePositionInLine})");
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Malformed($"it is a JSON {root.ValueKind}; an object was expected");
            }

            if (!root.TryGetProperty("Version", out var version) || version.ValueKind != JsonValueKind.String || version.GetString() is not ("2012-10-17" or "2008-10-17"))
            {
                throw Malformed("Version must be \"2012-10-17\"");
            }

            if (!root.TryGetProperty("Statement", out var statement))
            {
                throw Malformed("Statement is missing");
            }

            var statements = statement.ValueKind == JsonValueKind.Array ? statement.EnumerateArray().ToList() : [statement];
            if (statements.Count == 0)
            {
                throw Malformed("Statement is an empty list; at least one statement is needed");
            }

            statements.ForEach(CheckStatement);
        }
    }

    private static void CheckStatement(JsonElement statement)
    {
        if (statement.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("a Statement is not an object");
        }

        foreach (var member in statement.EnumerateObject())
        {
            if (member.Name is not ("Sid" or "Effect" or "Principal" or "Action" or "Resource" or "Condition"))
            {
                throw Malformed($"a statement has '{Readable.Cut(member.Name)}'; Sid, Effect, Principal, Action, Resource and Condition are understood");
            }
        }

        if (!statement.TryGetProperty("Effect", out var effect) || effect.ValueKind != JsonValueKind.String
            || !(string.Equals(effect.GetString(), "Allow", StringComparison.OrdinalIgnoreCase) || string.Equals(effect.GetString(), "Deny", StringComparison.OrdinalIgnoreCase)))
        {
            throw Malformed("Effect must be Allow or Deny");
        }

        if (!statement.TryGetProperty("Principal", out var principal) || !IsPrincipal(principal))
        {
            throw Malformed("Principal must be \"*\" or {\"AWS\": one or more account ids or ARNs}");
        }

        if (!statement.TryGetProperty("Action", out var action) || !Texts(action, out var actions) || actions.Any(a => !string.Equals(a, CopyAction, StringComparison.OrdinalIgnoreCase)))
        {
            throw Malformed($"Action must be {CopyAction}, the only action that a project policy may have");
        }

        if (!statement.TryGetProperty("Resource", out var resource) || !Texts(resource, out var resources) || resources.Any(r => r != "*" && !r.StartsWith("arn:", StringComparison.Ordinal)))
        {
            throw Malformed("Resource must be * or the ARN of a project version");
        }

        if (statement.TryGetProperty("Condition", out var condition) && condition.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("Condition must be an object");
        }
    }

    private static bool IsPrincipal(JsonElement principal) =>
        principal.ValueKind == JsonValueKind.String
            ? principal.GetString() == "*"
            : principal.ValueKind == JsonValueKind.Object && principal.EnumerateObject().Any() && principal.EnumerateObject().All(p => Texts(p.Value, out _));

    private static bool Texts(JsonElement value, out List<string> texts)
    {
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToList() : [value];
        texts = [.. items.Where(i => i.ValueKind == JsonValueKind.String).Select(i => i.GetString()!)];
        return items.Count > 0 && texts.Count == items.Count;
    }

    private static RefusedException Malformed(string what) => new(RefusalKind.MalformedPolicy, $"The policy document is malformed: {what}.");
}
