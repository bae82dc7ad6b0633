using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Training.Job;
using Ocellus.Wire.AwsJson;
using Ocellus.Work;

namespace Ocellus.Training.Server;

/// <summary>
/// Finishes versions that are COPYING_IN_PROGRESS: their model is there already; the evaluation files are copied to the new output
/// location under the new names. Doing it twice does no harm.
/// </summary>
internal sealed partial class CopyWorker(VersionCatalog versions, IObjects objects, TimeProvider clock, ILogger<CopyWorker> log) : BackgroundService
{
    /// <summary>Looks for work this often even without a wake-up: after a failure that may pass by itself it is tried again.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(20);

    private readonly WakeSignal _wakes = new(clock);

    /// <summary>Tells the worker that something is due.</summary>
    public void Wake() => _wakes.Wake();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _wakes.LoopAsync(_lookEvery, () => WorkAsync(stoppingToken), failure => LookFailed(log, failure, _lookEvery.TotalSeconds), stoppingToken);

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        foreach (var version in await versions.InAsync([ProjectVersionStatus.COPYING_IN_PROGRESS], stoppingToken))
        {
            try
            {
                await CopyAsync(version, stoppingToken);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // It may pass: the copy stays under way, and the others go on meanwhile.
                CopyPostponed(log, failure, version.Arn, _lookEvery.TotalSeconds);
            }
            catch (S3Exception failure)
            {
                CopyFailed(log, failure, version.Arn);
                await versions.EndAsync(version.Arn, VersionEvent.CopyFailed, OutputLocation.NotWritable, new VersionOutcome(Now), stoppingToken);
            }
            catch (Exception failure) when (failure is not (OperationCanceledException or System.Data.Common.DbException))
            {
                // A row that cannot be read, say: it ends this copy and no other.
                CopyFailed(log, failure, version.Arn);
                await versions.EndAsync(
                    version.Arn, VersionEvent.CopyFailed, "The service experienced an internal error.", new VersionOutcome(Now), stoppingToken);
            }
        }
    }

    [Assumed("CopyProjectVersion: no right to write the output", "The copy ends as `COPYING_FAILED`, as a training ends as `TRAINING_FAILED`.")]
    private async Task CopyAsync(VersionRow version, CancellationToken cancel)
    {
        if (!await OutputLocation.IsWritableAsync(objects, version, await versions.RightsAsync(version.Arn, cancel), cancel))
        {
            throw new S3Exception("AccessDenied");
        }

        var outcome = new VersionOutcome(Now)
        {
            TrainingResult = await MoveAsync(version.TrainingResult, TrainingJson.Default.TrainingDataResult, async r => r with
            {
                Output = r.Output is null ? null : new() { Assets = await AssetsAsync(version, r.Output.Assets, OutputKinds.TrainingSnapshot, cancel) },
                Validation = r.Validation is null
                    ? null
                    : new() { Assets = await AssetsAsync(version, r.Validation.Assets, OutputKinds.TrainingValidation, cancel) },
            }),
            TestingResult = await MoveAsync(version.TestingResult, TrainingJson.Default.TestingDataResult, async r => r with
            {
                Output = r.Output is null ? null : r.Output with { Assets = await AssetsAsync(version, r.Output.Assets, OutputKinds.TestingSnapshot, cancel) },
                Validation = r.Validation is null
                    ? null
                    : new() { Assets = await AssetsAsync(version, r.Validation.Assets, OutputKinds.TestingValidation, cancel) },
            }),
            EvaluationResult = await MoveAsync(version.EvaluationResult, TrainingJson.Default.EvaluationResult, async r => r with
            {
                Summary = new() { S3Object = await ObjectAsync(version, r.Summary?.S3Object, OutputKinds.Evaluation, cancel) },
            }),
            ManifestSummary = await MoveAsync(version.ManifestSummary, TrainingJson.Default.GroundTruthManifest, async r => new()
            {
                S3Object = await ObjectAsync(version, r.S3Object, OutputKinds.Summary, cancel),
            }),
        };
        await versions.EndAsync(version.Arn, VersionEvent.Copied, null, outcome, CancellationToken.None);
        Copied(log, version.SourceArn ?? "", version.Arn);
    }

    private static async Task<string?> MoveAsync<T>(string? json, JsonTypeInfo<T> type, Func<T, Task<T>> move)
        where T : class =>
        json is null || JsonSerializer.Deserialize(json, type) is not { } value ? null : JsonSerializer.Serialize(await move(value), type);

    private async Task<IReadOnlyList<Asset>> AssetsAsync(VersionRow version, IReadOnlyList<Asset>? assets, string kind, CancellationToken cancel) =>
        assets is [{ GroundTruthManifest.S3Object: { } source }]
            ? [new() { GroundTruthManifest = new() { S3Object = await ObjectAsync(version, source, kind, cancel) } }]
            : [];

    /// <summary>Copies one file; what its owner has deleted meanwhile stays named but is not there, as it is for the source.</summary>
    private async Task<S3Object?> ObjectAsync(VersionRow version, S3Object? source, string kind, CancellationToken cancel)
    {
        if (source is null)
        {
            return null;
        }

        var target = OutputLocation.Of(version, kind);
        // The project policy gives the files of the source, not those of whoever has a bucket of that name since, or has it elsewhere.
        var from = Arn.Parse(version.SourceArn!);
        if (await objects.FindBucketAsync(source.Bucket!, cancel) is { } bucket
            && bucket.IsOf(from.AccountId)
            && bucket.IsIn(from.Region)
            && await objects.OpenReadAsync(source.Bucket!, source.Name!, cancel) is { } content)
        {
            await using (content)
            {
                await objects.PutAsync(target.Bucket!, target.Name!, content.Stream, "application/json", cancel);
            }
        }

        return target;
    }

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    [LoggerMessage(1311, LogLevel.Information, "Copied {Source} to {ProjectVersionArn}")]
    private static partial void Copied(ILogger log, string source, string projectVersionArn);

    [LoggerMessage(1312, LogLevel.Warning, "Copying to {ProjectVersionArn} failed")]
    private static partial void CopyFailed(ILogger log, Exception failure, string projectVersionArn);

    [LoggerMessage(1314, LogLevel.Warning, "The store does not let the copy to {ProjectVersionArn} go on; trying again within {RetrySeconds} s")]
    private static partial void CopyPostponed(ILogger log, Exception failure, string projectVersionArn, double retrySeconds);

    [LoggerMessage(1313, LogLevel.Error, "The database could not be asked or written; trying again within {RetrySeconds} s")]
    private static partial void LookFailed(ILogger log, Exception failure, double retrySeconds);
}
