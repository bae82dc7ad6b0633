using Dapper;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Starts, idle stops, and the tags that hosting reads.</summary>
internal sealed partial class VersionCatalog
{
    /// <summary>Records the intent to host a version.</summary>
    /// <exception cref="RefusedException">NotFound: no such version. InUse, Invalid: wrong state or units. LimitExceeded: too many units or running
    /// models.</exception>
    public async Task<VersionRow> StartAsync(Caller caller, string arn, int minUnits, int? maxUnits, CancellationToken cancel)
    {
        await GetServedAsync(caller, arn, cancel);
        return await StartAsync(arn, minUnits, maxUnits, cancel);
    }

    /// <summary>As above, for a version known to belong to the caller.</summary>
    /// <exception cref="RefusedException">As above.</exception>
    public async Task<VersionRow> StartAsync(string arn, int minUnits, int? maxUnits, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var row = await connection.QuerySingleOrDefaultAsync<VersionRow>(Columns + "WHERE arn = @arn", new { arn }, transaction) ?? throw NoSuch(arn);
        if (row.Status == ProjectVersionStatus.DELETING)
        {
            throw ProjectVersionStates.Refusal(row.Status, VersionEvent.StartRequested, arn);
        }

        if (maxUnits < minUnits)
        {
            throw Refused.Invalid($"MaxInferenceUnits is {maxUnits} and MinInferenceUnits {minUnits}; the maximum must not be below the minimum.");
        }

        var next = ProjectVersionStates.Next(row.Status, VersionEvent.StartRequested)
            ?? throw ProjectVersionStates.Refusal(row.Status, VersionEvent.StartRequested, arn);
        var unitsMax = quotas.Value.InferenceUnitsPerModel;
        if (Math.Max(minUnits, maxUnits ?? 0) > unitsMax)
        {
            throw Refused.Limit(
                $"{Math.Max(minUnits, maxUnits ?? 0)} inference units were requested; a model may have {unitsMax} (setting "
                    + $"Ocellus:Quotas:InferenceUnitsPerModel).");
        }

        var running = await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM project_versions WHERE account_id = @AccountId AND region = @Region AND status IN ('STARTING', 'RUNNING', 'STOPPING')",
            new { row.AccountId, row.Region },
            transaction);
        if (running >= quotas.Value.RunningModels)
        {
            throw Refused.Limit(
                $"{running} models are starting, running or stopping in {row.Region}; the quota is {quotas.Value.RunningModels} (setting "
                    + $"Ocellus:Quotas:RunningModels); stop one first.");
        }

        var moved = await connection.ExecuteAsync(
            "UPDATE project_versions SET status = @next, message = @message, updated_ms = @now, min_units = @minUnits, max_units = @maxUnits, last_min_units "
                + "= @minUnits, last_max_units = @maxUnits, stop_reason = NULL WHERE arn = @arn AND status = @seen",
            new
            {
                arn,
                seen = row.Status.ToString(),
                next = next.ToString(),
                message = ProjectVersionStates.Message(next),
                now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                minUnits,
                maxUnits,
            },
            transaction);
        if (moved != 1)
        {
            throw Refused.InUse("The model version changed while it was being started; try again.");
        }

        await transaction.CommitAsync(CancellationToken.None);
        return await FindAsync(arn, cancel) ?? throw NoSuch(arn);
    }

    /// <summary>Records the intent to stop an idle version.</summary>
    /// <param name="seen">The version as it was when its model was found idle. A start since then makes it a new run, which is left alone.</param>
    /// <param name="reason">A sentence for <c>StatusMessage</c> until the next start.</param>
    /// <param name="cancel">Ends the wait, not the commit.</param>
    /// <returns>Whether it stops.</returns>
    public async Task<bool> StopIdleAsync(VersionRow seen, string reason, CancellationToken cancel)
    {
        if (ProjectVersionStates.Next(seen.Status, VersionEvent.StopRequested) is not { } next)
        {
            return false;
        }

        await using var connection = await data.ConnectAsync(cancel);
        return await connection.ExecuteAsync(
            "UPDATE project_versions SET status = @next, message = @message, updated_ms = @now, stop_reason = @reason WHERE arn = @Arn AND status = @status "
                + "AND updated_ms = @UpdatedMs",
            new
            {
                seen.Arn,
                seen.UpdatedMs,
                status = seen.Status.ToString(),
                next = next.ToString(),
                message = $"{ProjectVersionStates.Message(next)} {reason}",
                now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                reason,
            }) == 1;
    }

    /// <summary>The tags of a version that <see cref="HostingTags"/> defines.</summary>
    public async Task<IReadOnlyDictionary<string, string>> HostingTagsAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var rows = await connection.QueryAsync<(string Key, string Value)>(
            "SELECT tag_key, tag_value FROM tags WHERE resource_arn = @arn AND tag_key IN @keys", new
            {
                arn,
                keys = new[] { HostingTags.IdleStopMinutes, HostingTags.WakeOnDetect },
            });
        return rows.ToDictionary(r => r.Key, r => r.Value, StringComparer.Ordinal);
    }
}
