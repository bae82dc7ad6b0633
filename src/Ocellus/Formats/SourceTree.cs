using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Formats;

/// <summary>A file of a source.</summary>
/// <param name="tree">The source.</param>
/// <param name="name">Relative to the source, with slashes.</param>
internal sealed class SourceFile(SourceTree tree, string name)
{
    /// <summary>Name relative to the source, with slashes.</summary>
    public string Name { get; } = name;

    /// <summary>The last part of the name.</summary>
    public string BaseName => Name[(Name.LastIndexOf('/') + 1)..];

    /// <summary>The folder, without a slash at its end; empty for the source itself.</summary>
    public string Folder => Name.LastIndexOf('/') is > 0 and var slash ? Name[..slash] : "";

    /// <summary>The suffix in lower case, with its dot.</summary>
    public string Extension => Path.GetExtension(Name).ToLowerInvariant();

    /// <summary>The file on disk; null for a member of an archive.</summary>
    public string? PathOnDisk => tree.PathOnDisk(Name);

    /// <summary>Bytes of the file.</summary>
    public long Length => tree.Length(Name);

    /// <exception cref="InvalidDataException">A member of an archive that is damaged or too large.</exception>
    public Stream OpenRead() => tree.Open(Name);

    /// <summary>Size and orientation of a picture, where the tree knows them without reading it; otherwise null.</summary>
    public ImageHeader? KnownHeader => tree.KnownHeader(Name);

    public override string ToString() => Name;
}

/// <summary>The files of a source: a folder or an archive. Nothing outside it can be named.</summary>
internal abstract class SourceTree(SourceLimits limits) : IDisposable
{
    private static readonly HashSet<string> _imageExtensions = new(StringComparer.Ordinal)
    {
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".avif",
    };

    private IReadOnlyList<SourceFile>? _files;

    protected SourceLimits Limits { get; } = limits;

    /// <summary>All files but hidden ones, sorted by name within each folder.</summary>
    /// <exception cref="CommandRefusedException">There are more than a source may have.</exception>
    public IReadOnlyList<SourceFile> Files(Findings findings)
    {
        if (_files is null)
        {
            var files = new List<SourceFile>();
            foreach (var name in Names(findings))
            {
                if (files.Count == Limits.FilesMax)
                {
                    throw new CommandRefusedException($"The source has more than {Limits.FilesMax:N0} files. Name the folder of the images alone.");
                }

                files.Add(new SourceFile(this, name));
            }

            _files = files;
        }

        return _files;
    }

    /// <summary>Whether a name is that of a picture, of any format.</summary>
    public static bool IsImage(string name) => _imageExtensions.Contains(Path.GetExtension(name).ToLowerInvariant());

    /// <summary>A name with slashes, without <c>.</c> and <c>..</c>; null if it leads out of the source.</summary>
    public static string? Normalize(string folder, string name)
    {
        var parts = new List<string>();
        foreach (var part in $"{folder}/{name.Replace('\\', '/')}".Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Contains('\0', StringComparison.Ordinal))
            {
                return null;
            }

            if (part == ".." && parts.Count == 0)
            {
                return null;
            }

            if (part == "..")
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    public abstract string? PathOnDisk(string name);

    public abstract long Length(string name);

    public abstract Stream Open(string name);

    public virtual ImageHeader? KnownHeader(string name) => null;

    public virtual void Dispose()
    {
    }

    protected abstract IEnumerable<string> Names(Findings findings);

    /// <summary>Files that systems leave behind, and that nobody means.</summary>
    protected static bool IsHidden(string part) => part.StartsWith('.') || part is "__MACOSX" or "Thumbs.db" or "desktop.ini";
}

/// <summary>A folder on disk.</summary>
internal sealed class FolderTree(string root, SourceLimits limits) : SourceTree(limits)
{
    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    /// <summary>Where links lead: what is read is what was judged, and not what a link in the link's own path makes of it.</summary>
    private readonly Dictionary<string, string> _targets = new(StringComparer.Ordinal);

    public override string? PathOnDisk(string name) => _targets.GetValueOrDefault(name) ?? Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));

    public override long Length(string name) => new FileInfo(PathOnDisk(name)!).Length;

    public override Stream Open(string name) => new FileStream(PathOnDisk(name)!, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);

    protected override IEnumerable<string> Names(Findings findings) => Walk(_root, "", 0, findings);

    private IEnumerable<string> Walk(string folder, string prefix, int depth, Findings findings)
    {
        if (depth > Limits.DepthMax)
        {
            findings.Error(
                "too-deep", new(prefix), $"{prefix} is more than {Limits.DepthMax} folders deep and was not read.", "Move the images nearer to the source.");
            yield break;
        }

        foreach (var entry in Entries(folder, prefix, findings))
        {
            var name = prefix + entry.Name;
            if (entry.LinkTarget is not null && !LeadsInside(entry, name))
            {
                findings.Warn(
                    "link-outside", new(name), $"{name} is a link that leads out of the source and was not followed.",
                    "Copy what it leads to, or name the folder above both.");
            }
            else if (entry is FileInfo)
            {
                yield return name;
            }
            else if (entry.LinkTarget is null)
            {
                foreach (var inner in Walk(entry.FullName, name + "/", depth + 1, findings))
                {
                    yield return inner;
                }
            }
        }
    }

    private static FileSystemInfo[] Entries(string folder, string prefix, Findings findings)
    {
        try
        {
            var entries = new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(e => !IsHidden(e.Name)).ToArray();
            Array.Sort(entries, (a, b) => string.CompareOrdinal(a.Name, b.Name));
            return entries;
        }
        catch (UnauthorizedAccessException) when (prefix.Length > 0)
        {
            findings.Warn("closed-folder", new(prefix), $"{prefix} may not be read and was passed over.", "Give this user the right to read it.");
            return [];
        }
    }

    private bool LeadsInside(FileSystemInfo link, string name)
    {
        try
        {
            if (link.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true } target || !IsInside(target.FullName))
            {
                return false;
            }

            // A folder on the way that is itself a link may lead anywhere.
            for (var around = Path.GetDirectoryName(target.FullName)!; IsInside(around); around = Path.GetDirectoryName(around)!)
            {
                if (new DirectoryInfo(around).LinkTarget is not null)
                {
                    return false;
                }
            }

            _targets[name] = target.FullName;
            return true;
        }
        catch (IOException)
        {
            // Links in a circle.
            return false;
        }
    }

    private bool IsInside(string path) => path.StartsWith(_root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
