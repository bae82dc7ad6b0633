using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Ocellus.Identity;
using Ocellus.Objects.External;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Storage.Postgres;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

/// <summary><c>ocellus migrate</c>: a data directory to PostgreSQL and an outside store, and back.</summary>
internal static class MigrateCommand
{
    public static Command Create()
    {
        var from = new Option<string?>("--from")
        {
            Description = "Data directory to bring to the database and the store. It stays as it is.",
            HelpName = "DIR",
        };
        var to = new Option<string?>("--to") { Description = "Data directory to make of the database and the store. They stay as they are.", HelpName = "DIR" };
        var database = ServeCommand.DatabaseOption();
        var store = ServeCommand.StoreOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command("migrate", "Copies a data directory to PostgreSQL and an outside store, or back, and compares both. Run it again to go on.")
        {
            from, to, database, store, json,
        };
        command.Act((parsed, terminal, cancel) =>
        {
            if (parsed.GetValue(from) is null == parsed.GetValue(to) is null)
            {
                throw new CommandRefusedException("Name one data directory: with --from to bring it to the database, or with --to to make it.");
            }

            return RunAsync(
                parsed.GetValue(from), parsed.GetValue(to), ServeCommand.ReadDatabase(parsed.GetValue(database)),
                ServeCommand.ReadStore(parsed.GetValue(store)), parsed.GetValue(json), terminal, cancel);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        string? from, string? to, DatabaseOptions database, ExternalStoreOptions store, bool json, Terminal terminal, CancellationToken cancel)
    {
        if (!database.IsShared || !store.IsExternal)
        {
            throw new CommandRefusedException(
                "Name both: the database with --database (or Ocellus__Database in the environment), and the store with --s3-endpoint, with its keys in "
                    + "Ocellus__S3__AccessKey and Ocellus__S3__SecretKey.");
        }

        try
        {
            if (from is not null && DataDirectory.Unusable(Path.GetFullPath(from)) is { } reason)
            {
                throw new CommandRefusedException(reason);
            }

            // With its lock: nothing changes it meanwhile.
            using var data = DataDirectory.Open((from ?? to)!);
            using var shared = PostgresDatabase.Open(database);
            shared.Migrate();
            await using var alone = await shared.LockAsync("first key", cancel);
            using var folders = new ExternalFolders(store);
            var result = await new Move(data, shared, folders, store, terminal).RunAsync(isOut: from is not null, cancel);
            terminal.Result(
                json ? result.ToJsonString()
                : from is not null
                    ? $"Copied and compared: {Words(result)}. Serve it with: ./ocellus serve --data NEW-DIR --s3-endpoint {store.Endpoint} --database …\n"
                        + $"{data.Path} is unchanged; once the new server works, keep it as a backup and do not serve it any more."
                    : $"Copied and compared: {Words(result)}. Serve it with: ./ocellus serve --data {data.Path}");
            return ExitCodes.Done;
        }
        catch (InvalidOperationException refusal)
        {
            throw new CommandRefusedException(refusal.Message);
        }
    }

    private static string Words(JsonObject result) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(long)result["rows"]!} rows, {(long)result["objects"]!} objects, {(long)result["models"]!} models, {(long)result["jobs"]!} trainings under way");

    private sealed class Move(DataDirectory data, PostgresDatabase shared, ExternalFolders folders, ExternalStoreOptions store, Terminal terminal)
    {
        public async Task<JsonObject> RunAsync(bool isOut, CancellationToken cancel)
        {
            var from = isOut ? data.Database : shared;
            var tables = new TableCopy(from, isOut ? shared : data.Database);
            // Before anything is written, in the store too.
            await RequireNoServersAsync(cancel);
            await tables.RequireOwnAsync(cancel);
            await SecretAsync(isOut, cancel);
            using var move = new ObjectMove(data, store);
            Action<string, long> told = (bucket, count) => terminal.Remark($"  s3://{bucket}: {count} objects");
            var objectCount = isOut ? await move.OutAsync(told, cancel) : await move.InAsync(KeyRing.DefaultAccountId, told, cancel);
            // Files before the rows that name them.
            var (models, jobs) = await FoldersAsync(from, isOut, cancel);
            var rows = await tables.RunAsync((table, digest) => terminal.Remark($"  {table}: {digest.Rows} rows, {digest.Checksum[^12..]}"), cancel);
            return new() { ["rows"] = rows, ["objects"] = objectCount, ["models"] = models, ["jobs"] = jobs };
        }

        /// <summary>A server would go on with what is copied, or copied over.</summary>
        private async Task RequireNoServersAsync(CancellationToken cancel)
        {
            await using var connection = await shared.ConnectAsync(cancel);
            var now = await shared.NowMsAsync(connection, null, TimeProvider.System);
            if (await connection.QueryFirstOrDefaultAsync<string>("SELECT name FROM nodes WHERE lease_until_ms >= @now", new { now }) is { } name)
            {
                throw new CommandRefusedException(
                    $"A server on {name} uses the database {shared.Name}. Nothing was changed. Stop all servers on it, and run the command again; one that has "
                        + $"ended is forgotten after a few seconds.");
            }
        }

        /// <summary>The key that encrypts secrets. It must be the same on both sides.</summary>
        private async Task SecretAsync(bool isOut, CancellationToken cancel)
        {
            var file = Path.Combine(data.Path, SecretBox.FileName);
            var here = File.Exists(file) ? await File.ReadAllBytesAsync(file, cancel) : null;
            var there = await folders.ReadAsync(SecretBox.FileName, cancel);
            if (here is not null && there is not null && !here.AsSpan().SequenceEqual(there))
            {
                throw new CommandRefusedException(
                    $"The bucket {store.OwnBucket} of {store.Endpoint} belongs to another installation than {data.Path}: its {SecretBox.FileName} is another "
                        + $"one. Nothing was changed. Name another bucket with Ocellus__S3__OwnBucket.");
            }

            if (isOut && here is not null && there is null)
            {
                await folders.WriteAsync(SecretBox.FileName, here, cancel);
            }
            else if (!isOut && here is null && there is not null)
            {
                FileSystem.WritePrivate(file, there, overwrite: false);
            }
        }

        private async Task<(long Models, long Jobs)> FoldersAsync(Database from, bool isOut, CancellationToken cancel)
        {
            long models = 0, jobs = 0;
            await using var connection = await from.ConnectAsync(cancel);
            foreach (var (account, folder) in await connection.QueryAsync<(string, string)>("SELECT account_id, folder FROM project_versions ORDER BY arn"))
            {
                models += await FolderAsync($"models/{account}/{folder}", data.ModelFolder(account, folder), _ => true, isOut, cancel) ? 1 : 0;
                jobs += await FolderAsync($"jobs/{folder}", Path.Combine(data.JobsPath, folder), JobFolder.IsInput, isOut, cancel) ? 1 : 0;
            }

            return (models, jobs);
        }

        /// <summary>Copies a folder; its files are checked by their SHA-256.</summary>
        private async Task<bool> FolderAsync(string name, string path, Func<string, bool> which, bool isOut, CancellationToken cancel)
        {
            if (isOut)
            {
                return Directory.Exists(path) && await folders.PutAsync(name, path, which, cancel) is not null;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            return await folders.FetchAsync(name, path, cancel);
        }
    }
}
