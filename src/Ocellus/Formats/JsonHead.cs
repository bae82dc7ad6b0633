using System.Text.Json;

namespace Ocellus.Formats;

/// <summary>The names of the members at the beginning of a JSON document, as far as the head goes: <c>images</c>, <c>images[].file_name</c>,
/// <c>[].data</c>.</summary>
internal static class JsonHead
{
    /// <summary>Bytes of a document that are looked at.</summary>
    public const int Bytes = 1 << 16;

    private const int DepthMax = 4;

    /// <summary>The paths; empty for what is no JSON. An object whose members are named by data adds <c>*</c> for each, as in <c>*.regions</c>.</summary>
    public static HashSet<string> Paths(ReadOnlySpan<byte> head)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(
            head, isFinalBlock: false, new JsonReaderState(new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip }));
        var stack = new List<string>();
        var name = "";
        try
        {
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        name = reader.GetString()!;
                        Add(paths, stack, name);
                        break;
                    case JsonTokenType.StartObject:
                        stack.Add(name);
                        name = "";
                        break;
                    case JsonTokenType.StartArray:
                        stack.Add(name + "[]");
                        paths.Add(string.Join('.', stack.Where(s => s.Length > 0)));
                        name = "";
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        stack.RemoveAt(stack.Count - 1);
                        name = "";
                        break;
                    default:
                        name = "";
                        break;
                }
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // What was read before may be enough.
        }

        return paths;
    }

    private static void Add(HashSet<string> paths, List<string> stack, string name)
    {
        List<string> parts = [.. stack.Where(s => s.Length > 0), name];
        if (parts.Count > DepthMax)
        {
            return;
        }

        paths.Add(string.Join('.', parts).Replace("[].[]", "[][]", StringComparison.Ordinal));
        if (parts.Count == 2 && !parts[0].EndsWith("[]", StringComparison.Ordinal))
        {
            paths.Add($"*.{name}");
        }
        else if (parts.Count == 3 && parts[0] == "_via_img_metadata")
        {
            paths.Add($"*.{name}");
        }
    }
}
