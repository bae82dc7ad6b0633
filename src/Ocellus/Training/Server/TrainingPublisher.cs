using System.Text.Json;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Wire.AwsJson;
using Ocellus.Work;

namespace Ocellus.Training.Server;

/// <summary>Publishes a training's results: files to the output location, the model to its folder, the status to the version.</summary>
internal sealed partial class TrainingPublisher(
    VersionCatalog versions, IObjects objects, DataDirectory data, TimeProvider clock, ILogger<TrainingPublisher> log)
{
    /// <summary>
    /// Writes the output files, then the model's folder, then the status, so that the rest exists once the status is visible. Can be repeated after an
    /// interruption.
    /// </summary>
    /// <param name="version">The version as of the start of its training.</param>
    /// <param name="folder">The job's folder; removed at the end.</param>
    /// <param name="outcome">The training's outcome.</param>
    /// <param name="note">The version's <see cref="Note"/>.</param>
    /// <param name="leaseOwner">Who must still have the job's lease; null if nobody needs one.</param>
    /// <param name="cancel">Ends it before the status is written.</param>
    [Assumed("BillableTrainingTimeInSeconds", "The seconds of learning, rounded up, at least 1. Copies have none.")]
    public async Task PublishAsync(VersionRow version, JobFolder folder, JobOutcome outcome, string note, string? leaseOwner, CancellationToken cancel)
    {
        try
        {
            // The bucket may have been deleted meanwhile, and another account may have taken its name.
            if (!await OutputLocation.IsWritableAsync(objects, version, cancel))
            {
                throw new S3Exception("NoSuchBucket");
            }

            foreach (var file in Directory.Exists(folder.Out) ? Directory.GetFiles(folder.Out, "*.json") : [])
            {
                await objects.PutFileAsync(version.OutputBucket, OutputLocation.Key(version, Path.GetFileName(file)), file, "application/json", cancel);
            }
        }
        catch (S3Exception failure)
        {
            Log.OutputNotWritten(log, failure, version.Arn);
            await FailAsync(version, folder, OutputLocation.NotWritable, leaseOwner, cancel);
            return;
        }

        if (outcome.Completed)
        {
            var target = data.ModelFolder(version.AccountId, version.Folder);
            FileSystem.CreateFolder(Path.GetDirectoryName(target)!);
            if (Directory.Exists(folder.Model))
            {
                TrainingHistory.Keep(folder.Path, folder.Model);
                using var entered = await data.Barrier.EnterAsync(cancel);
                FileSystem.RemoveFolder(target);
                Directory.Move(folder.Model, target);
                FileSystem.SyncFolder(Path.GetDirectoryName(target)!);
            }

            await data.Models.KeepAsync(version.AccountId, version.Folder, cancel);
        }

        var result = new VersionOutcome(outcome.Ended.ToUnixTimeMilliseconds()) { LeaseOwner = leaseOwner };
        if (outcome.ContentChecked)
        {
            var (training, testing) = (Read(
                version.TrainingResult, TrainingJson.Default.TrainingDataResult), Read(version.TestingResult, TrainingJson.Default.TestingDataResult));
            training = training with
            {
                Output = outcome.Completed ? new() { Assets = Assets(OutputKinds.TrainingSnapshot) } : null,
                Validation = new() { Assets = Assets(OutputKinds.TrainingValidation) },
            };
            testing = testing with
            {
                Output = outcome.Completed ? new() { Assets = Assets(OutputKinds.TestingSnapshot), AutoCreate = testing.Input?.AutoCreate ?? false } : null,
                Validation = new() { Assets = Assets(OutputKinds.TestingValidation) },
            };
            result = result with
            {
                TrainingResult = JsonSerializer.Serialize(training, TrainingJson.Default.TrainingDataResult),
                TestingResult = JsonSerializer.Serialize(testing, TrainingJson.Default.TestingDataResult),
                ManifestSummary = JsonSerializer.Serialize(
                    new GroundTruthManifest { S3Object = OutputLocation.Of(version, OutputKinds.Summary) }, TrainingJson.Default.GroundTruthManifest),
            };
        }

        if (outcome.Completed)
        {
            result = result with
            {
                BillableSeconds = Math.Max(1, (long)Math.Ceiling(outcome.TrainingSeconds)),
                EvaluationResult = JsonSerializer.Serialize(
                    new EvaluationResult { F1Score = outcome.F1, Summary = new() { S3Object = OutputLocation.Of(version, OutputKinds.Evaluation) } },
                    TrainingJson.Default.EvaluationResult),
            };
        }

        cancel.ThrowIfCancellationRequested();
        if (!await versions.EndAsync(
            version.Arn, outcome.Completed ? VersionEvent.Trained : VersionEvent.TrainingFailed, outcome.Completed ? outcome.Message + note : outcome.Message,
            result, CancellationToken.None) && leaseOwner is not null)
        {
            await RequireEndedAsync(version.Arn);
            // Somebody has cancelled it, or another server has ended it.
            await DiscardAsync(version, folder);
            return;
        }

        Log.JobEnded(log, version.Arn, outcome.Message, outcome.TrainingSeconds, outcome.F1);
        await (outcome.Completed ? RemoveAsync(folder) : DiscardAsync(version, folder));

        IReadOnlyList<Asset> Assets(string kind) => [new() { GroundTruthManifest = new() { S3Object = OutputLocation.Of(version, kind) } }];
    }

    /// <summary>Ends a training without a model.</summary>
    /// <exception cref="LeaseLostException">Another server has the job's lease.</exception>
    public async Task FailAsync(VersionRow version, JobFolder folder, string message, string? leaseOwner, CancellationToken cancel)
    {
        var outcome = new VersionOutcome(clock.GetUtcNow().ToUnixTimeMilliseconds()) { LeaseOwner = leaseOwner };
        if (!await versions.EndAsync(version.Arn, VersionEvent.TrainingFailed, message, outcome, cancel) && leaseOwner is not null)
        {
            await RequireEndedAsync(version.Arn);
        }

        Log.JobEnded(log, version.Arn, message, 0, null);
        await DiscardAsync(version, folder);
    }

    /// <summary>Removes the folder of a training without a model; what it told is kept.</summary>
    public async Task DiscardAsync(VersionRow version, JobFolder folder)
    {
        // A server that took the training over may have published its model: what is told here must not replace that.
        if (!data.Database.IsShared
            || await versions.FindAsync(version.Arn, CancellationToken.None) is { Status: ProjectVersionStatus.TRAINING_FAILED })
        {
            TrainingHistory.Keep(folder.Path, data.ModelFolder(version.AccountId, version.Folder));
            try
            {
                await data.Models.KeepAsync(version.AccountId, version.Folder, CancellationToken.None);
            }
            catch (IOException failure)
            {
                // What a training told is not worth a second try.
                Log.HistoryNotKept(log, version.Arn, failure.Message);
            }
        }

        await RemoveAsync(folder);
    }

    /// <summary>Refuses to go on with a training that another server has taken up.</summary>
    private async Task RequireEndedAsync(string arn)
    {
        if (await versions.FindAsync(arn, CancellationToken.None) is { Status: ProjectVersionStatus.TRAINING_IN_PROGRESS })
        {
            throw new LeaseLostException(arn);
        }
    }

    /// <summary>Waits for a backup's snapshot, in whose database the job may still be unfinished.</summary>
    private async Task RemoveAsync(JobFolder folder)
    {
        using (await data.Barrier.EnterAsync(CancellationToken.None))
        {
            FileSystem.RemoveFolder(folder.Path);
        }

        try
        {
            await data.Models.Store.RemoveAsync(folder.KeptName, CancellationToken.None);
        }
        catch (IOException failure)
        {
            Log.InputNotRemoved(log, folder.KeptName, failure.Message);
        }
    }

    /// <summary>An addition to its messages if the server split off the test images; otherwise empty.</summary>
    public static string Note(VersionRow version) =>
        Read(version.TestingResult, TrainingJson.Default.TestingDataResult).Input is { AutoCreate: true, Assets: null }
            ? " The project has no TEST dataset: 20 % of the TRAIN dataset is held back for testing."
            : "";

    private static T Read<T>(string? json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : new() => json is null ? new T() : JsonSerializer.Deserialize(json, type) ?? new T();

    private static partial class Log
    {
        [LoggerMessage(1302, LogLevel.Information, "Training of {ProjectVersionArn} ended: {Message} ({TrainingSeconds:F1} s, F1 {F1})")]
        public static partial void JobEnded(ILogger log, string projectVersionArn, string message, double trainingSeconds, double? f1);

        [LoggerMessage(1317, LogLevel.Warning, "{Name} is no longer needed and could not be removed: {Reason}")]
        public static partial void InputNotRemoved(ILogger log, string name, string reason);

        [LoggerMessage(1316, LogLevel.Warning, "What the training of {ProjectVersionArn} told is on this machine only: {Reason}")]
        public static partial void HistoryNotKept(ILogger log, string projectVersionArn, string reason);

        [LoggerMessage(1305, LogLevel.Warning, "The output of {ProjectVersionArn} could not be written")]
        public static partial void OutputNotWritten(ILogger log, Exception failure, string projectVersionArn);
    }
}
