using System.Text.Json;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training.Server;

/// <summary>Hands over what a training has left: files to the output location, the model to its folder, the end to the version.</summary>
internal sealed partial class TrainingPublisher(
    VersionCatalog versions, IObjects objects, DataDirectory data, TimeProvider clock, ILogger<TrainingPublisher> log)
{
    /// <summary>
    /// Writes the output files, then the model's folder, then the state: whoever sees the state finds the rest. Broken off, it can be done again.
    /// </summary>
    /// <param name="version">The version as it was when its training began.</param>
    /// <param name="folder">The job's folder; gone at the end.</param>
    /// <param name="outcome">What the training left.</param>
    /// <param name="note">What <see cref="Note"/> says of the version.</param>
    /// <param name="cancel">Ends it before the state is written.</param>
    [Assumed("BillableTrainingTimeInSeconds", "The seconds of learning, rounded up, at least 1. Copies have none.")]
    public async Task PublishAsync(VersionRow version, JobFolder folder, JobOutcome outcome, string note, CancellationToken cancel)
    {
        try
        {
            // Meanwhile the bucket may have gone, and one of another account may have its name.
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
            await FailAsync(version, folder, OutputLocation.NotWritable, cancel);
            return;
        }

        if (outcome.Completed)
        {
            var target = data.ModelFolder(version.AccountId, version.Folder);
            FileSystem.CreateFolder(Path.GetDirectoryName(target)!);
            if (Directory.Exists(folder.Model))
            {
                using var entered = await data.Barrier.EnterAsync(cancel);
                FileSystem.RemoveFolder(target);
                Directory.Move(folder.Model, target);
                FileSystem.SyncFolder(Path.GetDirectoryName(target)!);
            }
        }

        var result = new VersionOutcome(outcome.Ended.ToUnixTimeMilliseconds());
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

        await versions.EndAsync(
            version.Arn, outcome.Completed ? VersionEvent.Trained : VersionEvent.TrainingFailed, outcome.Completed ? outcome.Message + note : outcome.Message,
            result, CancellationToken.None);
        Log.JobEnded(log, version.Arn, outcome.Message, outcome.TrainingSeconds, outcome.F1);
        await RemoveAsync(folder);

        IReadOnlyList<Asset> Assets(string kind) => [new() { GroundTruthManifest = new() { S3Object = OutputLocation.Of(version, kind) } }];
    }

    /// <summary>Ends a training without a model.</summary>
    public async Task FailAsync(VersionRow version, JobFolder folder, string message, CancellationToken cancel)
    {
        await versions.EndAsync(version.Arn, VersionEvent.TrainingFailed, message, new VersionOutcome(clock.GetUtcNow().ToUnixTimeMilliseconds()), cancel);
        Log.JobEnded(log, version.Arn, message, 0, null);
        await RemoveAsync(folder);
    }

    /// <summary>Not while a backup takes its moment, in whose database the job may still be under way.</summary>
    private async Task RemoveAsync(JobFolder folder)
    {
        using (await data.Barrier.EnterAsync(CancellationToken.None))
        {
            FileSystem.RemoveFolder(folder.Path);
        }
    }

    /// <summary>What its messages say besides, when the test images were split off by the server; empty otherwise.</summary>
    public static string Note(VersionRow version) =>
        Read(version.TestingResult, TrainingJson.Default.TestingDataResult).Input is { AutoCreate: true, Assets: null }
            ? " The project has no TEST dataset: 20 % of the TRAIN dataset are held back for testing."
            : "";

    private static T Read<T>(string? json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : new() => json is null ? new T() : JsonSerializer.Deserialize(json, type) ?? new T();

    private static partial class Log
    {
        [LoggerMessage(1302, LogLevel.Information, "Training of {ProjectVersionArn} ended: {Message} ({TrainingSeconds:F1} s, F1 {F1})")]
        public static partial void JobEnded(ILogger log, string projectVersionArn, string message, double trainingSeconds, double? f1);

        [LoggerMessage(1305, LogLevel.Warning, "The output of {ProjectVersionArn} could not be written")]
        public static partial void OutputNotWritten(ILogger log, Exception failure, string projectVersionArn);
    }
}
