using System.Text;
using System.Text.Json;

namespace Ocellus.Console.Calls;

/// <summary>Writes a call as a command line of the AWS CLI, for a POSIX shell.</summary>
internal static class CliLine
{
    /// <summary>The command line, percent-encoded for a header; null if it is longer than <paramref name="max"/> characters.</summary>
    public static string? Of(string operation, ReadOnlySpan<byte> request, int max)
    {
        // Encoding makes nothing shorter.
        if (request.Length > max)
        {
            return null;
        }

        using var json = JsonDocument.Parse(request.IsEmpty ? "{}"u8.ToArray() : request.ToArray());
        var line = Uri.EscapeDataString(Of(operation, json.RootElement));
        return line.Length <= max ? line : null;
    }

    /// <summary>Such as <c>aws rekognition create-project --project-name cells</c>.</summary>
    public static string Of(string operation, JsonElement request)
    {
        var line = new StringBuilder("aws rekognition ").Append(Kebab(operation));
        foreach (var member in request.EnumerateObject().Where(m => m.Value.ValueKind != JsonValueKind.Null))
        {
            line.Append(" --").Append(Kebab(member.Name)).Append(' ').Append(Quote(Value(member.Value)));
        }

        return line.ToString();
    }

    private static string Value(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    /// <summary>As botocore does: <c>ProjectVersionArn</c> becomes <c>project-version-arn</c>.</summary>
    private static string Kebab(string name)
    {
        var kebab = new StringBuilder(name.Length + 8);
        foreach (var (i, c) in name.Index())
        {
            if (i > 0 && char.IsAsciiLetterUpper(c) && !char.IsAsciiLetterUpper(name[i - 1]))
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(c));
        }

        return kebab.ToString();
    }

    private static string Quote(string value) =>
        value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or '@' or '=' or ',')
            ? value
            : "'" + value.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
