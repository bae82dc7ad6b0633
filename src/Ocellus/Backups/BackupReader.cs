using System.Formats.Tar;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>What was restored.</summary>
internal sealed record RestoredBackup(BackupDescription Description, int Files, long Bytes);

/// <summary>Extracts a backup. The file may be damaged, cut off or no backup at all; nothing in it is trusted until its checksum matches.</summary>
internal static class BackupReader
{
    /// <summary>Shortest time between two progress lines.</summary>
    private static readonly TimeSpan _progressEvery = TimeSpan.FromSeconds(2);

    /// <summary>Writes the files of a backup into a folder and checks them against its checksums.</summary>
    /// <exception cref="InvalidDataException">It is not a complete backup. The message names the first problem.</exception>
    /// <exception cref="CommandRefusedException">A later version made it.</exception>
    /// <exception cref="IOException">It cannot be read, or the folder cannot be written.</exception>
    public static RestoredBackup Extract(string path, string folder, Action<string> report, CancellationToken cancel)
    {
        using var stream = File.OpenRead(path);
        using var tar = new TarReader(stream, leaveOpen: true);
        var sums = new Dictionary<string, string>(StringComparer.Ordinal);
        BackupDescription? description = null;
        long bytes = 0;
        var reported = TimeProvider.System.GetTimestamp();
        long header = 0;
        while (Next(tar, stream, header, path) is { } entry)
        {
            cancel.ThrowIfCancellationRequested();
            header = TarHeaders.After(entry.DataOffset, entry.Length);
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
            {
                throw Wrong(path, $"'{Readable.Truncate(entry.Name)}' in it is a {entry.EntryType}, and a backup has files only");
            }

            if (description is null)
            {
                description = Describe(path, entry, sums);
                continue;
            }

            if (entry.Name == BackupFormat.Sums)
            {
                Compare(path, entry, sums);
                return Next(tar, stream, header, path) is { } more
                    ? throw Wrong(path, $"'{Readable.Truncate(more.Name)}' comes after its checksums")
                    : new(description, sums.Count - 1, bytes);
            }

            if (!BackupFormat.IsFile(entry.Name))
            {
                throw Wrong(path, $"'{Readable.Truncate(entry.Name)}' in it is not a file of a data directory");
            }

            if (!sums.TryAdd(entry.Name, ""))
            {
                throw Wrong(path, $"'{entry.Name}' is in it twice");
            }

            bytes += entry.Length;
            sums[entry.Name] = Write(path, entry, Path.Combine(folder, entry.Name));
            if (TimeProvider.System.GetElapsedTime(reported) >= _progressEvery)
            {
                reported = TimeProvider.System.GetTimestamp();
                report(string.Create(CultureInfo.InvariantCulture, $"… {stream.Position / 1048576} MB of {stream.Length / 1048576}"));
            }
        }

        throw Wrong(path, description is null ? "it is empty" : $"it ends without {BackupFormat.Sums}: it was cut off");
    }

    private static TarEntry? Next(TarReader tar, Stream stream, long header, string path)
    {
        try
        {
            TarHeaders.Check(stream, header);
            return tar.GetNextEntry();
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException or FormatException or OverflowException or ArgumentException)
        {
            throw Wrong(path, $"it is damaged or cut off ({failure.Message})");
        }
    }

    private static BackupDescription Describe(string path, TarEntry entry, Dictionary<string, string> sums)
    {
        if (entry.Name != BackupFormat.Description || entry.Length > BackupFormat.DescriptionBytesMax)
        {
            throw Wrong(
                path,
                $"it begins with '{Readable.Truncate(entry.Name)}', where {BackupFormat.Description} should be; name a file that "
                    + $"`ocellus backup` wrote");
        }

        var content = new byte[entry.Length];
        ReadWhole(path, entry, content);
        sums[entry.Name] = Convert.ToHexStringLower(SHA256.HashData(content));
        BackupDescription? description;
        try
        {
            description = JsonSerializer.Deserialize(content, BackupJson.Default.BackupDescription);
        }
        catch (JsonException)
        {
            description = null;
        }

        if (description?.Schema is null || description.Version is null)
        {
            throw Wrong(path, $"its {BackupFormat.Description} cannot be read");
        }

        return description.Format != BackupFormat.Current || SchemaJournal.Later(description.Schema) is not null
            ? throw new CommandRefusedException(
                $"{path} was made by Ocellus {Readable.Truncate(description.Version)}, a later version than this one ({SchemaJournal.ProgramVersion}): "
                    + $"{SchemaJournal.Later(description.Schema) ?? $"its format is {description.Format}, and this version reads {BackupFormat.Current}"}. "
                    + $"Restore it with that version or a later one. Nothing was changed.")
            : description;
    }

    private static string Write(string path, TarEntry entry, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 128 * 1024,
            PreallocationSize = entry.Length,
        };
        if (!OperatingSystem.IsWindows())
        {
            // Read-only, as in the object store.
            options.UnixCreateMode = target.EndsWith(".data", StringComparison.Ordinal) ? UnixFileMode.UserRead : FileSystem.PrivateFile;
        }

        using var file = new FileStream(target, options);
        using var hashed = new HashingStream(entry.DataStream ?? Stream.Null);
        try
        {
            hashed.CopyTo(file);
        }
        catch (EndOfStreamException)
        {
            throw Wrong(path, $"it is cut off within '{entry.Name}'");
        }

        return hashed.Sum();
    }

    /// <summary>Compares the checksums of what was read with the recorded ones.</summary>
    private static void Compare(string path, TarEntry entry, Dictionary<string, string> sums)
    {
        if (entry.Length > (sums.Count + 1L) * BackupFormat.LineBytesMax)
        {
            throw Wrong(path, $"its {BackupFormat.Sums} has {entry.Length} bytes for {sums.Count} files");
        }

        var content = new byte[entry.Length];
        ReadWhole(path, entry, content);
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in Encoding.ASCII.GetString(content).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length < BackupFormat.SumLength + 3 || !named.Add(line[(BackupFormat.SumLength + 2)..]))
            {
                throw Wrong(path, $"its {BackupFormat.Sums} cannot be read: '{Readable.Truncate(line)}'");
            }

            var name = line[(BackupFormat.SumLength + 2)..];
            if (!sums.TryGetValue(name, out var have))
            {
                throw Wrong(path, $"'{Readable.Truncate(name)}' is missing from it");
            }

            if (have != line[..BackupFormat.SumLength])
            {
                throw Wrong(path, $"'{name}' in it is damaged: its SHA-256 is {have}, and {line[..BackupFormat.SumLength]} was recorded");
            }
        }

        if (sums.Keys.FirstOrDefault(k => !named.Contains(k)) is { } extra)
        {
            throw Wrong(path, $"'{extra}' in it has no checksum");
        }
    }

    private static void ReadWhole(string path, TarEntry entry, byte[] content)
    {
        try
        {
            (entry.DataStream ?? Stream.Null).ReadExactly(content);
        }
        catch (EndOfStreamException)
        {
            throw Wrong(path, $"it is cut off within '{Readable.Truncate(entry.Name)}'");
        }
    }

    private static InvalidDataException Wrong(string path, string what) => new($"{path} is not a complete backup: {what}. Nothing was changed.");
}
