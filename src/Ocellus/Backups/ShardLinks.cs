using System.Text.Json;
using Ocellus.Objects.Files;
using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>A folder of the object store in a snapshot: descriptions and the data that they name, kept up to date by repeated passes.</summary>
/// <param name="folder">The folder of the store.</param>
/// <param name="target">The folder of the snapshot.</param>
internal sealed class ShardLinks(string folder, string target)
{
    /// <summary>
    /// Two changes within this time may leave the same timestamp: what changed so shortly before a pass may have changed again after it. Kernels stamp every 1
    /// to 10 ms, some file systems every 2 s.
    /// </summary>
    private static readonly TimeSpan _stampMax = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Linked> _linked = new(StringComparer.Ordinal);
    private DateTime _stamp;
    private bool _certain;

    /// <summary>Descriptions that cannot be read, or name missing data.</summary>
    public int Damaged => _linked.Values.Count(l => l.Damaged);

    /// <summary>Links a file; false if it is gone.</summary>
    public static bool TryLink(string file, string link)
    {
        if (FileSystem.TryHardLink(file, link))
        {
            return true;
        }

        try
        {
            // No links in this file system, or the file is gone.
            File.Copy(file, link);
            return true;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Brings the snapshot up to date with the folder; returns the number of descriptions linked or removed.</summary>
    /// <param name="final">Nothing changes meanwhile: what is missing now is really missing.</param>
    public int Update(bool final)
    {
        var before = TimeProvider.System.GetUtcNow().UtcDateTime;
        var stamp = Directory.GetLastWriteTimeUtc(folder);
        if (_certain && stamp == _stamp)
        {
            return 0;
        }

        var unsure = false;
        var changed = 0;
        var present = new HashSet<string>(StringComparer.Ordinal);
        Directory.CreateDirectory(target);
        foreach (var file in DescriptionFiles())
        {
            if (!file.Exists)
            {
                continue;
            }

            present.Add(file.Name);
            var now = new Linked(file.LastWriteTimeUtc, file.Length, null, false);
            if (_linked.TryGetValue(file.Name, out var known))
            {
                if (known.Stamp == now.Stamp && known.Length == now.Length && before - now.Stamp > _stampMax)
                {
                    continue;
                }

                Remove(file.Name);
            }

            if (Link(file, now, final) is { } linked)
            {
                _linked[file.Name] = linked;
                changed++;
            }
            else
            {
                present.Remove(file.Name);
                unsure = true;
            }
        }

        foreach (var gone in _linked.Keys.Where(name => !present.Contains(name)).ToList())
        {
            Remove(gone);
            changed++;
        }

        (_stamp, _certain) = (stamp, !unsure && before - stamp > _stampMax);
        return changed;
    }

    /// <summary>Removes the folder from the snapshot.</summary>
    public void Remove()
    {
        FileSystem.RemoveFolder(target);
        _linked.Clear();
    }

    private FileInfo[] DescriptionFiles()
    {
        try
        {
            return new DirectoryInfo(folder).GetFiles("*.json");
        }
        catch (DirectoryNotFoundException)
        {
            // Its bucket was removed.
            return [];
        }
    }

    private Linked? Link(FileInfo file, Linked now, bool final)
    {
        var description = Path.Combine(target, file.Name);
        if (!TryLink(file.FullName, description))
        {
            return null;
        }

        // Read from the link: the name in the store may stand for another description by now.
        if (DataFile(description) is not { } data)
        {
            return now with { Damaged = true };
        }

        if (TryLink(Path.Combine(folder, data), Path.Combine(target, data)))
        {
            return now with { Data = data };
        }

        if (final)
        {
            return now with { Damaged = true };
        }

        File.Delete(description);
        return null;
    }

    private void Remove(string name)
    {
        File.Delete(Path.Combine(target, name));
        if (_linked.Remove(name, out var linked) && linked.Data is { } data)
        {
            File.Delete(Path.Combine(target, data));
        }
    }

    /// <summary>The data file that a description names; null if it is damaged.</summary>
    private static string? DataFile(string description)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(description));
            return json.RootElement.TryGetProperty(StoreFiles.DataFileMember, out var name)
                && name.GetString() is { Length: > 0 } text
                && text == Path.GetFileName(text)
                ? text
                : null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A description as it was linked.</summary>
    private sealed record Linked(DateTime Stamp, long Length, string? Data, bool Damaged);
}
