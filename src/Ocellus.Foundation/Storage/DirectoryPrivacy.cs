namespace Ocellus.Storage;

/// <summary>Keeps a data directory from other users of the machine, and from the repository that it may lie in.</summary>
internal static class DirectoryPrivacy
{
    private const string GitIgnore = ".gitignore";

    /// <summary>Folders of a data directory; a file system's own folder may be beside them.</summary>
    private static readonly string[] _folders = ["jobs", "models", "objects", "damaged", "drawings", ".backup", "lost+found"];

    /// <summary>Files of a data directory that hold what is secret or someone's data. Their number does not grow.</summary>
    private static readonly string[] _files = ["credentials", "secret.key", "ocellus.db", "ocellus.db-wal", "ocellus.db-shm", "lock"];

    /// <summary>Makes the folder, for its owner only, unless it is there.</summary>
    public static void Create(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, FileSystem.PrivateFolder);
        }
    }

    /// <summary>
    /// Takes others' rights away from the folder and from what lies right in it. What lies deeper nobody reaches then, so a store of any size costs nothing.
    /// </summary>
    /// <returns>What could not be done, in sentences.</returns>
    public static IReadOnlyList<string> Mend(string path)
    {
        List<string> warnings = [], open = [];
        foreach (var (name, mode) in _files.Select(f => (f, FileSystem.PrivateFile)).Concat(_folders.SkipLast(1).Select(f => (f, FileSystem.PrivateFolder))))
        {
            if (!FileSystem.TryMakePrivate(Path.Combine(path, name), mode))
            {
                open.Add(name);
            }
        }

        if (Stranger(path) is { } other)
        {
            if (IsOpen(path))
            {
                warnings.Add(
                    $"{path} also holds '{other}', so its rights ({Mode(path)}) stay, and other users of this machine can see the names in it. Give the "
                        + $"server a folder of its own with --data.");
            }
        }
        else
        {
            if (!FileSystem.TryMakePrivate(path, FileSystem.PrivateFolder))
            {
                open.Insert(0, ".");
            }

            Ignore(path);
        }

        if (open.Count > 0)
        {
            warnings.Add(
                $"Other users of this machine may be able to read {string.Join(", ", open.Select(name => name == "." ? path : Path.Combine(path, name)))}: "
                    + $"the rights cannot be taken from them, because the file system keeps none or the owner is someone else. Give the server a folder of "
                    + $"its own with --data, or `chmod -R go= {path}` as its owner.");
        }

        return warnings;
    }

    /// <summary>Images, keys and secrets must not be added to a repository that the folder lies in.</summary>
    private static void Ignore(string path)
    {
        var file = Path.Combine(path, GitIgnore);
        if (!File.Exists(file))
        {
            try
            {
                File.WriteAllText(file, "# What a server keeps is for no repository: images, keys, secrets.\n*\n");
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // What comes next needs to write too, and says what is wrong.
            }
        }
    }

    /// <summary>
    /// A folder in it that is none of a data directory: it is also for something else, as a home or a repository is, and closing it would lock others out.
    /// </summary>
    private static string? Stranger(string path) =>
        Directory.EnumerateDirectories(path).Select(f => Path.GetFileName(f)).FirstOrDefault(name => !_folders.Contains(name, StringComparer.Ordinal));

    private static bool IsOpen(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~FileSystem.PrivateFolder) != 0;

    private static string Mode(string path) => OperatingSystem.IsWindows() ? "" : Convert.ToString((int)File.GetUnixFileMode(path), 8).PadLeft(4, '0');
}
