using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Ocellus.Encodings;
using Ocellus.Formats;
using Ocellus.Training.Job;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary><c>ocellus import</c>: labelled images of any format, brought to a project of a server.</summary>
internal static partial class ImportCommand
{
    /// <summary>Findings of a kind that are shown; the others are counted.</summary>
    private const int ShownMax = 3;

    public static Command Create()
    {
        var source = new Argument<string>("SOURCE") { Description = "Folder, zip file or file of labels, in a format that `ocellus convert` reads." };
        var project = new Option<string>("--project")
        {
            Description = "Name of the project; it is created if there is none.",
            Required = true,
            HelpName = "NAME",
        };
        project.Refusing((name, _) => ProjectName().IsMatch(name) ? null
            : $"--project '{Readable.Truncate(name)}' is no name of a project: it has 1 to 255 letters, digits, hyphens, dots and underscores.");
        var from = ConvertCommand.FromOption();
        var images = ConvertCommand.ImagesOption();
        var fetch = SourceOpening.FetchOption();
        var bucket = new Option<string?>("--bucket")
        {
            Description = "Bucket of the pictures, created if there is none; that of the project's images, or one of the account.",
            HelpName = "NAME",
        };
        var prefix = new Option<string?>("--prefix") { Description = "What keys begin with; the name of the project.", HelpName = "TEXT" };
        prefix.Refusing((text, _) => text!.Split('/').All(p => p is not ("" or "." or "..")) && text.Length <= 200 && !text.Any(char.IsControl) ? null
            : $"--prefix '{Readable.Truncate(text)}' cannot begin keys: it is names with slashes between them, of 200 characters at most.");
        var update = new Option<bool>("--update") { Description = "Replace entries that are there with other labels." };
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var server = new ServerOptions();
        var command = new Command("import", "Brings labelled images of any format to a project of a server, and goes on where it was interrupted.")
        {
            source, project, from, images, fetch, bucket, prefix, update, json,
        };
        foreach (var option in server.All)
        {
            command.Add(option);
        }

        command.Act((parsed, terminal, cancel) => Resumable.RunAsync(terminal, () => RunAsync(
            parsed.GetValue(source)!, new() { Format = DataFormats.Parse(parsed.GetValue(from) ?? ""), Images = parsed.GetValue(images) },
            new(parsed.GetValue(project)!, parsed.GetValue(bucket), parsed.GetValue(prefix), parsed.GetValue(update)),
            server.Resolve(parsed), parsed.GetValue(fetch), parsed.GetValue(json), terminal, cancel), cancel));
        return command;
    }

    private static async Task<int> RunAsync(
        string path, SourceOptions reading, ImportOptions options, ServiceEndpoint endpoint, bool fetch, bool json, Terminal terminal, CancellationToken cancel)
    {
        using var client = new ServiceClient(endpoint);
        using var source = await SourceOpening.OpenAsync(path, reading, fetch, terminal, cancel);
        var began = TimeProvider.System.GetTimestamp();
        var summary = await terminal.ShowAsync(
            progress => new DatasetImport(
                client, options, TimeProvider.System.GetUtcNow(), (what, step, steps) => progress.Report(new JobProgress(what, step, steps, null, null)))
            {
                Unreadable = (image, reason) => source.Findings.Error(
                    "unreadable-picture", image.Place, $"{image.Name} cannot be read: {reason}", "Save it again as JPEG or PNG, or remove it."),
            }.RunAsync(source, cancel));
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        if (json)
        {
            var result = summary.ToJson();
            result["format"] = source.Format.Word();
            result["seconds"] = Math.Round(seconds, 2);
            result["findings"] = FindingLines.Json(source.Findings.Groups);
            terminal.Json(result);
            return ExitCodes.Done;
        }

        Show(summary, source.Findings, seconds, terminal);
        return ExitCodes.Done;
    }

    private static void Show(ImportSummary summary, Findings findings, double seconds, Terminal terminal)
    {
        terminal.Result(summary.Project);
        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture,
                $"  {summary.Uploaded} pictures uploaded to s3://{summary.Bucket} ({summary.Bytes / 1048576.0:0.0} MB) in {seconds:0.0} s; "
                    + $"{summary.Kept} were there."));
        foreach (var set in summary.Datasets)
        {
            terminal.Result(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {set.Type}: {set.Written} entries written, {set.Known} were there. Now {set.Total} entries ({set.Labelled} labelled), "
                        + $"{set.Labels} labels: {set.Arn}"));
            if (set.Differing > 0)
            {
                terminal.Remark($"  {set.Differing} entries have other labels there and were left as they are; --update replaces them.");
            }

            if (set.Errors > 0)
            {
                terminal.Remark($"  {set.Errors} entries of {set.Type} have errors; the console shows them, and ListDatasetEntries with HasErrors.");
            }
        }

        if (summary.ValidationToTrain > 0)
        {
            terminal.Remark($"  {summary.ValidationToTrain} images for validation went to TRAIN, since the source has a test too.");
        }

        foreach (var line in FindingLines.Of(findings.Groups, ShownMax))
        {
            terminal.Remark(line);
        }
    }

    [GeneratedRegex(@"\A[a-zA-Z0-9_.\-]{1,255}\z")]
    private static partial Regex ProjectName();
}
