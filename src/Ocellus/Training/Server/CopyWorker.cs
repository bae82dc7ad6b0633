using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Training.Job;
using Ocellus.Wire.AwsJson;
using Ocellus.Work;

namespace Ocellus.Training.Server;

/// <summary>
/// Finishes versions that are COPYING_IN_PROGRESS: they already have their model; the evaluation files are copied to the new output
/// location under the new names. Idempotent.
/// </summary>
internal sealed partial class CopyWorker(
    VersionCatalog versions, IObjects objects, WorkLeases leases, TimeProvider clock, ILogger<CopyWorker> log) : BackgroundService
{
    /// <summary>Maximum time between polls without a wake-up, and so until a retry after a temporary failure.</summary>
    private static readonly TimeSpan _pollInterval = TimeSpan.FromSeconds(20);

    private readonly WakeSignal _wakes = new(clock);

    /// <summary>Wakes the worker: something is due.</summary>
    public void Wake() => _wakes.Wake();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _wakes.LoopAsync(_pollInterval, () => WorkAsync(stoppingToken), failure => PollFailed(log, failure, _pollInterval.TotalSeconds), stoppingToken);

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        foreach (var version in await versions.InAsync([ProjectVersionStatus.COPYING_IN_PROGRESS], stoppingToken))
        {
            try
            {
                await using var lease = await leases.TryTakeAsync($"copy {version.Arn}", stoppingToken);
                if (lease is not null
                    && (!leases.AreNeeded || await versions.FindAsync(version.Arn, stoppingToken) is { Status: ProjectVersionStatus.COPYING_IN_PROGRESS }))
                {
                    await CopyAsync(version, stoppingToken);
                }
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // It may be temporary: the copy stays in progress, and the others continue.
                CopyPostponed(log, failure, version.Arn, _pollInterval.TotalSeconds);
            }
            catch (S3Exception failure)
            {
                CopyFailed(log, failure, version.Arn);
                await versions.EndAsync(version.Arn, VersionEvent.CopyFailed, OutputLocation.NotWritable, new VersionOutcome(Now), stoppingToken);
            }
            catch (Exception failure) when (failure is not (OperationCanceledException or System.Data.Common.DbException))
            {
                // For example an unreadable row: it ends this copy only.
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
            TrainingResult = await RewriteAsync(version.TrainingResult, TrainingJson.Default.TrainingDataResult, async r => r with
            {
                Output = r.Output is null ? null : new() { Assets = await AssetsAsync(version, r.Output.Assets, OutputKinds.TrainingSnapshot, cancel) },
                Validation = r.Validation is null
                    ? null
                    : new() { Assets = await AssetsAsync(version, r.Validation.Assets, OutputKinds.TrainingValidation, cancel) },
            }),
            TestingResult = await RewriteAsync(version.TestingResult, TrainingJson.Default.TestingDataResult, async r => r with
            {
                Output = r.Output is null ? null : r.Output with { Assets = await AssetsAsync(version, r.Output.Assets, OutputKinds.TestingSnapshot, cancel) },
                Validation = r.Validation is null
                    ? null
                    : new() { Assets = await AssetsAsync(version, r.Validation.Assets, OutputKinds.TestingValidation, cancel) },
            }),
            EvaluationResult = await RewriteAsync(version.EvaluationResult, TrainingJson.Default.EvaluationResult, async r => r with
            {
                Summary = new() { S3Object = await ObjectAsync(version, r.Summary?.S3Object, OutputKinds.Evaluation, cancel) },
            }),
            ManifestSummary = await RewriteAsync(version.ManifestSummary, TrainingJson.Default.GroundTruthManifest, async r => new()
            {
                S3Object = await ObjectAsync(version, r.S3Object, OutputKinds.Summary, cancel),
            }),
        };
        await versions.EndAsync(version.Arn, VersionEvent.Copied, null, outcome, CancellationToken.None);
        Copied(log, version.SourceArn ?? "", version.Arn);
    }

    private static async Task<string?> RewriteAsync<T>(string? json, JsonTypeInfo<T> type, Func<T, Task<T>> rewrite)
        where T : class =>
        json is null || JsonSerializer.Deserialize(json, type) is not { } value ? null : JsonSerializer.Serialize(await rewrite(value), type);

    private async Task<IReadOnlyList<Asset>> AssetsAsync(VersionRow version, IReadOnlyList<Asset>? assets, string kind, CancellationToken cancel) =>
        assets is [{ GroundTruthManifest.S3Object: { } source }]
            ? [new() { GroundTruthManifest = new() { S3Object = await ObjectAsync(version, source, kind, cancel) } }]
            : [];

    /// <summary>Copies one file; one that its owner has deleted meanwhile is still named but missing, as for the source.</summary>
    private async Task<S3Object?> ObjectAsync(VersionRow version, S3Object? source, string kind, CancellationToken cancel)
    {
        if (source is null)
        {
            return null;
        }

        var target = OutputLocation.Of(version, kind);
        // The project policy grants the source's files, not those of a later owner of that bucket name, or in another region.
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

    [LoggerMessage(1314, LogLevel.Warning, "The store or the disk does not allow copying to {ProjectVersionArn} now; trying again within {RetrySeconds} s")]
    private static partial void CopyPostponed(ILogger log, Exception failure, string projectVersionArn, double retrySeconds);

    [LoggerMessage(1313, LogLevel.Error, "The database could not be read or written; trying again within {RetrySeconds} s")]
    private static partial void PollFailed(ILogger log, Exception failure, double retrySeconds);
}
