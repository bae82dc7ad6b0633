namespace Ocellus.Formats;

/// <summary>Finds the picture that a description names: descriptions are moved, renamed and unpacked elsewhere more often than they are mended.</summary>
internal sealed class PictureIndex
{
    // Made when they are needed first: a folder a label names no picture.
    private readonly Lazy<Dictionary<string, SourceFile>> _byName;
    private readonly Lazy<ILookup<string, SourceFile>> _byBase, _byStem;

    /// <param name="files">All files of the source; those that are no pictures are passed over.</param>
    public PictureIndex(IReadOnlyList<SourceFile> files)
    {
        Pictures = [.. files.Where(f => SourceTree.IsImage(f.Name))];
        _byName = new(() => Pictures.ToDictionary(f => f.Name, StringComparer.Ordinal));
        _byBase = new(() => Pictures.ToLookup(f => f.BaseName, StringComparer.OrdinalIgnoreCase));
        _byStem = new(() => Pictures.ToLookup(f => Path.GetFileNameWithoutExtension(f.BaseName), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>All pictures, in the source's order.</summary>
    public IReadOnlyList<SourceFile> Pictures { get; }

    /// <summary>The picture that a name means, and the name under which it is known.</summary>
    /// <param name="named">A path, or an address whose path ends like the picture's name.</param>
    /// <param name="folder">Folder that it is most likely relative to.</param>
    /// <param name="split">Which of several pictures is meant, if their folders tell.</param>
    /// <returns>
    /// <c>Found</c> is null if there is none; then <c>Name</c> is what to call it, empty if the name leads out of the source, and <c>Rivals</c> the number of
    /// pictures that could be meant.
    /// </returns>
    public (SourceFile? Found, string Name, int Rivals) Find(string named, string folder, Split split)
    {
        var text = PathOf(named);
        var inFolder = SourceTree.Normalize(folder, text);
        if (inFolder is not null && _byName.Value.TryGetValue(inFolder, out var found))
        {
            return (found, found.Name, 0);
        }

        // Some tools write '../train/images' where 'train/images' would be right; what leads out of the source is taken from its top.
        var clean = SourceTree.Normalize("", string.Join('/', text.Replace('\\', '/').Split('/').SkipWhile(p => p is ".." or ".")));
        if (string.IsNullOrEmpty(clean))
        {
            return (null, "", 0);
        }

        if (_byName.Value.TryGetValue(clean, out found))
        {
            return (found, found.Name, 0);
        }

        return Longest(clean, folder, split) switch
        {
            ([var only], _) => (only, only.Name, 0),
            ({ Count: > 1 } rivals, _) => (null, inFolder ?? clean, rivals.Count),
            _ => (null, inFolder ?? clean, 0),
        };
    }

    /// <summary>The pictures whose names share the longest end with a name.</summary>
    private (IReadOnlyList<SourceFile> Best, int Parts) Longest(string name, string folder, Split split)
    {
        var parts = name.Split('/');
        List<SourceFile> candidates = [.. _byBase.Value[parts[^1]]];
        if (candidates.Count == 0 && !SourceTree.IsImage(parts[^1]))
        {
            // Tables and exports often name pictures by an id, without a suffix.
            candidates = [.. _byStem.Value[parts[^1]]];
        }

        if (candidates.Count <= 1)
        {
            return (candidates, 1);
        }

        var exact = candidates.FindAll(c => c.BaseName == parts[^1]);
        candidates = exact.Count > 0 ? exact : candidates;
        var shared = candidates.ConvertAll(c => Shared(c.Name.Split('/'), parts));
        var most = shared.Max();
        candidates = [.. candidates.Where((_, i) => shared[i] == most)];
        if (candidates.Count > 1 && split != Split.None && candidates.FindAll(c => SplitNames.OfPath(c.Name) == split) is { Count: > 0 } ofSplit)
        {
            candidates = ofSplit;
        }

        if (candidates.Count > 1
            && candidates.FindAll(c => folder.Length == 0 || c.Name.StartsWith(folder + "/", StringComparison.Ordinal)) is { Count: 1 } near)
        {
            candidates = near;
        }

        return (candidates, most);
    }

    private static int Shared(string[] a, string[] b)
    {
        var count = 0;
        while (count < a.Length && count < b.Length && a[^(count + 1)] == b[^(count + 1)])
        {
            count++;
        }

        return count;
    }

    /// <summary>The path of an address such as <c>s3://bucket/a.jpg</c> or <c>/data/local-files/?d=a.jpg</c>; nothing is fetched.</summary>
    private static string PathOf(string named)
    {
        var text = named.Trim();
        if (text.Contains("?d=", StringComparison.Ordinal))
        {
            return Uri.UnescapeDataString(text[(text.IndexOf("?d=", StringComparison.Ordinal) + 3)..]);
        }

        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme is <= 0 or > 8)
        {
            return text;
        }

        var path = text[(scheme + 3)..];
        path = text.StartsWith("http", StringComparison.OrdinalIgnoreCase) ? Uri.UnescapeDataString(path.Split('?', '#')[0]) : path;
        return path.IndexOf('/') is >= 0 and var slash ? path[(slash + 1)..] : path;
    }
}
