using System.Runtime.InteropServices;

namespace Ocellus.Storage;

/// <summary>What .NET has no call for: making a folder's entries durable, hard links, and the mask of new files' modes.</summary>
internal static class FileSystem
{
    /// <summary>EEXIST, the same on Linux, macOS and the BSDs.</summary>
    private const int FileExists = 17;

    /// <summary>ERROR_ALREADY_EXISTS.</summary>
    private const int WindowsAlreadyExists = 183;

    /// <summary>What its owner alone may read and write.</summary>
    public const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A folder that its owner alone may look into.</summary>
    public const UnixFileMode PrivateFolder = PrivateFile | UnixFileMode.UserExecute;

    /// <summary>Less is as good as nothing: a checkpoint or a model needs about so much.</summary>
    private const long RoomMin = 16 << 20;

    /// <summary>
    /// From now on every file and folder that this process makes is its user's alone, whatever the user's own mask: those of SQLite, libtorch and the processes
    /// that are started too, and from their first moment on.
    /// </summary>
    public static void KeepPrivate()
    {
        if (!OperatingSystem.IsWindows())
        {
            // The bits of group and others.
            _ = Umask(0b111_111);
        }
    }

    /// <summary>
    /// Takes others' rights on a file or folder away; says whether they have none now. A file system without modes, and another's file, leave them.
    /// </summary>
    /// <param name="path">What is there; what is not has no rights.</param>
    /// <param name="mode">The rights that it is to have.</param>
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

    /// <summary>Whether the disk of a folder has room for more than a few small files.</summary>
    public static bool HasRoom(string path) => new DriveInfo(path).AvailableFreeSpace >= RoomMin;

    /// <summary>Makes the entries of a folder durable: names that were added, renamed or removed.</summary>
    /// <remarks>
    /// Flushing a file makes its content durable and says nothing of its name, which is the folder's content: after a power
    /// cut a file that was flushed and renamed may still be absent or have its old name. POSIX asks for fsync on the folder,
    /// and .NET refuses to open one (its FileStream is for files only), hence the calls to the C library. Windows has no such
    /// call and needs none: NTFS writes renames to its journal in order.
    /// </remarks>
    /// <exception cref="IOException">The folder cannot be opened or flushed: what was written into it may be lost.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // O_RDONLY is 0 everywhere; a folder can be opened in no other way.
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

    /// <summary>Makes everything durable that was written until now: for many files far faster than one by one.</summary>
    public static void SyncAll()
    {
        if (!OperatingSystem.IsWindows())
        {
            Sync();
        }
    }

    /// <summary>Makes a folder and those above it, durably.</summary>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        var above = Path.GetDirectoryName(path)!;
        CreateFolder(above);
        Directory.CreateDirectory(path);
        SyncFolder(above);
    }

    /// <summary>Gives a file a second name. False when the file system cannot: another volume, or one without links.</summary>
    /// <exception cref="IOException">The new name is taken.</exception>
    public static bool TryHardLink(string existing, string link)
    {
        if (OperatingSystem.IsWindows() ? CreateHardLink(link, existing, 0) : Link(existing, link) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() is FileExists or WindowsAlreadyExists
            ? throw new IOException($"The file {link} is there already.")
            : false;
    }

    /// <summary>
    /// Makes a folder with the same files as another, durably: hard links where the file system has them, else copies. The files must never be written in
    /// place.
    /// </summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
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

    /// <summary>Removes a folder with what is in it, if there is one.</summary>
    public static void RemoveFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Makes a file that only its owner may read, or empties the one that is there.</summary>
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

    /// <summary>Writes a file that only its owner may read; it appears whole or not at all, and its name is durable.</summary>
    /// <exception cref="IOException">There is such a file and it is not to be overwritten, or the disk does not take it.</exception>
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
