using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Backups;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Commands;

/// <summary><c>ocellus restore</c>: a data directory from a backup, whole or not at all.</summary>
internal static class RestoreCommand
{
    /// <summary>Suffix of the folder's name while it is being written, so that nothing takes it for a data directory.</summary>
    private const string Unfinished = ".restoring";

    public static Command Create()
    {
        var input = new Option<string>("--in") { Description = "The file that `ocellus backup` wrote.", Required = true, HelpName = "FILE.tar" };
        var data = new Option<string>("--data")
        {
            Description = "Data directory to create; it must not exist, or be empty.",
            Required = true,
            HelpName = "DIR",
        };
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command("restore", "Creates a data directory from a backup, after checking every file in it.") { input, data, json };
        command.Act(
            (parsed, terminal, cancel) =>
                Task.FromResult(
                    Run(
                        Path.GetFullPath(parsed.GetValue(input)!), Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetValue(data)!)),
                        parsed.GetValue(json), terminal, cancel)));
        return command;
    }

    private static int Run(string input, string data, bool json, Terminal terminal, CancellationToken cancel)
    {
        if (!File.Exists(input))
        {
            throw new CommandRefusedException($"There is no file {input}; --in names one that `ocellus backup` wrote.");
        }

        if (File.Exists(data) || (Directory.Exists(data) && Directory.EnumerateFileSystemEntries(data).Any()))
        {
            throw new CommandRefusedException(
                $"{data} is {(File.Exists(data) ? "a file" : "not empty")}; name a folder with --data that does not exist yet. Nothing was changed.");
        }

        FileSystem.KeepPrivate();
        var unfinished = data + Unfinished;
        Directory.CreateDirectory(Path.GetDirectoryName(data)!);
        var held = Begin(unfinished);
        try
        {
            var read = BackupReader.Extract(input, unfinished, terminal.Remark, cancel);
            if (SqliteDatabase.Damage(unfinished) is { } damage)
            {
                throw new InvalidDataException($"{input}: the database in it is damaged: {damage}");
            }

            FileSystem.SyncAll();
            if (Directory.Exists(data))
            {
                // Fails unless it is empty.
                Directory.Delete(data);
            }

            Directory.Move(unfinished, data);
            FileSystem.SyncFolder(Path.GetDirectoryName(data)!);
            Show(data, read, json, terminal);
            return ExitCodes.Done;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandRefusedException($"{data} cannot be restored: {failure.Message} Nothing is left behind.");
        }
        finally
        {
            if (Directory.Exists(unfinished))
            {
                FileSystem.RemoveFolder(unfinished);
            }

            held.Dispose();
        }
    }

    /// <summary>Creates the folder, after removing what an interrupted restore left. Its lock is that of the data directory.</summary>
    private static FileStream Begin(string unfinished)
    {
        try
        {
            if (Directory.Exists(unfinished))
            {
                if (DataDirectory.IsHeld(unfinished))
                {
                    throw new CommandRefusedException($"Another restore is writing {unfinished}.");
                }

                FileSystem.RemoveFolder(unfinished);
            }

            Directory.CreateDirectory(unfinished);
            return new FileStream(Path.Combine(unfinished, "lock"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandRefusedException($"{unfinished} cannot be created: {failure.Message}");
        }
    }

    private static void Show(string data, RestoredBackup read, bool json, Terminal terminal)
    {
        var created = read.Description.Created.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        if (json)
        {
            terminal.Json(
                new JsonObject
                {
                    ["data"] = data,
                    ["files"] = read.Files,
                    ["bytes"] = read.Bytes,
                    ["created"] = created,
                    ["version"] = read.Description.Version,
                });
            return;
        }

        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture, $"{data} is as it was at {created}: {read.Files} files, {read.Bytes / 1048576.0:0.0} MB, all checksums right."));
        terminal.Remark($"ocellus serve --data {data} goes on from there: models that were running start again, a training under way starts over.");
    }
}
