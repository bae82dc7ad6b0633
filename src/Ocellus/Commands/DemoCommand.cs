using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Hosting;
using Ocellus.Refusals;
using Ocellus.Training;
using Ocellus.Training.Job;
using Ocellus.Vision.Recipes;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary>What a demonstration shows.</summary>
/// <param name="Folder">Folder of images, train.manifest and test.manifest under <c>samples/</c> beside the program. In the bucket its name is the prefix of
/// the keys.</param>
/// <param name="Bucket">Bucket that the manifests name.</param>
/// <param name="Project">Name of the project; the time is added, so that each demonstration has its own.</param>
/// <param name="What">What is classified or found, for a person.</param>
/// <param name="TimeBudget">Time limit of the learning itself.</param>
internal sealed record DemoSample(string Folder, string Bucket, string Project, string What, TimeSpan TimeBudget)
{
    /// <summary>A classifier. With its budget the whole demo stays under three minutes, even on a busy machine.</summary>
    public static DemoSample Cells { get; } = new("cells", "samples", "cells", "red cells, white cells and platelets in blood", TimeSpan.FromSeconds(90));

    /// <summary>A detector: finds each cell in images of many. It learns longer, so its demo takes about five minutes.</summary>
    public static DemoSample Blood { get; } = new("blood", "samples", "blood", "blood under the microscope, each cell with its box", TimeSpan.FromSeconds(200));

    public string Path => System.IO.Path.Combine(AppContext.BaseDirectory, "samples", Folder);
}

/// <summary><c>ocellus demo</c>: the whole workflow, over the real API of a server in this process.</summary>
internal static partial class DemoCommand
{
    /// <summary>Test images of each label that the started model is queried about.</summary>
    private const int QueriesPerLabel = 3;

