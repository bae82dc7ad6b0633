using Ocellus.Encodings;

namespace Ocellus.Settings;

/// <summary>Settings that nothing reads: a misspelt one would have no effect, and nobody would notice.</summary>
internal static partial class UnknownSettings
{
    private const string Root = "Ocellus";

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
            .Select(key => (key, Nearest.Of(key, known)));
    }

    [LoggerMessage(1011, LogLevel.Warning, "There is no setting {Name}, so it has no effect{Nearest}")]
    private static partial void Unknown(ILogger log, string name, string nearest);
}
