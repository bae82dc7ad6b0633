using System.Runtime.InteropServices;

namespace Ocellus.Storage;

/// <summary>What .NET has no call for: making a folder's entries durable, and hard links.</summary>
internal static class FileSystem
{
    /// <summary>EEXIST, the same on Linux, macOS and the BSDs.</summary>
    private const int FileExists = 17;

    /// <summary>ERROR_ALREADY_EXISTS.</summary>
    private const int WindowsAlreadyExists = 183;

    /// <summary>Less is as good as nothing: a checkpoint or a model needs about so much.</summary>
    private const long RoomMin = 16 << 20;

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

    /// <summary>Makes a folder with the same files as another, durably: hard links where the file system has them, else copies. The files must never be written in place.</summary>
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

    /// <summary>Writes a file that only its owner may read; it appears whole or not at all, and its name is durable.</summary>
    /// <exception cref="IOException">There is such a file and it is not to be overwritten, or the disk does not take it.</exception>
    public static void WritePrivate(string path, ReadOnlySpan<byte> content, bool overwrite)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(temporary, options))
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

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link([MarshalAs(UnmanagedType.LPUTF8Str)] string existing, [MarshalAs(UnmanagedType.LPUTF8Str)] string link);

    [DllImport("kernel32", EntryPoint = "CreateHardLinkW", CharSet = CharSet.Unicode, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static extern bool CreateHardLink(string link, string existing, nint security);
}
