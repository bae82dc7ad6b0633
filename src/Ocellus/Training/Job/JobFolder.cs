using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Vision;
using Ocellus.Vision.Kernels;

namespace Ocellus.Training.Job;

/// <summary>What is to be trained. Written once, before the job exists.</summary>
internal sealed record JobDescription
{
    public required string ProjectVersionArn { get; init; }

    public required string ProjectName { get; init; }

    public required string VersionName { get; init; }

    /// <summary>The test images are split off the training manifest, for this training only.</summary>
    public bool AutoSplit { get; init; }

    /// <summary>The caller was not allowed to read the manifests, so the folder has none.</summary>
    public bool ManifestDenied { get; init; }

    /// <summary>Equal data and seed give an equal model.</summary>
    public int Seed { get; init; }

    /// <summary>Maximum time of the learning itself; checks and tests are extra.</summary>
    public double TimeBudgetSeconds { get; init; } = TrainingOptions.TimeBudgetDefault.TotalSeconds;

    /// <summary>The plan of an earlier training, to repeat it: <c>plan</c> of its model.json. Threads, kernels and time are then those of the plan.</summary>
    public JsonElement? Plan { get; init; }

    /// <summary>The model in <see cref="JobFolder.Start"/> is gone on from: its name for the user. Null if there is none.</summary>
    public string? StartFrom { get; init; }

    /// <summary>By the quick recipe; not written otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Quick { get; init; }

    /// <summary>What the model is to compute with; not written if it is the default.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<TrainingPrecision>)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public TrainingPrecision Precision { get; init; }

    /// <summary>Threads to learn with; 0 for one for each core.</summary>
    public int Threads { get; init; }

    /// <summary>Maximum time of an answer on one core, milliseconds, for the choice of the input; null for no limit.</summary>
    public double? AnswerMillisecondsMax { get; init; }

    /// <summary>Which convolution kernels to use; not written if it is the default.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<KernelChoice>)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public KernelChoice Kernels { get; init; }
}

/// <summary>An image named in the manifests: where its copy is, or why there is none.</summary>
/// <param name="Ref">The <c>source-ref</c>.</param>
/// <param name="File">Name under <c>images/</c>, or an absolute path; null if it could not be fetched.</param>
/// <param name="Problem">Why not: <see cref="Missing"/>, <see cref="NoBucket"/>, <see cref="OtherOwner"/> or <see cref="Denied"/>.</param>
internal sealed record JobImage(string Ref, string? File, string? Problem)
{
    /// <summary>In local use the file on disk that was looked for; null for an object of a bucket.</summary>
    public string? LookedFor { get; init; }

    public const string Missing = "missing";
    public const string NoBucket = "no-bucket";
    public const string OtherOwner = "other-owner";
    public const string Denied = "denied";
}

/// <summary>How a job ended: <c>Completed</c> with a model, or <c>Failed</c> for a reason that would occur again in another training.</summary>
internal sealed record JobOutcome
{
    public required bool Completed { get; init; }

    /// <summary>For <c>StatusMessage</c>.</summary>
    public required string Message { get; init; }

    /// <summary>The manifests were checked: summary and validation manifests are in <c>out/</c>.</summary>
    public bool ContentChecked { get; init; }

    /// <summary>What the user should know about the model and the figures do not show, in sentences; the message has them too.</summary>
    /// <remarks>A file that lacks them has none: an initializer is lost where a file is read.</remarks>
    public IReadOnlyList<string> Remarks { get => field ?? []; init; }

    public double? F1 { get; init; }

    /// <summary>Steps of learning; null without any.</summary>
    public int? Steps { get; init; }

    /// <summary>Steps of learning if time were not short.</summary>
    public int? StepsPlanned { get; init; }

    public double TrainingSeconds { get; init; }

    public DateTimeOffset Ended { get; init; }
}

/// <summary>
/// The folder of one training: everything that the training process reads and writes. It is independent of the server, so that the
/// server and the command line use the same process.
/// </summary>
internal sealed class JobFolder(string path)
{
    public string Path { get; } = path;

    /// <summary>The name under which other servers find what a training needs to begin, or to go on.</summary>
    public string KeptName => $"jobs/{System.IO.Path.GetFileName(Path)}";

    /// <summary>What of it is kept elsewhere, as the store calls it; null if nothing is known to be.</summary>
    public string? Kept
    {
        get => File.Exists(In("kept")) ? File.ReadAllText(In("kept")) : null;
        set => File.WriteAllText(In("kept"), value ?? "");
    }

    /// <summary>Whether a file is needed to begin, or to go on; images are fetched from their buckets.</summary>
    public static bool IsInput(string file) =>
        file is "job.json" or "training.manifest" or "testing.manifest" or TrainingHistory.FileName
        || ((file.StartsWith("start/", StringComparison.Ordinal) || file.StartsWith("checkpoint/", StringComparison.Ordinal))
            && !file.EndsWith(".tmp", StringComparison.Ordinal));

