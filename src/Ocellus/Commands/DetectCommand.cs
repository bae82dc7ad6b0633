using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Hosting;
using Ocellus.Refusals;
using Ocellus.Vision.Images;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary><c>ocellus detect</c>: what a model finds in images, without a server.</summary>
internal static class DetectCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "A model.zip of `ocellus train` or `ocellus export`, or a folder with its files." };
        var images = new Argument<string[]>("IMAGE")
        {
            Description = "Images, or folders of them: JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF, of any size.",
            Arity = ArgumentArity.OneOrMore,
        };
        var confidence = new Option<double?>("--min-confidence")
        {
            Description = "Minimum confidence, 0 to 100, for every label. Without it each label has its own threshold, found in testing.",
            HelpName = "N",
        };
        confidence.Refusing((value, text) => value is >= 0 and <= 100 ? null : $"--min-confidence is {text}; it is from 0 to 100.");
        var max = new Option<int?>("--max-results") { Description = "Maximum labels of one image.", HelpName = "N" };
        max.Refusing((value, text) => value >= 0 ? null : $"--max-results is {text}; it is 0 or more.");
        var json = new Option<bool>("--json")
        {
            Description = "Write one JSON object per image, one per line; an image without an answer has an error in its place. "
                + "A model that computes with 8 bits says so as precision.",
        };
        var draw = BoxDrawings.Option();
        var command = new Command("detect", "Queries a model about images; no server is needed.") { model, images, confidence, max, json, draw };
        command.Act((parsed, terminal, cancel) => Task.Run(
            () => Run(
                parsed.GetValue(model)!, parsed.GetValue(images)!, parsed.GetValue(confidence), parsed.GetValue(max), parsed.GetValue(json),
                parsed.GetValue(draw), terminal, cancel),
            CancellationToken.None));
        return command;
    }

    private static int Run(
        string path, string[] named, double? minConfidence, int? maxResults, bool json, string? draw, Terminal terminal, CancellationToken cancel)
    {
        using var model = ModelArchive.Open(path, threads: 1);
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Image").AddColumn("Label").AddColumn(new TableColumn("Confidence").RightAligned());
        var boxes = model.Description.Kind == Vision.Inference.ModelKinds.Localization;
        var drawings = draw is null ? null : BoxDrawings.For(model, draw);
        if (boxes)
        {
            table.AddColumn("Box: left, top, width, height");
        }

        int answered = 0, refused = 0;
        List<string> files = [.. Files(named, name =>
        {
            refused++;
            Refuse(terminal, json, name, "no such file or folder.");
        })];
        // One thread per image and as many images at once as there are cores; answers keep the order of the files.
        foreach (var (file, labels, problem) in files.AsParallel().AsOrdered().WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(cancel)
            .Select(file => Answer(file)))
        {
            if (problem is not null)
            {
                refused++;
                Refuse(terminal, json, file, problem);
                continue;
            }

            answered++;
            drawings?.Write(model, LocalImage.Read(file), file, labels);
            if (json)
            {
                var line = new JsonObject { ["picture"] = file, ["CustomLabels"] = Answers.Json(labels) };
                if (model.Description.Precision is { } precision)
                {
                    line["precision"] = precision;
                }

                terminal.Json(line);
            }
            else
            {
                AddRows(table, file, labels, boxes);
            }
        }

        if (!json && answered > 0)
        {
            terminal.Result(table);
        }

        if (answered == 0 && refused == 0)
        {
            throw new CommandRefusedException(
                $"No image was found: {string.Join(", ", named)} {(named.Length == 1 ? "has" : "have")} no file that ends in "
                    + $"{string.Join(", ", LocalImage.Extensions)}.");
        }

        if (refused > 0 && answered + refused > 1)
        {
            terminal.Complain(string.Create(CultureInfo.InvariantCulture, $"{refused} of {answered + refused} images could not be processed."));
        }

        return refused > 0 ? ExitCodes.Refused : ExitCodes.Done;

        (string File, IReadOnlyList<CustomLabel> Labels, string? Problem) Answer(string file)
        {
            try
            {
                var predictions = model.Predict([Answers.Prepare(model, file)])[0];
                return (file, Answers.Choose(model.Description, predictions, minConfidence, maxResults), null);
            }
            catch (Exception failure) when (failure is ImageRefusedException or IOException or UnauthorizedAccessException)
            {
                return (file, [], failure.Message);
            }
        }
    }

    /// <summary>What has no answer has a line all the same: a program counts lines.</summary>
    private static void Refuse(Terminal terminal, bool json, string file, string problem)
    {
        terminal.Complain($"{file}: {problem}");
        if (json)
        {
            terminal.Json(new JsonObject { ["picture"] = file, ["error"] = problem });
        }
    }

    private static IEnumerable<string> Files(IEnumerable<string> named, Action<string> refused)
    {
        foreach (var name in named)
        {
            if (Directory.Exists(name))
            {
                foreach (var file in Directory.EnumerateFiles(name, "*", SearchOption.AllDirectories)
                    .Where(f => LocalImage.IsNamed(f)).Order(StringComparer.Ordinal))
                {
                    yield return file;
                }
            }
            else if (File.Exists(name))
            {
                yield return name;
            }
            else
            {
                refused(name);
            }
        }
    }

    private static void AddRows(Table table, string file, IReadOnlyList<CustomLabel> labels, bool boxes)
    {
        if (labels.Count == 0)
        {
            table.AddRow([new Text(file), new Text("(nothing above the threshold)"), new Text(""), .. boxes ? new[] { new Text("") } : []]);
        }

        for (var i = 0; i < labels.Count; i++)
        {
            var confidence = labels[i].Confidence!.Value.ToString("0.0", CultureInfo.InvariantCulture);
            table.AddRow([new Text(i == 0 ? file : ""), new Text(labels[i].Name!), new Text(confidence), .. boxes ? new[] { new Text(Box(labels[i])) } : []]);
        }
    }

    /// <summary>Ratios of the image, as the API has them.</summary>
    internal static string Box(CustomLabel label) => label.Geometry?.BoundingBox is { } box
        ? string.Create(CultureInfo.InvariantCulture, $"{box.Left:0.000}, {box.Top:0.000}, {box.Width:0.000}, {box.Height:0.000}")
        : "";
}
