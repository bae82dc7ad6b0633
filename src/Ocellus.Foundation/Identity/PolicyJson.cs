using System.Text;
using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>The JSON frame around the statements, common to identity and project policies.</summary>
internal static class PolicyJson
{
    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false, MaxDepth = JsonDepth.PolicyMax };

    /// <summary>Parses the statements of a document.</summary>
    /// <param name="text">The document.</param>
    /// <param name="members">The members that a statement may have.</param>
    /// <param name="read">Parses one statement. It must not keep the element.</param>
    /// <exception cref="RefusedException">MalformedPolicy: says which rule is broken.</exception>
    public static List<T> Statements<T>(string text, IReadOnlyList<string> members, Func<JsonElement, T> read)
    {
        using var document = Parse(text);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Malformed($"it is a JSON {root.ValueKind}; an object was expected");
        }

        CheckMembers(root, "the document", ["Version", "Id", "Statement"]);
        if (!root.TryGetProperty("Version", out var version)
            || version.ValueKind != JsonValueKind.String
            || version.GetString() is not ("2012-10-17" or "2008-10-17"))
        {
            throw Malformed("Version must be \"2012-10-17\"");
        }

        if (!root.TryGetProperty("Statement", out var statement))
        {
            throw Malformed("Statement is missing");
        }

        var statements = statement.ValueKind == JsonValueKind.Array ? statement.EnumerateArray().ToList() : [statement];
        return statements.Count == 0
            ? throw Malformed("Statement is an empty list; at least one statement is needed")
            : statements.ConvertAll(s =>
            {
                if (s.ValueKind != JsonValueKind.Object)
                {
                    throw Malformed("a Statement is not an object");
                }

                CheckMembers(s, "a statement", members);
                return s.TryGetProperty("Sid", out var sid) && sid.ValueKind != JsonValueKind.String ? throw Malformed("Sid must be a string") : read(s);
            });
    }

    /// <summary>Whether a statement allows; otherwise it denies. Case is ignored: the AWS guide itself writes ALLOW.</summary>
    /// <exception cref="RefusedException">MalformedPolicy: Effect is neither.</exception>
    public static bool Allows(JsonElement statement)
    {
        var effect = statement.TryGetProperty("Effect", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return string.Equals(effect, "Allow", StringComparison.OrdinalIgnoreCase)
            || (string.Equals(effect, "Deny", StringComparison.OrdinalIgnoreCase) ? false : throw Malformed("Effect must be Allow or Deny"));
    }

    /// <summary>Reads a string or a list of strings; false for anything else, and for an empty list.</summary>
    public static bool Texts(JsonElement value, out List<string> texts)
    {
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToList() : [value];
        texts = [.. items.Where(i => i.ValueKind == JsonValueKind.String).Select(i => i.GetString()!)];
        return items.Count > 0 && texts.Count == items.Count;
    }

    public static RefusedException Malformed(string what) => new(RefusalKind.MalformedPolicy, $"The policy document is malformed: {what}.");

    private static JsonDocument Parse(string text)
    {
        try
        {
            return Unicode.HasHalfPair(Encoding.UTF8.GetBytes(text))
                ? throw Malformed("a string in it holds half of a surrogate pair, such as \\ud83d without the \\ude00 that would make it a character")
                : JsonDocument.Parse(text, _strict);
        }
        catch (JsonException failure)
        {
            // Duplicate members are rejected too: a reader would see only one of them.
            throw Malformed(
                failure.LineNumber is { } line
                    ? $"it is not JSON (line {line + 1}, byte {failure.BytePositionInLine})"
                    : $"it is not JSON: {Readable.Truncate(failure.Message)}");
        }
    }

    private static void CheckMembers(JsonElement element, string what, IReadOnlyList<string> known)
    {
        foreach (var member in element.EnumerateObject())
        {
            if (!known.Contains(member.Name, StringComparer.Ordinal))
            {
                throw Malformed($"{what} has '{Readable.Truncate(member.Name)}'; {string.Join(", ", known.SkipLast(1))} and {known[^1]} are supported");
            }
        }
    }
}