    /// <summary>Called when a damaged file that can be made again is treated as missing.</summary>
    public Action<string>? Damaged { get; init; }

    /// <summary>The training manifest as it was when the training was requested.</summary>
    public string TrainingManifest => In("training.manifest");

    /// <summary>The test manifest; missing with an automatic split.</summary>
    public string TestingManifest => In("testing.manifest");

    public string Images => In("pictures");

    /// <summary>Output files, named as in the output location.</summary>
    public string Out => In("out");

    /// <summary>model.onnx and model.json.</summary>
    public string Model => In("model");

    /// <summary>model.onnx and model.json of the model that is gone on from; missing if there is none.</summary>
    public string Start => In("start");

    public string Checkpoint => In("checkpoint");

    /// <summary>Standard error of the training process.</summary>
    public string Log => In("training.log");

    /// <summary>The process that trains in the folder now; null if none does.</summary>
    public int? Process
    {
        get
        {
            try
            {
                OpenLock(Path).Dispose();
                return null;
            }
            catch (IOException)
            {
                return int.TryParse(File.Exists(In("process")) ? File.ReadAllText(In("process")) : "", out var id) ? id : 0;
            }
        }
    }

    private string Description => In("job.json");

    /// <summary>Takes the lock of a folder, which the training process holds.</summary>
    /// <exception cref="IOException">Another process has it.</exception>
    public static FileStream OpenLock(string path) =>
        new(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    /// <summary>Notes which process trains in the folder, for messages.</summary>
    public void WriteProcess(int id) => File.WriteAllText(In("process"), id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    private string Index => In("pictures.json");

    private string Ended => In("outcome.json");

    public string OutFile(string kind, JobDescription job) => System.IO.Path.Combine(Out, FileName(kind, job.ProjectName, job.VersionName));

    /// <summary>Name of an output file in the output location, such as <c>ManifestSummary-project-version.json</c>.</summary>
    public static string FileName(string kind, string projectName, string versionName) => $"{kind}-{projectName}-{versionName}.json";

    public void Write(JobDescription job) => AtomicFile.Write(Description, JsonSerializer.SerializeToUtf8Bytes(job, JobJson.Default.JobDescription));

    /// <summary>The description exists, so the folder was completed.</summary>
    public bool IsWhole => File.Exists(Description);

    /// <exception cref="InvalidDataException">It is damaged; it is written only once, so it cannot be made again.</exception>
    public JobDescription Read() => Read(Description, JobJson.Default.JobDescription);

    public void Write(IReadOnlyList<JobImage> images) =>
        AtomicFile.Write(Index, JsonSerializer.SerializeToUtf8Bytes(images, JobJson.Default.IReadOnlyListJobImage));

    /// <summary>The images; null until all are fetched, or if the list is damaged: then they are fetched again.</summary>
    public IReadOnlyList<JobImage>? ReadImages()
    {
        var images = TryRead(Index, JobJson.Default.IReadOnlyListJobImage);
        if (images?.Any(image => image?.Ref is null) != true)
        {
            return images;
        }

        Damaged?.Invoke($"{Index} is damaged: an image in it has no name.");
        return null;
    }

    public void Write(JobOutcome outcome) => AtomicFile.Write(Ended, JsonSerializer.SerializeToUtf8Bytes(outcome, JobJson.Default.JobOutcome));

    /// <summary>How the job ended; null if it has not, or if the file is damaged: then it resumes from its last checkpoint and ends again.</summary>
    public JobOutcome? ReadOutcome() => TryRead(Ended, JobJson.Default.JobOutcome);

    private static T Read<T>(string file, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), type) ?? throw new InvalidDataException($"{file} is damaged: it says null.");
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{file} is damaged: {failure.Message}", failure);
        }
    }

    private T? TryRead<T>(string file, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return File.Exists(file) ? Read(file, type) : null;
        }
        catch (InvalidDataException failure)
        {
            Damaged?.Invoke(failure.Message);
            return null;
        }
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);
}

/// <summary>Names of the output files, before project and version.</summary>
internal static class OutputKinds
{
    public const string Evaluation = "EvaluationResultSummary";
    public const string TrainingSnapshot = "TrainingGroundTruth";
    public const string TestingSnapshot = "TestingGroundTruth";
    public const string TrainingValidation = "TrainingManifestWithValidation";
    public const string TestingValidation = "TestingManifestWithValidation";
    public const string Summary = "ManifestSummary";

    public static IReadOnlyList<string> All { get; } = [Evaluation, TrainingSnapshot, TestingSnapshot, TrainingValidation, TestingValidation, Summary];
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(JobDescription))]
[JsonSerializable(typeof(IReadOnlyList<JobImage>))]
[JsonSerializable(typeof(JobOutcome))]
[JsonSerializable(typeof(JobProgress))]
internal sealed partial class JobJson : JsonSerializerContext;
