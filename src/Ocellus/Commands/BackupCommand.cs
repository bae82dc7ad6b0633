using System.CommandLine;
using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Backups;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Commands;

/// <summary><c>ocellus backup</c>: a data directory as one file, while its server runs.</summary>
internal static class BackupCommand
{
    /// <summary>Shortest time between two progress lines.</summary>
    private static readonly TimeSpan _progressEvery = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server, which may be running.";
        var output = new Option<string>("--out")
        {
            Description = "The file to write; it holds secrets, and only its owner may read it.",
            Required = true,
            HelpName = "FILE.tar",
        };
        var force = OutputFile.ForceOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command(
            "backup", "Writes a consistent snapshot of a data directory to one file, for `ocellus restore`.") { data, output, force, json };
        command.Act(
            (parsed, terminal, cancel) =>
                RunAsync(
                    Path.GetFullPath(parsed.GetValue(data)!), Path.GetFullPath(parsed.GetValue(output)!), parsed.GetValue(force), parsed.GetValue(json),
                    terminal, cancel));
        return command;
    }

    private static async Task<int> RunAsync(string data, string output, bool force, bool json, Terminal terminal, CancellationToken cancel)
    {
        var replaces = Check(data, output, force);
        FileSystem.KeepPrivate();
        var pace = new Pace(terminal);
        using var snapshot = await BackupSnapshot.TakeAsync(data, pace.Report, TimeProvider.System, cancel);
        var temporary = $"{output}.{Environment.ProcessId}.part";
        (int Files, long Bytes) written;
        try
        {
            written = Write(temporary, snapshot, pace.Report, cancel);
            if (!replaces && !force && File.Exists(output))
            {
                throw new CommandRefusedException($"{output} was created meanwhile; --force replaces it, or choose another name.");
            }

            File.Move(temporary, output, overwrite: true);
            FileSystem.SyncFolder(Path.GetDirectoryName(output)!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandRefusedException(
                $"{output} cannot be written: {failure.Message} Nothing is left behind{(File.Exists(output) ? "; the existing file is unchanged" : "")}.");
        }
        finally
        {
            File.Delete(temporary);
        }

        Show(snapshot, output, written, json, terminal);
        return ExitCodes.Done;
    }

    /// <summary>Checks data and output; whether a file is there that may be replaced.</summary>
    private static bool Check(string data, string output, bool force)
    {
        if (DataDirectory.Unusable(data) is { } reason)
        {
            throw new CommandRefusedException(reason);
        }

        var replaces = OutputFile.Check("The backup", output, force);
        if (DataDirectory.IsHeld(data) && !new WriteBarrier(DataDirectory.ObjectsOf(data)).Exists)
        {
            throw new CommandRefusedException(
                $"The server running on {data} is of an earlier version, which cannot be backed up while it runs; stop it, or restart it with this "
                    + $"version first.");
        }

        return replaces;
    }

    private static (int Files, long Bytes) Write(string path, BackupSnapshot snapshot, Action<string> report, CancellationToken cancel)
    {
        long bytes = 0;
        var files = 0;
        // On disk: the checksums of a large store would take as much memory as all its keys.
        using var sums = new StreamWriter(
            new FileStream(
                path + ".sums",
                new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.ReadWrite, Share = FileShare.None, Options = FileOptions.DeleteOnClose }),
            Encoding.ASCII)
        { NewLine = "\n" };
        using var stream = FileSystem.CreatePrivate(path);
        using (var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
        {
            var description = new BackupDescription(BackupFormat.Current, SchemaJournal.ProgramVersion, TimeProvider.System.GetUtcNow(), snapshot.Schema);
            Add(tar, BackupFormat.Description, new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(description, BackupJson.Default.BackupDescription)), sums);
            foreach (var file in Files(snapshot.Folder))
            {
                cancel.ThrowIfCancellationRequested();
                var name = Path.GetRelativePath(snapshot.Folder, file).Replace(Path.DirectorySeparatorChar, '/');
                if (!BackupFormat.IsFile(name))
                {
                    throw new CommandRefusedException($"The data directory holds '{name}', which no version of this server makes; move it away and try again.");
                }

                bytes += Add(tar, name, File.OpenRead(file), sums);
                files++;
                report(string.Create(CultureInfo.InvariantCulture, $"{files} files, {bytes / 1048576} MB"));
            }

            sums.Flush();
            sums.BaseStream.Position = 0;
            Add(tar, BackupFormat.Sums, sums.BaseStream, null);
        }

        stream.Flush(flushToDisk: true);
        return (files, stream.Length);
    }

    /// <summary>The files below a folder, its own first, so that a reader sees the database early.</summary>
    private static IEnumerable<string> Files(string folder) =>
        Directory.GetFiles(folder).Order(StringComparer.Ordinal).Concat(Directory.GetDirectories(folder).Order(StringComparer.Ordinal).SelectMany(Files));

    /// <summary>Writes one file and its checksum; without <paramref name="sums"/>, the checksums themselves, whose stream stays open.</summary>
    private static long Add(TarWriter tar, string name, Stream content, TextWriter? sums)
    {
        using var hashed = new HashingStream(content, leaveOpen: sums is null);
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = hashed, Mode = FileSystem.PrivateFile });
        sums?.WriteLine($"{hashed.Sum()}  {name}");
        return hashed.Length;
    }

    private static void Show(BackupSnapshot snapshot, string output, (int Files, long Bytes) written, bool json, Terminal terminal)
    {
        if (snapshot.Damaged > 0)
        {
            terminal.Remark($"Warning: {snapshot.Damaged} object(s) are damaged in the data directory and so in the backup; `ocellus doctor` names them.");
        }

        if (json)
        {
            terminal.Json(
                new JsonObject
                {
                    ["backup"] = output,
                    ["files"] = written.Files,
                    ["bytes"] = written.Bytes,
                    ["damagedObjects"] = snapshot.Damaged,
                    ["heldSeconds"] = Math.Round(snapshot.Held.TotalSeconds, 3),
                });
            return;
        }

        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{output} ({written.Bytes / 1048576.0:0.0} MB): {written.Files} files; writes were held back for {snapshot.Held.TotalSeconds:0.000} s."));
        terminal.Remark("It holds the secrets of all access keys, and whoever can read it can use them: keep it as safe as those.");
        terminal.Remark($"ocellus restore --in {output} --data DIR restores it.");
    }

    /// <summary>Shows progress, but no more often than can be read.</summary>
    private sealed class Pace(Terminal terminal)
    {
        private long _last = TimeProvider.System.GetTimestamp();

        public void Report(string what)
        {
            if (TimeProvider.System.GetElapsedTime(_last) >= _progressEvery)
            {
                _last = TimeProvider.System.GetTimestamp();
                terminal.Remark($"… {what}");
            }
        }
    }
}
