using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;
using Ocellus.Identity;
using Ocellus.Objects.Files;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>Finds damaged files in a data directory, each of which affects only what it stands for, and repairs those that can be repaired.</summary>
internal static class DataCheck
{
    /// <summary>Maximum damaged files named; the rest is counted.</summary>
    private const int NamedMax = 20;

    public static IEnumerable<Finding> Run(string data, CancellationToken cancel)
    {
        if (!Directory.Exists(data))
        {
            yield break;
        }

        if (SqliteDatabase.Lost(data) is { } lost)
        {
            yield return new("Database", FindingState.Problem, lost);
        }

        yield return Guarded(() => Objects(data, cancel), "Objects");
        yield return Guarded(() => Models(data, cancel), "Models");
        yield return Guarded(() => Jobs(data, cancel), "Trainings under way");
        yield return Guarded(() => Keys(data), "Keys");
    }

    /// <summary>Repairs damaged descriptions of the object store; what cannot be repaired moves to DIR/damaged. Nothing is deleted.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="account">Owner of buckets whose description does not name one; null for the only account that has keys.</param>
    /// <param name="cancel">Stops between two files.</param>
    /// <exception cref="CommandRefusedException">A server uses the directory.</exception>
    public static IReadOnlyList<Finding> Repair(string data, string? account, CancellationToken cancel)
    {
        if (!Directory.Exists(DataDirectory.ObjectsOf(data)))
        {
            return [];
        }

        // As a server holds it, so that none can start meanwhile.
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(data, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new CommandRefusedException($"{data} is in use by a server; stop it first.");
        }

        using (held)
        {
            account ??= OnlyAccount(data);
            var root = DataDirectory.ObjectsOf(data);
            return
            [
                .. StoreCheck.Find(root, cancel).ToList().Select(damage =>
                {
                    cancel.ThrowIfCancellationRequested();
                    try
                    {
                        var done = StoreCheck.Repair(root, Path.Combine(data, "damaged"), damage, account);
                        var state = done.StartsWith("Left", StringComparison.Ordinal) ? FindingState.Problem : FindingState.Warning;
                        return new Finding("Repaired", state, $"{damage.File.Path} was damaged: {damage.File.Reason}.", done);
                    }
                    catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
                    {
                        return new Finding(
                            "Repaired", FindingState.Problem, $"{damage.File.Path} is damaged: {damage.File.Reason}.",
                            $"It could not be moved: {failure.Message}");
                    }
                }),
            ];
        }
    }

    private static Finding Objects(string data, CancellationToken cancel)
    {
        var damages = StoreCheck.Find(DataDirectory.ObjectsOf(data), cancel).ToList();
        return Report("Objects", "every description is valid, and its data exists",
            [.. damages.Select(d => $"{d.File.Path}{(d.Key is null ? "" : $" (key '{d.Key}')")}: {d.File.Reason}")],
            $"Everything else is served. Restore the files from a backup, or stop the server and run `ocellus doctor --data {data} --repair`, which "
                + $"repairs what is beyond doubt, moves the rest to {Path.Combine(data, "damaged")} and says for each what is lost.");
    }

    private static Finding Models(string data, CancellationToken cancel)
    {
        var damages = new List<string>();
        foreach (var folder in Folders(Path.Combine(data, "models")).SelectMany(Folders))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                var description = ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(folder, ModelFiles.Description)));
                damages.AddRange(ServedModel.Damages(folder, description).Select(
                    file => $"{Path.Combine(folder, file)}: its SHA-256 differs from the one in {ModelFiles.Description}"));
            }
            catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                damages.Add($"{folder}: {failure.Message.TrimEnd('.')}");
            }
        }

        return Report(
            "Models", "every model is intact", damages,
            "Its version cannot be started; everything else is served. Restore the folder from a backup; without one, train again.");
    }

    private static Finding Jobs(string data, CancellationToken cancel)
    {
        var damages = new List<string>();
        foreach (var path in Folders(Path.Combine(data, "jobs")))
        {
            cancel.ThrowIfCancellationRequested();
            var folder = new JobFolder(path) { Damaged = damage => damages.Add($"{damage.TrimEnd('.')} (it will be recreated)") };
            try
            {
                if (folder.IsWhole)
                {
                    folder.Read();
                    folder.ReadImages();
                    folder.ReadOutcome();
                }
            }
            catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                damages.Add(failure.Message.TrimEnd('.'));
            }
        }

        return Report(
            "Trainings under way", "their files are intact", damages,
            "A training whose job.json is damaged fails, with a message that says so; train again.");
    }

    private static Finding Keys(string data)
    {
        var path = Path.Combine(data, SecretBox.FileName);
        if (!File.Exists(path))
        {
            return new("Keys", FindingState.Ok, "no secret key yet; the first start creates it");
        }

        try
        {
            SecretBox.Open(data, inUse: true);
            return new("Keys", FindingState.Ok, $"{path} holds a key");
        }
        catch (InvalidOperationException failure)
        {
            return new("Keys", FindingState.Problem, failure.Message);
        }
    }

    private static Finding Report(string name, string fine, List<string> damages, string advice) => damages.Count == 0
        ? new(name, FindingState.Ok, fine)
        : new(
            name,
            FindingState.Problem,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{damages.Count} damaged\n{string.Join('\n', damages.Take(NamedMax))}"
                + $"{(damages.Count > NamedMax ? $"\nand {damages.Count - NamedMax} more" : "")}"),
            advice);

    private static Finding Guarded(Func<Finding> check, string name)
    {
        try
        {
            return check();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new(name, FindingState.Problem, $"They could not be checked: {failure.Message}", "Give this user the right to read them.");
        }
    }

    private static string? OnlyAccount(string data)
    {
        if (!File.Exists(DataDirectory.DatabaseOf(data)))
        {
            return null;
        }

        try
        {
            using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = DataDirectory.DatabaseOf(data), Pooling = false, Mode = SqliteOpenMode.ReadWrite }.ToString());
            return connection.Query<string>("SELECT DISTINCT account_id FROM access_keys").ToList() is [var only] ? only : null;
        }
        catch (SqliteException)
        {
            return null;
        }
    }

    private static string[] Folders(string path) => Directory.Exists(path) ? Directory.GetDirectories(path) : [];
}
