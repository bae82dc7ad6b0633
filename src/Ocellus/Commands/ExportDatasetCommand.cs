using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Formats;
using Ocellus.Formats.Writers;
using Ocellus.Refusals;
using Ocellus.Training.Job;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary><c>ocellus export-dataset</c>: a dataset of a server in the format of another tool.</summary>
internal static class ExportDatasetCommand
{
    /// <summary>Findings of a kind that are shown; the others are counted.</summary>
    private const int ShownMax = 3;

    /// <summary>A file that tells what an interrupted export was of.</summary>
    private const string Mark = ".ocellus-export";

    private sealed record Choice(string Arn, DataFormat To, string Folder, bool WithPictures, bool Force, bool Json);

    public static Command Create()
    {
        var arn = new Argument<string>("ARN") { Description = "ARN of a dataset, or of a project for both of its datasets." };
        var words = string.Join(", ", DatasetWriters.Formats.Select(f => f.Word()));
        var to = new Option<string>("--to")
        {
            Description = $"The format to write: {words}.",
            DefaultValueFactory = _ => DataFormat.Manifest.Word(),
            HelpName = "FORMAT",
        };
        to.Refusing((word, text) => DatasetWriters.Formats.Any(f => f.Word() == word) ? null : $"--to is '{text}'; it takes {words}.");
        var output = new Option<string>("--out") { Description = "The folder to make.", Required = true, HelpName = "DIR" };
        var noPictures = new Option<bool>("--no-pictures") { Description = "Write the labels alone." };
        var force = OutputFolder.ForceOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var server = new ServerOptions();
        var command = new Command("export-dataset", "Brings a dataset of a server to a folder, as COCO, YOLO, Pascal VOC, CSV, folders or manifests.")
        {
            arn, to, output, noPictures, force, json,
        };
        foreach (var option in server.All)
        {
            command.Add(option);
        }

        command.Act((parsed, terminal, cancel) => Resumable.RunAsync(terminal, () => RunAsync(
            new(
                parsed.GetValue(arn)!, DataFormats.Parse(parsed.GetValue(to)!)!.Value,
                Path.TrimEndingDirectorySeparator(Path.GetFullPath(parsed.GetValue(output)!)), !parsed.GetValue(noPictures), parsed.GetValue(force),
                parsed.GetValue(json)),
            server.Resolve(parsed), terminal, cancel), cancel));
        return command;
    }

    private static async Task<int> RunAsync(Choice choice, ServiceEndpoint endpoint, Terminal terminal, CancellationToken cancel)
    {
        var place = OutputFolder.Check(choice.Folder, choice.Force);
        using var client = new ServiceClient(endpoint);
        var sets = await DatasetDownload.FindAsync(client, choice.Arn, cancel);
        // What an interrupted run has left is used again.
        var staging = choice.Folder + ".download";
        Prepare(staging, $"{choice.Arn} {endpoint.Api} {endpoint.Store}");
        var (download, reader, result) = await terminal.ShowAsync(async progress =>
        {
            void Report(string what, int step, int steps) => progress.Report(new JobProgress(what, step, steps, null, null));
            var download = new DatasetDownload(client, staging, Report);
            foreach (var (type, arn) in sets)
            {
                await download.RunAsync(type, arn, choice.WithPictures, cancel);
            }

            return await Task.Run(() => Convert(choice, staging, place, download, Report, cancel), cancel);
        });
        var old = place.Complete();
        Directory.Delete(staging, recursive: true);
        foreach (var line in FindingLines.Of(reader.Groups, ShownMax))
        {
            terminal.Remark(line);
        }

        if (download.WithoutPicture > 0)
        {
            terminal.Remark(
                string.Create(CultureInfo.InvariantCulture, $"{download.WithoutPicture} images were left out, since their pictures cannot be read: ")
                    + string.Join(" ", download.Refusals));
        }

        if (old is not null)
        {
            terminal.Remark($"The folder that was there is now {old}.");
        }

        if (choice.Json)
        {
            terminal.Json(Json(choice, download, reader, result));
            return ExitCodes.Done;
        }

        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{choice.Folder}: {choice.To.Title()}, {result.ImageCount} images, {result.Boxes} boxes, {result.Labels.Count} labels, "
                    + $"{result.Pictures} pictures."));
        return ExitCodes.Done;
    }

    private static (DatasetDownload Download, Findings Findings, ConversionResult Result) Convert(
        Choice choice, string staging, OutputFolder place, DatasetDownload download, Action<string, int, int> report, CancellationToken cancel)
    {
        var findings = new Findings();
        using var source = SourceReader.Open(
            staging,
            new SourceOptions { Format = DataFormat.Manifest, Images = Path.Combine(staging, DatasetDownload.Pictures), Findings = findings });
        var plan = new ConversionPlan(choice.To, place.Written)
        {
            WithPictures = choice.WithPictures,
            Created = TimeProvider.System.GetUtcNow(),
        };
        return (download, findings, Conversion.Run(source, plan, new Count(report, download.Entries), cancel));
    }

    /// <summary>Keeps what an interrupted export of the same has left, and nothing else: pictures of another server would get the wrong labels.</summary>
    /// <exception cref="CommandRefusedException">The folder is somebody's own.</exception>
    private static void Prepare(string staging, string what)
    {
        var mark = Path.Combine(staging, Mark);
        if (!File.Exists(mark) && Directory.Exists(staging) && Directory.EnumerateFileSystemEntries(staging).Any())
        {
            throw new CommandRefusedException($"{staging} is in the way: pictures gather there. Remove it, or choose another folder with --out.");
        }

        if (File.Exists(mark) && File.ReadAllText(mark) != what)
        {
            Directory.Delete(staging, recursive: true);
        }

        Directory.CreateDirectory(staging);
        File.WriteAllText(mark, what);
        foreach (var manifest in Directory.GetFiles(staging, "*.manifest"))
        {
            // A dataset that the project had then and has no longer.
            File.Delete(manifest);
        }
    }

    private static JsonObject Json(Choice choice, DatasetDownload download, Findings findings, ConversionResult result) => new()
    {
        ["folder"] = choice.Folder,
        ["format"] = choice.To.Word(),
        ["images"] = result.ImageCount,
        ["boxes"] = result.Boxes,
        ["labels"] = new JsonArray([.. result.Labels.Select(l => (JsonNode)l)]),
        ["pictures"] = result.Pictures,
        ["bytes"] = download.Bytes,
        ["withoutPicture"] = download.WithoutPicture,
        ["findings"] = FindingLines.Json(findings.Groups),
    };

    private sealed class Count(Action<string, int, int> report, int total) : IProgress<int>
    {
        public void Report(int value) => report("Writing", value, total);
    }
}
