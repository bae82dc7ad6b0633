using System.Buffers;
using System.Globalization;

namespace Ocellus.Formats.Writers;

/// <summary>Names for pictures that any file system takes, each once: also where letters differ in case only, or, on request, in their suffix only.</summary>
/// <param name="isByStem">Two names that differ only in their suffix are the same, since their labels would be in one file.</param>
internal sealed class OutputNames(bool isByStem)
{
    private static readonly SearchValues<char> _unwanted = SearchValues.Create([.. "<>:\"|?*\\", .. Enumerable.Range(0, ' ').Select(c => (char)c)]);

    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, int> _copies = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The folder of a split below the folder of images.</summary>
    public static string Folder(string images, Split split) => split == Split.None ? images : $"{images}/{split.Name()}";

    /// <summary>A name like the one given, below the folder given.</summary>
    /// <remarks>Folders that only say that images are in them are left out, so that data that are converted there and back do not get deeper each
    /// time.</remarks>
    public string Unique(string folder, string name)
    {
        var given = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var parts = given[..^1].SkipWhile(IsLayout).Append(given[^1]).Select(Clean).ToArray();
        var clean = string.Join('/', parts);
        clean = folder.Length > 0 ? $"{folder}/{clean}" : clean;
        var (stem, suffix) = (clean[..^Path.GetExtension(clean).Length], Path.GetExtension(clean));
        var key = isByStem ? stem : stem + suffix;
        for (var copy = _copies.GetValueOrDefault(key, 2); !_taken.Add(isByStem ? stem : stem + suffix); copy++)
        {
            // Of a hundred thousand of one name each would try all numbers before its own.
            _copies[key] = copy + 1;
            stem = string.Create(CultureInfo.InvariantCulture, $"{clean[..^suffix.Length]}-{copy}");
        }

        return stem + suffix;
    }

    /// <summary>A part of a name without what a file system may refuse.</summary>
    public static string Clean(string part)
    {
        if (part.Length > 0 && part[^1] is not (' ' or '.') && part.AsSpan().IndexOfAny(_unwanted) < 0)
        {
            return part;
        }

        var text = new string([.. part.Select(c => _unwanted.Contains(c) ? '_' : c)]).TrimEnd(' ', '.');
        return text.Length == 0 ? "_" : text;
    }

    private static bool IsLayout(string part) =>
        part.ToLowerInvariant() is "images" or "jpegimages" or "data" || SplitNames.Of(part) is Split.Train or Split.Validation or Split.Test;
}
