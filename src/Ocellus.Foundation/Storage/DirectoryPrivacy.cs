namespace Ocellus.Storage;

/// <summary>Keeps a data directory private from other users of the machine, and out of a repository that contains it.</summary>
internal static class DirectoryPrivacy
{
    private const string GitIgnore = ".gitignore";

    /// <summary>Folders of a data directory, and the file system's own.</summary>
    private static readonly string[] _folders = ["jobs", "models", "objects", "damaged", "drawings", ".backup", "lost+found"];

    /// <summary>Files of a data directory with secrets or user data. Their number is fixed.</summary>
    private static readonly string[] _files = ["credentials", "secret.key", "ocellus.db", "ocellus.db-wal", "ocellus.db-shm", "lock", "database", "node"];

    /// <summary>Creates the folder, for its owner only, unless it exists.</summary>
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
    /// Removes other users' rights on the folder and its direct entries. Deeper entries are then out of reach, so the cost does not grow with the store.
    /// </summary>
    /// <returns>What could not be restricted, in sentences.</returns>
    public static IReadOnlyList<string> Restrict(string path)
    {
        List<string> warnings = [], open = [];
        foreach (var (name, mode) in _files.Select(f => (f, FileSystem.PrivateFile)).Concat(_folders.SkipLast(1).Select(f => (f, FileSystem.PrivateFolder))))
        {
            if (!FileSystem.TryMakePrivate(Path.Combine(path, name), mode))
            {
                open.Add(name);
            }
        }

        if (ForeignFolder(path) is { } other)
        {
            if (IsOpen(path))
            {
                warnings.Add(
                    $"{path} also holds '{other}', so its permissions ({Mode(path)}) are unchanged, and other users of this machine can see the names in it. "
                        + $"Give the server a folder of its own with --data.");
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
                    + $"the permissions cannot be changed, because the file system has none or another user is the owner. Give the server a folder of "
                    + $"its own with --data, or `chmod -R go= {path}` as its owner.");
        }

        return warnings;
    }

    /// <summary>Images, keys and secrets must not be committed to a repository that contains the folder.</summary>
    private static void Ignore(string path)
    {
        var file = Path.Combine(path, GitIgnore);
        if (!File.Exists(file))
        {
            try
            {
                File.WriteAllText(file, "# A server's data does not belong in a repository: images, keys, secrets.\n*\n");
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // The next step writes too, and reports the problem.
            }
        }
    }

    /// <summary>
    /// A folder that does not belong to a data directory. If there is one, the path has another use, as a home or a repository, and restricting it could lock
    /// others out.
    /// </summary>
    private static string? ForeignFolder(string path) =>
        Directory.EnumerateDirectories(path).Select(f => Path.GetFileName(f)).FirstOrDefault(name => !_folders.Contains(name, StringComparer.Ordinal));

    private static bool IsOpen(string path) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~FileSystem.PrivateFolder) != 0;

    private static string Mode(string path) => OperatingSystem.IsWindows() ? "" : Convert.ToString((int)File.GetUnixFileMode(path), 8).PadLeft(4, '0');
}
