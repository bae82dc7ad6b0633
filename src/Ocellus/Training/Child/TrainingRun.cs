using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Training.Evaluation;
using Ocellus.Training.Job;
using Ocellus.Vision;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Child;

/// <summary>
/// One training, from fetched files to a tested model, in the training process: line checks, image checks, split, content checks,
/// learning, testing, output files. The order is that of the wire specification.
/// </summary>
internal sealed class TrainingRun(JobFolder folder, TrainingPace pace, TimeProvider clock)
{
    /// <summary>Bytes of an image: 15 MB. AWS quota.</summary>
    private const long ImageBytesMax = 15L << 20;

    private const string Ready = "The model is ready to run.";

    private readonly JobDescription _job = folder.Read();

    /// <summary>Headers of the images that passed the check, so that no file is read again just for its size.</summary>
    private readonly ConcurrentDictionary<string, ImageHeader> _headers = new(StringComparer.Ordinal);

    private int Threads => ThreadsOf(_job);

    /// <summary>Threads that a job may take.</summary>
    public static int ThreadsOf(JobDescription job) => job.Threads > 0 ? job.Threads : Environment.ProcessorCount;

    /// <summary>Trains and returns the outcome. Started again after a crash, it resumes from the last checkpoint.</summary>
    /// <exception cref="OperationCanceledException">Stopped; the checkpoint is written.</exception>
    public JobOutcome Run(IProgress<JobProgress> progress, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder.Out);
        var images = (folder.ReadImages() ?? throw new InvalidOperationException("The job has no pictures.json."))
            .ToDictionary(p => p.Ref, StringComparer.Ordinal);
        var training = ReadLines(folder.TrainingManifest, cancel);
        var testing = _job.AutoSplit ? [] : ReadLines(folder.TestingManifest, cancel);
        CheckImages([.. training, .. testing], images, progress, cancel);

        List<ContentError> trainingErrors = [.. FetchErrors(training, images)], testingErrors = [.. FetchErrors(testing, images)];
        if (_job.AutoSplit && !Split(ref training, ref testing))
        {
            trainingErrors.Add(ContentError.NoAutoSplit);
        }

        var content = ContentCheck.Run(training, testing, trainingErrors, testingErrors);
        WriteOut(OutputKinds.Summary, ManifestSummary.Write(content));
        WriteOut(OutputKinds.TrainingValidation, training.Select(l => l.ToValidationLine()));
        WriteOut(OutputKinds.TestingValidation, testing.Select(l => l.ToValidationLine()));
        var refusal = content.FirstMessage ?? (content.UseCase == UseCase.NotDetermined ? "The manifests have no labels to learn." : null);
        if (refusal is not null)
        {
            return Failed($"{refusal} {ContentExplanation.Of(content, training, testing)}".TrimEnd(), contentChecked: true);
        }

