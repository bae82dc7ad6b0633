namespace Ocellus.Settings;

/// <summary>Settings that nothing reads: a misspelt one would have no effect, and nobody would notice.</summary>
internal static partial class UnknownSettings
{
    private const string Root = "Ocellus";

    /// <summary>Edits that still make a name a misspelling of another.</summary>
    private const int EditsMax = 3;

    /// <summary>Writes a warning for each setting below <c>Ocellus</c> that no section has.</summary>
    public static void Warn(IConfiguration configuration, IEnumerable<SettingsSection> sections, ILogger log)
    {
        foreach (var (name, nearest) in Find(configuration, sections))
        {
            Unknown(log, name, nearest is null ? "" : $"; did you mean {nearest}?");
        }
    }

    /// <summary>The settings that no section has, and the one that each is probably a misspelling of.</summary>
    public static IEnumerable<(string Name, string? Nearest)> Find(IConfiguration configuration, IEnumerable<SettingsSection> sections)
    {
        var known = sections.SelectMany(s => s.Type.GetProperties().Where(p => p.CanWrite).Select(p => $"{s.Path}:{p.Name}"))
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        return configuration.GetSection(Root).AsEnumerable().Where(s => s.Value is not null && s.Key.Length > Root.Length)
            // A list's members are below their setting.
            .Select(s => s.Key).Where(key => !known.Contains(key) && !known.Any(k => key.StartsWith(k + ':', StringComparison.OrdinalIgnoreCase)))
            .Select(key => (key, known.Where(k => Distance(key, k) <= EditsMax).MinBy(k => Distance(key, k))));
    }

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

    [LoggerMessage(1011, LogLevel.Warning, "There is no setting {Name}, so it has no effect{Nearest}")]
    private static partial void Unknown(ILogger log, string name, string nearest);
}
