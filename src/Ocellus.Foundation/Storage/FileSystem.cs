using System.Runtime.InteropServices;

namespace Ocellus.Storage;

/// <summary>File system calls that .NET lacks: syncing a folder, hard links, and the umask.</summary>
internal static class FileSystem
{
    /// <summary>EEXIST on Linux, macOS and the BSDs.</summary>
    private const int FileExists = 17;

    /// <summary>ERROR_ALREADY_EXISTS.</summary>
    private const int WindowsAlreadyExists = 183;

    /// <summary>A file that only its owner may read and write.</summary>
    public const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A folder that only its owner may list.</summary>
    public const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;

    /// <summary>A disk with less counts as full: a checkpoint or a model needs about this much.</summary>
    private const long FreeBytesMin = 16 << 20;

    /// <summary>
    /// Makes every file and folder that this process creates from now on private to its user, regardless of the user's umask. This includes those of SQLite,
    /// libtorch and child processes.
    /// </summary>
    public static void KeepPrivate()
    {
        if (!OperatingSystem.IsWindows())
        {
            // The bits of group and others.
            _ = Umask(0b111_111);
        }
    }

    /// <summary>Removes other users' rights on a file or folder. False if they remain: the file system has no modes, or another user owns the file.</summary>
    /// <param name="path">The file or folder. True if it does not exist.</param>
    /// <param name="mode">The new mode.</param>
    public static bool TryMakePrivate(string path, UnixFileMode mode)
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        if (OperatingSystem.IsWindows())
        {
            return true;
        }

        try
        {
            if ((File.GetUnixFileMode(path) & others) == 0)
            {
                return true;
            }

            File.SetUnixFileMode(path, mode);
            return (File.GetUnixFileMode(path) & others) == 0;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether a folder's disk has space for more than a few small files.</summary>
    public static bool HasRoom(string path) => new DriveInfo(path).AvailableFreeSpace >= FreeBytesMin;

    /// <summary>Makes a folder's entries durable: names that were added, renamed or removed.</summary>
    /// <remarks>
    /// Flushing a file makes its content durable, but not its name, which belongs to the folder: after a power cut, a file that was flushed and renamed may be
    /// missing or have its old name. POSIX requires fsync on the folder, and .NET cannot open folders, hence the calls to the C library. Windows has no such
    /// call and needs none: NTFS journals renames in order.
    /// </remarks>
    /// <exception cref="IOException">The folder cannot be opened or flushed: recent changes in it may be lost.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // O_RDONLY is 0 everywhere, and the only mode in which a folder can be opened.
        var handle = Open(path, 0);
        if (handle < 0)
        {
            throw Failure("open", path);
        }

        try
        {
            if (Fsync(handle) != 0)
            {
                throw Failure("flush", path);
            }
        }
        finally
        {
            _ = Close(handle);
        }
    }

    /// <summary>Makes all previous writes durable: for many files far faster than one by one.</summary>
    public static void SyncAll()
    {
        if (!OperatingSystem.IsWindows())
        {
            Sync();
        }
    }

    /// <summary>Creates a folder and its parents, durably.</summary>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        var parent = Path.GetDirectoryName(path)!;
        CreateFolder(parent);
        Directory.CreateDirectory(path);
        SyncFolder(parent);
    }

    /// <summary>Creates a hard link. False if the file system cannot: another volume, or no support for links.</summary>
    /// <exception cref="IOException">The new name exists already.</exception>
    public static bool TryHardLink(string existing, string link)
    {
        if (OperatingSystem.IsWindows() ? CreateHardLink(link, existing, 0) : Link(existing, link) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() is FileExists or WindowsAlreadyExists
            ? throw new IOException($"The file {link} exists already.")
            : false;
    }

    /// <summary>
    /// Creates a folder with the same files as another, durably: as hard links where the file system supports them, otherwise as copies. The files must never
    /// be modified in place.
    /// </summary>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    public static void LinkFolder(string existing, string target)
    {
        var files = Directory.GetFiles(existing);
        CreateFolder(target);
        foreach (var file in files)
        {
            var name = Path.Combine(target, Path.GetFileName(file));
            if (!TryHardLink(file, name))
            {
                File.Copy(file, name);
                using var copy = File.Open(name, FileMode.Open, FileAccess.ReadWrite);
                copy.Flush(flushToDisk: true);
            }
        }

        SyncFolder(target);
    }

    /// <summary>Removes a folder and its content, if it exists.</summary>
    public static void RemoveFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Creates a file that only its owner may read, replacing an existing one.</summary>
    public static FileStream CreatePrivate(string path)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = PrivateFile;
        }

        return new FileStream(path, options);
    }

    /// <summary>Writes a file that only its owner may read, atomically and durably.</summary>
    /// <exception cref="IOException">The file exists and must not be overwritten, or it cannot be written.</exception>
    public static void WritePrivate(string path, ReadOnlySpan<byte> content, bool overwrite)
    {
        var temporary = path + ".new";
        using (var stream = CreatePrivate(temporary))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite);
        SyncFolder(Path.GetDirectoryName(path)!);
    }

    private static IOException Failure(string what, string path) =>
        new($"Cannot {what} the folder {path}: {Marshal.GetLastPInvokeErrorMessage()}.");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Fsync(int handle);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);

    [DllImport("libc", EntryPoint = "sync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void Sync();

    [DllImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint Umask(uint mask);

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string link);

    [DllImport("kernel32", EntryPoint = "CreateHardLinkW", CharSet = CharSet.Unicode, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateHardLink(string link, string existing, nint security);
}
