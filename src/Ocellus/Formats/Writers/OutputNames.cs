using System.Globalization;

namespace Ocellus.Formats.Writers;

/// <summary>Names for pictures that any file system takes, each once: also where letters differ in case only, or, on request, in their suffix only.</summary>
/// <param name="isByStem">Two names that differ only in their suffix are the same, since their labels would be in one file.</param>
internal sealed class OutputNames(bool isByStem)
{
    private static readonly HashSet<char> _unwanted = [.. "<>:\"|?*\\"];

    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A name like the one given, below the folder given.</summary>
    public string Unique(string folder, string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Clean).ToArray();
        var clean = string.Join('/', parts);
        clean = folder.Length > 0 ? $"{folder}/{clean}" : clean;
        var (stem, suffix) = (clean[..^Path.GetExtension(clean).Length], Path.GetExtension(clean));
        for (var copy = 2; !_taken.Add(isByStem ? stem : stem + suffix); copy++)
        {
            stem = string.Create(CultureInfo.InvariantCulture, $"{clean[..^suffix.Length]}-{copy}");
        }

        return stem + suffix;
    }

    /// <summary>A part of a name without what a file system may refuse.</summary>
    public static string Clean(string part)
    {
        var text = new string([.. part.Select(c => c < ' ' || _unwanted.Contains(c) ? '_' : c)]).TrimEnd(' ', '.');
        return text.Length == 0 ? "_" : text;
    }
}
