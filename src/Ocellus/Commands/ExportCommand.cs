using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using Ocellus.Objects;
using Ocellus.Objects.External;
using Ocellus.Objects.Files;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary><c>ocellus export</c>: a model version of a server as a file that runs anywhere.</summary>
internal static class ExportCommand
{
    /// <summary>Maximum other versions listed when the requested one does not exist.</summary>
    private const int ShownMax = 10;

    public static Command Create()
    {
        var arn = new Argument<string>("ARN") { Description = "ARN of the model version, as DescribeProjectVersions gives it." };
        var output = new Option<string>("--out") { Description = "The file to write.", Required = true, HelpName = "MODEL.zip" };
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server, which may be running: nothing in it is changed.";
        var store = new Option<string?>("--s3-endpoint")
        {
            Description = "Address of the server's external object store, if it has one; its keys come from the environment, as for serve.",
            HelpName = "URL",
        };
        var force = OutputFile.ForceOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command(
            "export",
            "Exports a trained model from a server's data directory: model.onnx, model.json and a Python program that runs them.")
            {
                arn,
                output,
                force,
                data,
                store,
                json,
            };
        command.Act((parsed, terminal, cancel) => RunAsync(
            parsed.GetValue(arn)!, Path.GetFullPath(parsed.GetValue(output)!), parsed.GetValue(force), Path.GetFullPath(parsed.GetValue(data)!),
            ExternalStoreOf(parsed.GetValue(store)), parsed.GetValue(json), terminal, cancel));
        return command;
    }

    private static async Task<int> RunAsync(
        string text, string output, bool force, string data, ExternalStoreOptions external, bool json, Terminal terminal, CancellationToken cancel)
    {
        if (Arn.Parse(text).Kind != ArnKind.ProjectVersion)
        {
            throw new CommandRefusedException($"{text} is not the ARN of a model version; such an ARN has /version/NAME/ in it.");
        }

        OutputFile.Check("The model", output, force);
        var version = await FindAsync(text, data, cancel);
        var folder = DataDirectory.ModelFolderOf(data, version.AccountId, version.Folder);
        if (!File.Exists(Path.Combine(folder, ModelFiles.Description)))
        {
            throw new CommandRefusedException(
                $"{text} is {version.Status} and has no model{(version.Status == "TRAINING_IN_PROGRESS" ? " yet; wait for TRAINING_COMPLETED" : "")}.");
        }

        var served = ServedModel.Of(folder);
        var description = served.Description;
        FileSystem.KeepPrivate();
        using var fetched = new TemporaryFile();
        var evaluation = await EvaluationAsync(version, data, external, fetched.Path, cancel);
        ModelArchive.Write(output, folder, evaluation);
        if (json)
        {
            terminal.Json(new JsonObject
            {
                ["model"] = output,
                ["projectVersionArn"] = text,
                ["kind"] = description.Kind,
                ["precision"] = served.Precision,
                ["labels"] = new JsonArray([.. description.Labels.Select(l => (JsonNode)l)]),
                ["bytes"] = new FileInfo(output).Length,
                ["evaluation"] = evaluation is not null,
            });
            return ExitCodes.Done;
        }

        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{output} ({new FileInfo(output).Length / 1048576.0:0.0} MB): {description.Kind}, {description.Labels.Count} labels"
                    + $"{(served.Precision == ModelPrecisions.EightBit ? ", 8 bits" : "")}"));
        if (evaluation is null)
        {
            terminal.Remark(
                $"Its evaluation summary is not in the object store{(external.IsExternal ? $" {external.Endpoint}" : "")}; the archive has no "
                    + $"{ModelArchive.Evaluation}.{(external.IsExternal ? "" : " If the server keeps objects elsewhere, name that with --s3-endpoint.")}");
        }

        return ExitCodes.Done;
    }

    private static async Task<Version> FindAsync(string arn, string data, CancellationToken cancel)
    {
        var database = DataDirectory.DatabaseOf(data);
        if (DataDirectory.Unusable(data) is { } reason)
        {
            throw new CommandRefusedException(reason);
        }

        try
        {
            // Not pooled, read-only: a running server has the file open too, and must not notice.
            await using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            await connection.OpenAsync(cancel);
            var found = await connection.QuerySingleOrDefaultAsync<Version>(
                "SELECT account_id, folder, status, evaluation_result FROM project_versions WHERE arn = @arn", new { arn });
            if (found is not null)
            {
                return found;
            }

            List<string> existing =
            [
                .. await connection.QueryAsync<string>("SELECT arn FROM project_versions ORDER BY created_ms DESC LIMIT @most", new { most = ShownMax }),
            ];
            throw new CommandRefusedException(
                $"{data} has no model version {arn}. {(existing.Count == 0 ? "It has none at all." : $"It has:\n  {string.Join("\n  ", existing)}")}");
        }
        catch (SqliteException failure)
        {
            throw new CommandRefusedException($"{database} cannot be read: {failure.Message}");
        }
    }

    /// <summary>The settings of <c>serve</c>, from the same sources.</summary>
    private static ExternalStoreOptions ExternalStoreOf(string? endpoint)
    {
        var external = new ConfigurationBuilder().AddEnvironmentVariables().Build().GetSection(ExternalStoreOptions.Section).Get<ExternalStoreOptions>()
            ?? new();
        external.Endpoint = endpoint ?? external.Endpoint;
        return external.Validate(new(external)).FirstOrDefault() is { } mistake ? throw new CommandRefusedException(mistake.ErrorMessage!) : external;
    }

    /// <summary>A file with the evaluation summary; null if it does not exist.</summary>
    private static async Task<string?> EvaluationAsync(Version version, string data, ExternalStoreOptions external, string target, CancellationToken cancel)
    {
        if (version.EvaluationResult is not { } text
            || JsonNode.Parse(text)?["Summary"]?["S3Object"] is not { } place
            || (string?)place["Bucket"] is not { } bucket
            || (string?)place["Name"] is not { } name)
        {
            return null;
        }

        if (!external.IsExternal)
        {
            return StoreFiles.FindObject(DataDirectory.ObjectsOf(data), bucket, name);
        }

        try
        {
            using var store = new ExternalObjectStore(Options.Create(external));
            return await store.FetchAsync(bucket, name, target, cancel) ? target : null;
        }
        catch (Exception failure) when (failure is S3Exception or IOException)
        {
            throw new CommandRefusedException($"The evaluation summary cannot be read. {failure.Message}");
        }
    }

    /// <summary>A name for a file that is deleted afterwards.</summary>
    private sealed class TemporaryFile : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"ocellus-export-{Guid.NewGuid():N}");

        public void Dispose() => File.Delete(Path);
    }

    private sealed class Version
    {
        public string AccountId { get; init; } = "";

        public string Folder { get; init; } = "";

        public string Status { get; init; } = "";

        public string? EvaluationResult { get; init; }
    }
}
