using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Formats;
using Ocellus.Formats.Checks;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Training.Job;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary><c>ocellus check</c>: what is wrong with labelled images, before a model learns it.</summary>
internal static class CheckCommand
{
    /// <summary>Findings of a kind that are shown; the others are counted, and in the reports.</summary>
    private const int ShownMax = 5;

    public static Command Create()
    {
        var source = new Argument<string>("SOURCE")
        {
            Description = "Folder, zip file or file of labels, in any format that convert reads; or the ARN of a dataset or project.",
        };
        var from = ConvertCommand.FromOption();
        var images = ConvertCommand.ImagesOption();
        var fetch = SourceOpening.FetchOption();
        var html = new Option<string?>("--html") { Description = "Also write a report with the pictures, as one HTML file.", HelpName = "REPORT.html" };
        var force = OutputFile.ForceOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command(
            "check",
            "Checks labelled images: errors with their lines, unreadable pictures, duplicates, pictures in both training and test, labels that look wrong.")
        {
            source, from, images, fetch, html, force, json,
        };
        var server = new ServerOptions();
        foreach (var option in server.All)
        {
            command.Add(option);
        }

        command.Act(async (parsed, terminal, cancel) =>
        {
            var path = parsed.GetValue(source)!;
            using var fetched = Arn.TryParse(path) is null ? null : await FetchedDataset.GetAsync(server.Resolve(parsed), path, terminal, cancel);
            return await RunAsync(
                fetched?.Folder ?? path,
                fetched?.Options ?? new SourceOptions { Format = DataFormats.Parse(parsed.GetValue(from) ?? ""), Images = parsed.GetValue(images) },
                fetched is null && parsed.GetValue(fetch),
                parsed.GetValue(html) is { } file ? Path.GetFullPath(file) : null,
                parsed.GetValue(force), parsed.GetValue(json), terminal, cancel);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        string source, SourceOptions options, bool fetch, string? html, bool force, bool isJson, Terminal terminal, CancellationToken cancel)
    {
        if (html is not null)
        {
            OutputFile.Check("The report", html, force);
        }

        using var reader = await SourceOpening.OpenAsync(source, options, fetch, terminal, cancel);
        var report = await terminal.ShowAsync(progress => Task.Run(
            () => SourceCheck.Run(
                reader.Read(cancel), new SourcePlace(source), reader.Findings, Environment.ProcessorCount,
                (done, all) => progress.Report(new JobProgress("Looking at pictures", done, all, null, null)), cancel),
            cancel));
        if (report.Counts.Images.Count == 0)
        {
            var why = reader.Findings.Groups is [var first, ..] ? $" {first.First[0].Place}: {first.First[0].Words} {first.First[0].Remedy}" : "";
            throw new CommandRefusedException($"Nothing in the source can be used ({reader.Description}).{why}");
        }

        if (html is not null)
        {
            CheckPage.Write(html, source, report);
        }

        if (isJson)
        {
            terminal.Json(Json(reader, report));
        }
        else
        {
            Show(report, html, terminal);
        }

        return reader.Findings.Errors == 0 ? ExitCodes.Done : ExitCodes.Refused;
    }

    private static void Show(CheckReport report, string? html, Terminal terminal)
    {
        var counts = report.Counts;
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("Label", "For", "Images", "Boxes");
        foreach (var label in counts.Labels)
        {
            table.AddRow(
                Markup.Escape(label.Label), label.Split == Split.None ? "" : label.Split.Name(), label.Images.ToString("N0", CultureInfo.InvariantCulture),
                label.Boxes.ToString("N0", CultureInfo.InvariantCulture));
        }

        terminal.Result(table);
        foreach (var line in FindingLines.Of(report.Findings.Groups, ShownMax))
        {
            terminal.Result(line);
        }

        if (report.JudgedBoxes is { } boxes)
        {
            terminal.Result(string.Create(
                CultureInfo.InvariantCulture, $"Of {counts.Boxes:N0} boxes {boxes:N0}, spread over all images, were judged for wrong labels."));
        }

        if (report.ComparedPictures is { } pictures)
        {
            terminal.Result(string.Create(CultureInfo.InvariantCulture, $"The first {pictures:N0} pictures were looked at and compared."));
        }

        var images = string.Create(CultureInfo.InvariantCulture, $"{counts.Images.Values.Sum():N0} images");
        terminal.Result(FindingLines.Count(report.Findings) is { } found ? $"{images}: {found}." : $"{images}: nothing is wrong that can be seen.");
        if (html is not null)
        {
            terminal.Result($"The report with the pictures is {html}.");
        }
    }

    private static JsonObject Json(SourceReader reader, CheckReport report) => new()
    {
        ["format"] = reader.Format.Word(),
        ["images"] = report.Counts.Images.Values.Sum(),
        ["boxes"] = report.Counts.Boxes,
        ["unlabelled"] = report.Counts.Unlabelled,
        ["labels"] = new JsonArray([
            .. report.Counts.Labels.Select(l => new JsonObject { ["label"] = l.Label, ["split"] = Name(l.Split), ["images"] = l.Images, ["boxes"] = l.Boxes }),
        ]),
        ["findings"] = FindingLines.Json(report.Findings.Groups),
        ["same"] = new JsonArray([
            .. report.Same.Select(s => new JsonObject
            {
                ["first"] = s.First.Name, ["other"] = s.Other.Name, ["exact"] = s.IsExact, ["mirrored"] = s.IsMirrored,
                ["similarity"] = Math.Round(s.Similarity, 4), ["leak"] = EqualFiles.IsTraining(s.First) != EqualFiles.IsTraining(s.Other),
            }),
        ]),
        ["suspects"] = new JsonArray([
            .. report.Suspects.Select(s => new JsonObject
            {
                ["image"] = s.Image.Name, ["label"] = s.Label, ["score"] = Math.Round(s.Score, 4), ["likelier"] = s.Likelier,
                ["likelierScore"] = Math.Round(s.LikelierScore, 4),
                ["box"] = s.Box is { } b ? new JsonArray(Math.Round(b.Left, 2), Math.Round(b.Top, 2), Math.Round(b.Width, 2), Math.Round(b.Height, 2)) : null,
            }),
        ]),
    };

    private static string Name(Split split) => split == Split.None ? "none" : split.Name();
}