        try
        {
            return Learn(content, images, progress, cancel);
        }
        catch (Exception failure) when (failure is TrainingDivergedException or PlanException or StartException)
        {
            return Failed(failure.Message, contentChecked: true);
        }
    }

    private JobOutcome Learn(ContentResult content, Dictionary<string, JobImage> images, IProgress<JobProgress> progress, CancellationToken cancel)
    {
        Directory.CreateDirectory(folder.Checkpoint);
        var input = new JobInput(_job, content, line => Bytes(line, images), line => _headers[line.SourceRef], Threads, pace, folder.Checkpoint, progress)
        {
            From = _job.StartFrom is null ? null : StartFolder.Read(folder.Start),
        };
        var result = content.UseCase == UseCase.ObjectLocalization ? DetectorJob.Run(input, cancel) : ClassifierJob.Run(input, cancel);
        var int8 = _job.Precision == TrainingPrecision.Int8 ? Int8Job.Run(input, result, cancel) : null;
        var offered = int8 is { Gate.IsPassed: true } ? int8 : null;
        var description = result.Description with
        {
            Thresholds = [.. result.Tested.Report.Labels.Select(l => l.Threshold)],
            EightBit = offered?.Description,
        };
        // The evaluation is that of the file that will be served here.
        var served = ServedModel.Of(description, speed: null);
        var shown = served.Precision == ModelPrecisions.EightBit ? offered!.Tested : result.Tested;
        description = description with
        {
            Remarks = [.. new[] { shown.Report.Remark, result.Remark, int8?.Gate.Sentence }.OfType<string>()],
        };
        var ended = clock.GetUtcNow();
        WriteOut(OutputKinds.TrainingSnapshot, result.TrainingSnapshot);
        WriteOut(OutputKinds.TestingSnapshot, shown.Snapshot(ended));
        WriteOut(
            OutputKinds.Evaluation,
            EvaluationSummaryWriter.Write(
                shown.Report, ended, content.Training.Usable.Count, result.TestedLines, _job.ProjectVersionArn, int8?.Gate));
        ModelFiles.Save(folder.Model, result.Model, description, offered?.Model);
        return new JobOutcome
        {
            Completed = true,
            Message = string.Join(' ', [Ready, .. description.Remarks, .. new[] { served.Reason }.OfType<string>()]),
            Remarks = description.Remarks,
            ContentChecked = true,
            F1 = shown.Report.F1,
            Steps = result.Steps.Taken,
            StepsPlanned = result.Steps.Planned,
            TrainingSeconds = result.Seconds,
            Ended = ended,
        };
    }

    private JobOutcome Failed(string message, bool contentChecked) =>
        new() { Completed = false, Message = message, ContentChecked = contentChecked, Ended = clock.GetUtcNow() };

    private static List<ParsedLine> ReadLines(string path, CancellationToken cancel)
    {
        using var stream = File.OpenRead(path);
        return [.. ManifestReader.ParseAsync(stream, cancel).ToBlockingEnumerable(cancel)];
    }

    /// <summary>Decodes the image of every usable line, as the training will: a line with an unusable image is excluded.</summary>
    private void CheckImages(IReadOnlyList<ParsedLine> lines, Dictionary<string, JobImage> images, IProgress<JobProgress> progress, CancellationToken cancel)
    {
        var done = 0;
        var lastReport = 0L;
        Parallel.ForEach(lines, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Threads }, line =>
        {
            if (line.IsUsable)
            {
                CheckImage(line, images);
            }

            var count = Interlocked.Increment(ref done);
            var last = Interlocked.Read(ref lastReport);
            if ((count == lines.Count || Stopwatch.GetElapsedTime(last).TotalSeconds >= 1)
                && Interlocked.CompareExchange(ref lastReport, Stopwatch.GetTimestamp(), last) == last)
            {
                progress.Report(new JobProgress("checking images", count, lines.Count, null, null));
            }
        });
    }

    private void CheckImage(ParsedLine line, Dictionary<string, JobImage> images)
    {
        const string code = "ERROR_INVALID_IMAGE", text = "The image is invalid. Check S3 path and/or image properties.";
        var image = images.GetValueOrDefault(line.SourceRef);
        if (image?.File is not { } file)
        {
            line.Add(
                image?.LookedFor is { } sought
                    ? new LineIssue(code, $"There is no file {sought}.", IssueLevel.Line)
                    : new LineIssue(code, text, IssueLevel.Line) { Detail = $"{Readable.Truncate(line.SourceRef)} could not be read." });
            return;
        }

        var path = Path.Combine(folder.Images, file);
        var length = new FileInfo(path).Length;
        try
        {
            if (image.LookedFor is not null && length == 0)
            {
                throw new ImageRefusedException(ImageProblem.NotAImage, "It is empty, or is no regular file.");
            }

            // A file of this machine need not fit through a request.
            if (image.LookedFor is null && length > ImageBytesMax)
            {
                throw new ImageRefusedException(ImageProblem.TooLarge, $"The image has {length:N0} bytes; the maximum is {ImageBytesMax:N0}.");
            }

            var bytes = File.ReadAllBytes(path);
            var header = ImageDecoder.ReadHeader(bytes);
            ImageDecoder.Check(header, ImageLimits.Default);
            _headers[line.SourceRef] = header;
            // To a small size: JPEGs are then decoded at a fraction of theirs, and truncated ones are still detected.
            if (ImageDecoder.DecodeSquashed(bytes, 64, 64).Warning is { } warning)
            {
                line.Add(new LineIssue("WARNING_TRUNCATED_IMAGE", warning.Message, IssueLevel.Line, IsWarning: true));
            }
        }
        catch (ImageRefusedException refusal)
        {
            line.Add(new LineIssue(code, image.LookedFor is { } local ? $"{local} cannot be used." : text, IssueLevel.Line) { Detail = refusal.Message });
        }
    }

    /// <summary>Terminal errors that are known only after fetching the images.</summary>
    private static IEnumerable<ContentError> FetchErrors(IReadOnlyList<ParsedLine> lines, Dictionary<string, JobImage> images)
    {
        List<JobImage> named =
        [
            .. lines.Where(l => l.SourceRef.Length > 0)
                .Select(l => images.GetValueOrDefault(l.SourceRef) ?? new JobImage(l.SourceRef, null, JobImage.Missing)),
        ];
        if (named.Exists(p => p.Problem == JobImage.NoBucket) || (named.TrueForAll(p => p.File is null) && named.Exists(p => p.Problem == JobImage.Denied)))
        {
            yield return ContentError.ImageBucketPermissions;
        }
        else if (named.Exists(p => p.Problem == JobImage.OtherOwner))
        {
            yield return ContentError.ImageBucketOwner;
        }
        else if (named.Count > 0 && named.TrueForAll(p => p.File is null))
        {
            yield return ContentError.ImagesNotCopied;
        }
    }

    /// <summary>Moves the test lines out of the training lines, stratified by label; excluded lines stay.</summary>
    private bool Split(ref List<ParsedLine> training, ref List<ParsedLine> testing)
    {
        var usable = training.Where(l => l.IsUsable).ToList();
        var isTest = StratifiedSplit.Split([.. usable.Select(l => (IReadOnlyList<string>)[.. l.ImageLabels.Concat(l.BoxLabels)])], seed: _job.Seed);
        if (isTest is null)
        {
            return false;
        }

        HashSet<ParsedLine> chosen = [.. usable.Where((_, i) => isTest[i])];
        testing = [.. training.Where(chosen.Contains)];
        training = [.. training.Where(l => !chosen.Contains(l))];
        return true;
    }

    private byte[] Bytes(ParsedLine line, Dictionary<string, JobImage> images) => File.ReadAllBytes(Path.Combine(folder.Images, images[line.SourceRef].File!));

    private void WriteOut(string kind, string text) => WriteOut(kind, [text]);

    /// <summary>Writes lines with a line break after each, including the last.</summary>
    private void WriteOut(string kind, IEnumerable<string> lines)
    {
        AtomicFile.Write(folder.OutFile(kind, _job), stream =>
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" };
            foreach (var line in lines)
            {
                writer.WriteLine(line);
            }
        });
    }
}
