using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Formats;
using Ocellus.Formats.Writers;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

/// <summary><c>ocellus convert</c>: labelled images from one format into another.</summary>
internal static class ConvertCommand
{
    /// <summary>Findings of a kind that are shown; the others are counted.</summary>
    private const int ShownMax = 3;

    /// <summary>Images between two reports of progress.</summary>
    private const int ReportEvery = 64;

    public static Command Create()
    {
        var source = new Argument<string>("SOURCE") { Description = "Folder, zip file or file of labels. Its format is recognized by its content." };
        var output = new Option<string>("--out") { Description = "The folder to make.", Required = true, HelpName = "DIR" };
        var to = FormatOption("--to", "The format to write", DatasetWriters.Formats, "manifest");
        var from = FromOption();
        var images = ImagesOption();
        var fetch = SourceOpening.FetchOption();
        var force = OutputFolder.ForceOption();
        var bucket = new Option<string>("--bucket")
        {
            Description = "Bucket that a manifest says the images are in; `ocellus train --images DIR` finds them whatever it is called.",
            DefaultValueFactory = _ => "dataset",
            HelpName = "NAME",
        };
        bucket.Refusing((name, text) => name.Length is >= 3 and <= 63 && name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '.')
            ? null
            : $"--bucket is '{text}'; a bucket has 3 to 63 lower-case letters, digits, dots and hyphens.");
        var noPictures = new Option<bool>("--no-pictures") { Description = "Write the labels alone." };
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command("convert", "Converts labelled images: COCO, YOLO, Pascal VOC, CSV, folders and others, also back.")
        {
            source, output, to, from, images, fetch, bucket, noPictures, force, json,
        };
        command.Act((parsed, terminal, cancel) => RunAsync(
            parsed.GetValue(source)!,
            new SourceOptions { Format = DataFormats.Parse(parsed.GetValue(from) ?? ""), Images = parsed.GetValue(images) },
            new ConversionPlan(DataFormats.Parse(parsed.GetValue(to)!)!.Value, parsed.GetValue(output)!)
            {
                WithPictures = !parsed.GetValue(noPictures),
                Bucket = parsed.GetValue(bucket)!,
                Created = TimeProvider.System.GetUtcNow(),
            },
            parsed.GetValue(fetch),
            parsed.GetValue(force),
            parsed.GetValue(json),
            terminal,
            cancel));
        return command;
    }

    /// <summary>The option that says what a source is, where it cannot be told or is told wrongly.</summary>
    public static Option<string?> FromOption() =>
        FormatOption("--from", "The format of the source, where it is not the one that is recognized", Enum.GetValues<DataFormat>(), null);

    /// <summary>The option of the pictures' folder, where they are not in the source.</summary>
    public static Option<string?> ImagesOption() =>
        new("--images") { Description = "Folder or zip file of the pictures, if they are not in the source.", HelpName = "DIR" };

    private static Option<string?> FormatOption(string name, string what, IEnumerable<DataFormat> formats, string? standard)
    {
        var words = string.Join(", ", formats.Select(f => f.Word()));
        var option = new Option<string?>(name) { Description = $"{what}: {words}.", HelpName = "FORMAT", DefaultValueFactory = _ => standard };
        return option.Refusing((value, text) => formats.Any(f => f.Word() == value) ? null : $"{name} is '{text}'; it takes {words}.");
    }

    private static async Task<int> RunAsync(
        string source, SourceOptions options, ConversionPlan plan, bool fetch, bool force, bool isJson, Terminal terminal, CancellationToken cancel)
    {
        var place = OutputFolder.Check(plan.Folder, force);
        using var reader = await SourceOpening.OpenAsync(source, options, fetch, terminal, cancel);
        var result = await terminal.ShowAsync(
            progress => Task.Run(() => Conversion.Run(reader, plan with { Folder = place.Written }, new Images(progress), cancel), cancel));
        if (place.Complete() is { } old)
        {
            terminal.Remark($"The folder that was there is now {old}.");
        }

        foreach (var line in FindingLines.Of(reader.Findings.Groups, ShownMax))
        {
            terminal.Remark(line);
        }

        if (isJson)
        {
            terminal.Json(Json(reader, plan, result));
            return ExitCodes.Done;
        }

        terminal.Result(Sentence(plan, result));
        if (FindingLines.Count(reader.Findings) is { } count)
        {
            terminal.Result($"{count}, above.");
        }

        if (plan.To == DataFormat.Manifest)
        {
            var test = File.Exists(Path.Combine(plan.Folder, ManifestWriter.FileOf(Split.Test)))
                ? $" --test-manifest {Path.Combine(plan.Folder, "test.manifest")}" : "";
            var around = Directory.Exists(source) ? source : Path.GetDirectoryName(Path.GetFullPath(source))!;
            var pictures = result.Pictures > 0 ? plan.Folder : options.Images ?? around;
            terminal.Result($"Train on it: ocellus train --manifest {Path.Combine(plan.Folder, "train.manifest")}{test} --images {pictures} --out model.zip");
        }

        return ExitCodes.Done;
    }

    private static string Sentence(ConversionPlan plan, ConversionResult result)
    {
        var splits = result.Images.Where(s => s.Key != Split.None).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key.Name()} {s.Value:N0}"))
            .ToList();
        var boxes = result.Boxes > 0 ? string.Create(CultureInfo.InvariantCulture, $" with {result.Boxes:N0} boxes") : "";
        var left = result.LeftOut > 0 ? string.Create(CultureInfo.InvariantCulture, $" {result.LeftOut:N0} were left out.") : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Wrote {result.ImageCount:N0} images{boxes} of {result.Labels.Count:N0} labels{(splits.Count > 0 ? $" ({string.Join(", ", splits)})" : "")} "
                + $"to {plan.Folder} as {plan.To.Title()}{(result.Pictures == 0 ? ", without pictures" : "")}.{left}");
    }

    private static JsonObject Json(SourceReader reader, ConversionPlan plan, ConversionResult result) => new()
    {
        ["from"] = reader.Format.Word(),
        ["to"] = plan.To.Word(),
        ["folder"] = Path.GetFullPath(plan.Folder),
        ["images"] = result.ImageCount,
        ["splits"] = new JsonObject(result.Images.Select(s => KeyValuePair.Create(s.Key == Split.None ? "none" : s.Key.Name(), (JsonNode?)s.Value))),
        ["boxes"] = result.Boxes,
        ["pictures"] = result.Pictures,
        ["left_out"] = result.LeftOut,
        ["labels"] = new JsonArray([.. result.Labels.Select(l => (JsonNode)l)]),
        ["findings"] = FindingLines.Json(reader.Findings.Groups),
    };

    private sealed class Images(IProgress<JobProgress> progress) : IProgress<int>
    {
        public void Report(int value)
        {
            if (value % ReportEvery == 0)
            {
                progress.Report(new JobProgress("Converting", value, 0, null, null));
            }
        }
    }
}
