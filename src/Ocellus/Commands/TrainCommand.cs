using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Formats;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using Ocellus.Vision.Recipes;

namespace Ocellus.Commands;

/// <summary><c>ocellus train</c>: a model from a manifest and a folder of images, without a server.</summary>
internal static partial class TrainCommand
{
    /// <summary>The bounds of <see cref="TrainingOptions.TimeBudget"/>.</summary>
    private static readonly TimeSpan _budgetMin = TimeSpan.FromSeconds(10), _budgetMax = TimeSpan.FromDays(1);

    /// <summary>Maximum lines with errors shown; a thousand would hide the first.</summary>
    private const int LinesShown = 10;

    public static Command Create()
    {
        var source = new Argument<string?>("SOURCE")
        {
            Description = "Folder, zip file or file of labels, in any format that convert reads. It tells which images are for the test; if it does not, a "
                + "fifth is held back.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var manifest = new Option<string?>("--manifest")
        {
            Description = "Instead of SOURCE, a training manifest: JSON Lines as Amazon SageMaker Ground Truth writes them. Needs --images.",
            HelpName = "FILE",
        };
        var images = new Option<string?>("--images")
        {
            Description = "Folder of the images. For a manifest s3://bucket/key is looked for at DIR/key, DIR/bucket/key, then under shorter ends of the key; "
                + "for a SOURCE it is needed only if the pictures are not in it.",
            HelpName = "DIR",
        };
        var from = ConvertCommand.FromOption();
        var fetch = SourceOpening.FetchOption();
        var output = new Option<string>("--out")
        {
            Description = "The model to write. Work in progress is beside it, in MODEL.zip.job.",
            Required = true,
            HelpName = "MODEL.zip",
        };
        var test = new Option<string?>("--test-manifest")
        {
            Description = "Manifest of the test images. Without it a fifth of the training manifest is held back for testing.",
            HelpName = "FILE",
        };
        var seed = new Option<int?>("--seed") { Description = "Number that all random choices follow from. [default: 0]", HelpName = "N" };
        var budget = new Option<TimeSpan?>("--time-budget")
        {
            Description = "Time limit of the learning itself, such as 10m, 600s, 1h or 00:10:00. The number of steps follows from it and from what the machine "
                + $"does meanwhile, so the same data and seed give the same model only while time is not short. [default: {TrainingOptions.TimeBudgetDefault}]",
            HelpName = "TIME",
            CustomParser = CommandLine.ParseDuration,
        };
        budget.Refusing((time, text) => time >= _budgetMin && time <= _budgetMax
            ? null
            : $"--time-budget is {text}; it must be from {_budgetMin.TotalSeconds} s to {_budgetMax.TotalHours} h.");
        var answerTime = AnswerTime.Option();
        var plan = PlanOption(seed, budget, answerTime);
        var quick = QuickOption(budget, plan);
        var start = StartOption(answerTime);
        var precision = PrecisionOption();
        var resume = new Option<bool>("--resume") { Description = "Continue an interrupted training." };
        var force = OutputFile.ForceOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var command = new Command(
            "train",
            "Trains a model from labelled images of any format, or from a manifest and a folder of images; no server is needed.")
            {
                source, manifest, images, output, from, fetch, test, seed, budget, answerTime, quick, start, plan, precision, resume, force, json,
            };
        command.Validators.Add(SourceOrManifest(source, manifest, images, [from, fetch], [test]));
        command.Act((parsed, terminal, cancel) => RunAsync(
            new Request(
                parsed.GetValue(source), DataFormats.Parse(parsed.GetValue(from) ?? ""), parsed.GetValue(fetch),
                parsed.GetValue(manifest), parsed.GetValue(test), parsed.GetValue(images), Path.GetFullPath(parsed.GetValue(output)!), parsed.GetValue(seed),
                parsed.GetValue(budget), parsed.GetValue(answerTime)?.TotalMilliseconds, parsed.GetValue(plan), parsed.GetValue(quick),
                parsed.GetValue(start), parsed.GetValue(precision), parsed.GetValue(resume), parsed.GetValue(json), parsed.GetValue(force)),
            terminal,
            cancel));
        return command;
    }

    private static async Task<int> RunAsync(Request request, Terminal terminal, CancellationToken cancel)
    {
        if (!TrainingLibrary.IsInstalled)
        {
            throw new CommandRefusedException(TrainingLibrary.NotInstalled);
        }

        var folder = new JobFolder(request.Output + ".job");
        var count = await PrepareAsync(request, folder, terminal, cancel);
        if (count.Missing.Count > 0 && request is { Manifest: not null, Images: { } looked })
        {
            terminal.Remark(count.Sentence(looked));
        }

        if (folder.ReadOutcome() is not { } outcome)
        {
            ShowWorst(request, terminal, cancel);
            var end = await terminal.ShowAsync(progress => TrainingProcess.RunAsync(folder, progress, yields: null, cancel), end => end.Outcome is not null);
            if (end.Outcome is null)
            {
                terminal.Complain(end.Stopped
                    ? $"Stopped. Run the same command with --resume to continue, or `rm -r {folder.Path}` to give up."
                    : $"The training ended without a result: {end.Reason} Its log is {folder.Log}. Run the same command with --resume to go "
                        + $"on from the last checkpoint.");
                return end.Stopped ? ExitCodes.Interrupted : ExitCodes.Refused;
            }

            outcome = end.Outcome;
        }

        var job = folder.Read();
        if (!outcome.Completed)
        {
            terminal.Complain($"The training failed: {outcome.Message}");
            ShowErrors(folder, job, terminal);
            // Training again would fail in the same way; what a person needs has been shown.
            Directory.Delete(folder.Path, recursive: true);
            return ExitCodes.Refused;
        }

        var summaryFile = folder.OutFile(OutputKinds.Evaluation, job);
        var summary = await File.ReadAllBytesAsync(summaryFile, CancellationToken.None);
        ModelArchive.Write(request.Output, folder.Model, summaryFile);
        Directory.Delete(folder.Path, recursive: true);
        if (request.Json)
        {
            terminal.Json(new JsonObject
            {
                ["model"] = request.Output,
                ["message"] = outcome.Message,
                ["remarks"] = new JsonArray([.. outcome.Remarks.Select(remark => (JsonNode)remark)]),
                ["steps"] = outcome.Steps,
                ["stepsPlanned"] = outcome.StepsPlanned,
                ["trainingSeconds"] = Math.Round(outcome.TrainingSeconds, 1),
                ["missingPictures"] = count.Missing.Count,
                ["evaluation"] = JsonNode.Parse(summary),
            });
            return ExitCodes.Done;
        }

        var report = EvaluationTables.Read(summary);
        terminal.Result(
            string.Create(
                CultureInfo.InvariantCulture, $"Trained in {outcome.TrainingSeconds:0} s. F1 {report.F1:0.000} on the test images. {outcome.Message}"));
        terminal.Result(EvaluationTables.Labels(report));
        var model = Path.GetRelativePath(Environment.CurrentDirectory, request.Output);
        var unpack = $"unzip {model} && python3 {ModelPackage.Folder(model)}/{ModelArchive.Program} IMAGE…";
        terminal.Result(
            $"""
            The model is {request.Output}
              ocellus detect {model} IMAGE…                            what is in an image
              ocellus evaluate {model} SOURCE                          how it does on other labelled images
              {unpack}    the same without Ocellus
            """);
        return ExitCodes.Done;
    }

    /// <summary>Creates the job's folder, or takes up an existing one.</summary>
    private static async Task<MissingImages> PrepareAsync(Request request, JobFolder folder, Terminal terminal, CancellationToken cancel)
    {
        foreach (var file in new[] { request.Manifest, request.TestManifest }.OfType<string>())
        {
            ManifestFile.Check(file);
        }

        if (request is { Manifest: not null, Images: not null } && !Directory.Exists(request.Images))
        {
            throw new CommandRefusedException($"There is no folder {request.Images}; --images names the folder of the images.");
        }

        OutputFile.Check("The model", request.Output, request.Force);
        if (Directory.Exists(folder.Path))
        {
            if (folder.Process is { } process)
            {
                throw new CommandRefusedException(
                    $"A training of {Path.GetFileName(request.Output)} is under way (process {process}); wait for it, or stop it with Ctrl-C where it runs.");
            }

            if (!request.Resume)
            {
                throw new CommandRefusedException(
                    $"{folder.Path} holds an interrupted training. Add --resume to continue it, or remove that folder to start over.");
            }

            if (folder.ReadImages() is { } known && folder.IsWhole)
            {
                await CheckSameAsync(request, folder, terminal, cancel);
                return Count(known);
            }

            // Interrupted before anything was learnt.
            Directory.Delete(folder.Path, recursive: true);
        }

        var plan = ReadPlan(request.Plan);
        // Images and labels of the job are for its user only.
        FileSystem.KeepPrivate();
        Directory.CreateDirectory(folder.Path);
        try
        {
            var images = request.Manifest is { } training
                ? await CopyManifestsAsync(request, training, folder, cancel)
                : await WriteSourceAsync(request, folder, terminal, cancel);
            folder.Write(images);
            // The description last: a folder without it is incomplete.
            var name = Path.GetFileNameWithoutExtension(request.Output);
            folder.Write(new JobDescription
            {
                ProjectVersionArn = Path.GetFileName(request.Output),
                ProjectName = "local",
                VersionName = name,
                AutoSplit = !File.Exists(folder.TestingManifest),
                Seed = SeedOf(request, plan),
                Plan = plan,
                TimeBudgetSeconds = (request.TimeBudget ?? TrainingOptions.TimeBudgetDefault).TotalSeconds,
                AnswerMillisecondsMax = request.AnswerMilliseconds,
                Quick = request.Quick,
                Precision = request.Precision ?? TrainingPrecision.Float,
                StartFrom = CopyStart(request.StartFrom, folder),
            });
            return Count(images);
        }
        catch
        {
            Directory.Delete(folder.Path, recursive: true);
            throw;
        }
    }

    /// <summary>Copies the manifests into the job's folder and finds their images.</summary>
    private static async Task<IReadOnlyList<JobImage>> CopyManifestsAsync(Request request, string training, JobFolder folder, CancellationToken cancel)
    {
        File.Copy(training, folder.TrainingManifest);
        if (request.TestManifest is not null)
        {
            File.Copy(request.TestManifest, folder.TestingManifest);
        }

        return await FindAsync(request, training, folder, cancel) is { Count: > 0 } images ? images : throw new CommandRefusedException(
            $"{training} names no image: each of its lines should be a JSON object with \"source-ref\": \"s3://bucket/key\" and a label.");
    }

    /// <summary>Names the image's own file, not a copy: the job's folder takes a rooted path as it is.</summary>
    private static async Task<IReadOnlyList<JobImage>> FindAsync(Request request, string training, JobFolder folder, CancellationToken cancel)
    {
        var files = new ImageFolder(request.Images!);
        var images = new Dictionary<string, JobImage>(StringComparer.Ordinal);
        foreach (var manifest in request.TestManifest is null ? [folder.TrainingManifest] : new[] { folder.TrainingManifest, folder.TestingManifest })
        {
            var given = manifest == folder.TrainingManifest ? training : request.TestManifest!;
            var named = new HashSet<string>(StringComparer.Ordinal);
            await using var stream = File.OpenRead(manifest);
            await foreach (var line in ManifestReader.ParseAsync(stream, cancel))
            {
                TextFile.Check(given, line);
                if (line.Bucket.Length > 0 && named.Add(line.SourceRef) && !images.ContainsKey(line.SourceRef))
                {
                    var file = files.Find(line.Bucket, line.Key);
                    var used = file is null ? null : LocalCopies.Use(file, folder, images.Count);
                    images.Add(line.SourceRef, new JobImage(line.SourceRef, used, file is null ? JobImage.Missing : null)
                    {
                        LookedFor = file ?? files.LookedFor(line.Bucket, line.Key),
                    });
                }
            }

            Count(named.Select(name => images[name])).Check(given, request.Images!);
        }

        return [.. images.Values];
    }

    private static MissingImages Count(IEnumerable<JobImage> images)
    {
        List<JobImage> all = [.. images];
        return new MissingImages(all.Count, [.. all.Where(image => image.File is null).Select(image => (image.Ref, image.LookedFor))]);
    }

    private sealed record Request(
        string? Source, DataFormat? From, bool Fetch, string? Manifest, string? TestManifest, string? Images, string Output,
        int? Seed, TimeSpan? TimeBudget, double? AnswerMilliseconds, string? Plan,
        bool Quick, string? StartFrom, TrainingPrecision? Precision, bool Resume, bool Json, bool Force);
}
