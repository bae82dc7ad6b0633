namespace Ocellus.Encodings;

/// <summary>Finds the name that a misspelt one was meant to be.</summary>
internal static class Nearest
{
    /// <summary>Edits that still make a name a misspelling of another.</summary>
    private const int EditsMax = 3;

    /// <summary>The name that takes the fewest edits, at most three and fewer than half of the text; null if there is none.</summary>
    public static string? Of(string text, IEnumerable<string> names) =>
        names.Select(name => (Name: name, Edits: Distance(text, name))).Where(n => n.Edits <= EditsMax && 2 * n.Edits < text.Length)
            .OrderBy(n => n.Edits).ThenBy(n => n.Name, StringComparer.Ordinal).Select(n => n.Name).FirstOrDefault();

    /// <summary>Levenshtein distance, upper and lower case alike.</summary>
    internal static int Distance(string first, string second)
    {
        var row = Enumerable.Range(0, second.Length + 1).ToArray();
        for (var i = 1; i <= first.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= second.Length; j++)
            {
                var replaced = diagonal + (char.ToUpperInvariant(first[i - 1]) == char.ToUpperInvariant(second[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