    /// <summary>Time between two polls of a changing state.</summary>
    private static readonly TimeSpan _pollEvery = TimeSpan.FromMilliseconds(200);

    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        var urls = ServeCommand.UrlsOption("http://127.0.0.1:0");
        urls.Description = "Address of the demonstration's server; port 0 takes a free one.";
        var keep = new Option<bool>("--keep") { Description = "Leave the server running at the end, until Ctrl-C." };
        var boxes = new Option<bool>("--boxes") { Description = "Show a model that finds objects and their boxes, instead of one that classifies images." };
        var command = new Command("demo", "Shows everything on sample images: upload, training, start, answers, stop.") { data, urls, keep, boxes };
        command.Act(
            (parsed, terminal, cancel) =>
                RunAsync(
                    parsed.GetValue(boxes) ? DemoSample.Blood : DemoSample.Cells, parsed.GetValue(data)!, parsed.GetValue(urls)!, parsed.GetValue(keep),
                    terminal, cancel));
        return command;
    }

    private static async Task<int> RunAsync(DemoSample sample, string path, string urls, bool keep, Terminal terminal, CancellationToken cancel)
    {
        if (!TrainingLibrary.IsInstalled)
        {
            throw new CommandRefusedException(TrainingLibrary.NotInstalled);
        }

        if (!Directory.Exists(sample.Path))
        {
            throw new CommandRefusedException($"The sample images are not beside the program ({sample.Path}); rebuild Ocellus from its repository.");
        }

        var started = Stopwatch.GetTimestamp();
        using var data = ServeCommand.Open(path, null, terminal);
        // All that matters comes back through the API; log lines would break the progress bars.
        await using var app = await ServeCommand.BuildAsync(
            data, urls, LogLevel.Error, [new($"Ocellus:Training:{nameof(TrainingOptions.TimeBudget)}", $"{sample.TimeBudget}")], cancel);
        try
        {
            await ServeCommand.StartAsync(app, data, urls, cancel);
            var url = app.Urls.First();
            terminal.Result($"A server runs at {url}, its data is in {data.Path}");
            await ConsoleCommand.ShowLinkAsync(app, data, "To watch in a browser:", terminal);
            using var client = ApiClient.Open(url, data.CredentialsPath);
            var result = await DemonstrateAsync(sample, client, data.Path, terminal, cancel);
            terminal.Result(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"\nThat took {Stopwatch.GetElapsedTime(started).TotalSeconds:0} s. Everything is in {data.Path}; the keys are in "
                        + $"{data.CredentialsPath}."));
            terminal.Result(NextSteps(sample, result, keep, data.Path));
            if (keep)
            {
                await app.WaitForShutdownAsync(cancel);
                ServeCommand.CheckBackground(app);
            }

            return ExitCodes.Done;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            terminal.Complain($"Stopped. `ocellus serve --data {path}` continues what was under way; `ocellus demo` starts over.");
            throw;
        }
        finally
        {
            // Models drain, a training saves its checkpoint.
            await app.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>Each step is one API call, as the AWS CLI would make it; found boxes are drawn below the folder.</summary>
    private static async Task<Result> DemonstrateAsync(DemoSample sample, ApiClient client, string folder, Terminal terminal, CancellationToken cancel)
    {
        var name = $"{sample.Project}-{TimeProvider.System.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
        await client.CreateBucketAsync(sample.Bucket, cancel);
        List<string> files = [.. Directory.EnumerateFiles(sample.Path, "*", SearchOption.AllDirectories)];
        await Parallel.ForEachAsync(
            files, cancel,
            async (file, token) =>
                await client.PutAsync(sample.Bucket, Key(sample, Path.GetRelativePath(sample.Path, file)), await File.ReadAllBytesAsync(file, token), token));
        terminal.Result(string.Create(CultureInfo.InvariantCulture, $"{files.Count} files uploaded to s3://{sample.Bucket}/{sample.Folder}: {sample.What}"));

        var project = (string)(await client.CallAsync("CreateProject", new JsonObject { ["ProjectName"] = name }, cancel))["ProjectArn"]!;
        foreach (var type in new[] { "TRAIN", "TEST" })
        {
            terminal.Result(await CreateDatasetAsync(sample, client, project, type, cancel));
        }

        var created = await client.CallAsync(
            "CreateProjectVersion",
            new JsonObject
            {
                ["ProjectArn"] = project,
                ["VersionName"] = "v1",
                ["OutputConfig"] = new JsonObject { ["S3Bucket"] = sample.Bucket, ["S3KeyPrefix"] = $"results/{name}" },
            },
            cancel);
        var arn = (string)created["ProjectVersionArn"]!;
        terminal.Result($"Training {arn}");
        var trained = await terminal.ShowAsync(progress => WaitAsync(client, project, "TRAINING_IN_PROGRESS", progress, cancel));
        if ((string)trained["Status"]! != "TRAINING_COMPLETED")
        {
            throw new CommandRefusedException($"The training ended as {trained["Status"]}: {trained["StatusMessage"]}");
        }

        var summary = trained["EvaluationResult"]!["Summary"]!["S3Object"]!;
        var report = EvaluationTables.Read(await client.GetAsync((string)summary["Bucket"]!, (string)summary["Name"]!, cancel));
        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture, $"Trained in {(long)trained["BillableTrainingTimeInSeconds"]!} s. F1 {report.F1:0.000} on the test images:"));
        terminal.Result(EvaluationTables.Labels(report));

        await MoveAsync(
            client, project, terminal, "StartProjectVersion", new JsonObject { ["ProjectVersionArn"] = arn, ["MinInferenceUnits"] = 1 }, "STARTING", "RUNNING",
            cancel);
        var drawings = Path.Combine(folder, "drawings", name);
        var (table, key, drawn) = await QueryAsync(sample, client, arn, drawings, cancel);
        terminal.Result(table);
        if (drawn > 0)
        {
            terminal.Result(string.Create(CultureInfo.InvariantCulture, $"{drawn} images with the boxes that were found: {drawings}"));
        }

        await MoveAsync(client, project, terminal, "StopProjectVersion", new JsonObject { ["ProjectVersionArn"] = arn }, "STOPPING", "STOPPED", cancel);
        return new Result(arn, key);
    }

    private static async Task<string> CreateDatasetAsync(DemoSample sample, ApiClient client, string project, string type, CancellationToken cancel)
    {
        var manifest = Key(sample, type == "TRAIN" ? "train.manifest" : "test.manifest");
        var source = new JsonObject
        {
            ["GroundTruthManifest"] = new JsonObject { ["S3Object"] = new JsonObject { ["Bucket"] = sample.Bucket, ["Name"] = manifest } },
        };
        var dataset = await client.CallAsync(
            "CreateDataset", new JsonObject { ["ProjectArn"] = project, ["DatasetType"] = type, ["DatasetSource"] = source }, cancel);
        while (true)
        {
            var found = (await client.CallAsync(
                "DescribeDataset", new JsonObject { ["DatasetArn"] = (string)dataset["DatasetArn"]! }, cancel))["DatasetDescription"]!;
            switch ((string)found["Status"]!)
            {
                case "CREATE_IN_PROGRESS":
                    await Task.Delay(_pollEvery, cancel);
                    break;
                case "CREATE_COMPLETE":
                    return $"{type} dataset: {found["DatasetStats"]!["LabeledEntries"]} images, {found["DatasetStats"]!["TotalLabels"]} labels";
                default:
                    throw new CommandRefusedException($"The {type} dataset is {found["Status"]}: {found["StatusMessage"]}");
            }
        }
    }

    /// <summary>Waits until the project's only version has left a state.</summary>
    private static async Task<JsonNode> WaitAsync(ApiClient client, string project, string state, IProgress<JobProgress>? progress, CancellationToken cancel)
    {
        while (true)
        {
            var version = (await client.CallAsync(
                "DescribeProjectVersions", new JsonObject { ["ProjectArn"] = project }, cancel))["ProjectVersionDescriptions"]![0]!;
            if ((string)version["Status"]! != state)
            {
                return version;
            }

            if (JobProgress.Find((string?)version["StatusMessage"] ?? "") is { } step)
            {
                progress?.Report(step);
            }

            await Task.Delay(_pollEvery, cancel);
        }
    }

    private static async Task MoveAsync(
        ApiClient client, string project, Terminal terminal, string operation, JsonObject request, string through, string wanted, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        var answer = await client.CallAsync(operation, request, cancel);
        var version = await WaitAsync(client, project, through, null, cancel);
        if ((string)version["Status"]! != wanted)
        {
            throw new CommandRefusedException($"{operation} led to {version["Status"]}, not to {wanted}: {version["StatusMessage"]}");
        }

        terminal.Result(
            string.Create(CultureInfo.InvariantCulture, $"{operation}: {answer["Status"]} → {wanted} in {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"));
    }

    /// <summary>Queries the running model about the first test images of each label.</summary>
    private static async Task<(Table Table, string Key, int Drawn)> QueryAsync(
        DemoSample sample, ApiClient client, string arn, string folder, CancellationToken cancel)
    {
        var (drawings, drawn) = (new BoxDrawings(folder), 0);
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns(
                new TableColumn("Image"), new TableColumn("Truth"), new TableColumn("Answer"), new TableColumn("Confidence").RightAligned(),
                new TableColumn("ms").RightAligned());
        await using var stream = File.OpenRead(Path.Combine(sample.Path, "test.manifest"));
        var lines = await ManifestReader.ParseAsync(stream, cancel).Where(l => l.IsUsable).ToListAsync(cancel);
        // An image with boxes shows several labels by itself.
        foreach (var line in lines.Exists(l => l.HasBoxes)
            ? lines.Take(QueriesPerLabel)
            : lines.GroupBy(Truth, StringComparer.Ordinal).SelectMany(g => g.Take(QueriesPerLabel)))
        {
            var began = Stopwatch.GetTimestamp();
            var answer = await client.CallAsync(
                "DetectCustomLabels",
                new JsonObject
                {
                    ["ProjectVersionArn"] = arn,
                    ["Image"] = new JsonObject { ["S3Object"] = new JsonObject { ["Bucket"] = line.Bucket, ["Name"] = line.Key } },
                },
                cancel);
            var milliseconds = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            var found = answer.Deserialize(HostingJson.Default.DetectCustomLabelsResponse)!.CustomLabels!;
            List<(string Name, double Confidence)> labels = [.. found.Select(l => (l.Name!, l.Confidence!.Value))];
            if (line.HasBoxes)
            {
                drawings.Write(await client.GetAsync(line.Bucket, line.Key, cancel), Path.GetFileName(line.Key), found);
                drawn++;
            }

            table.AddRow(
                new Text(Path.GetFileName(line.Key)),
                new Text(Truth(line)),
                new Text(labels.Count == 0 ? "(nothing above the threshold)" : Count(labels.Select(l => l.Name))),
                new Text(Range([.. labels.Select(l => l.Confidence)])),
                new Text(milliseconds.ToString("0", CultureInfo.InvariantCulture)));
        }

        return (table, lines[0].Key, drawn);
    }

    /// <summary>What the demo leaves behind: a model version, and the key of an image to query it about.</summary>
    private sealed record Result(string Arn, string Key);
}
