using Dapper;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>State changes, the ends of jobs, and removal.</summary>
internal sealed partial class VersionCatalog
{
    /// <summary>Attempts of a move against concurrent callers; each failure means that another move succeeded.</summary>
    private const int MoveTries = 8;

    /// <summary>Moves a version by an event that a caller requested.</summary>
    /// <exception cref="RefusedException">NotFound: no such version. InUse, Invalid: the state does not allow the event.</exception>
    public async Task<VersionRow> MoveAsync(Caller caller, string arn, VersionEvent what, CancellationToken cancel)
    {
        await GetServedAsync(caller, arn, cancel);
        return await MoveAsync(arn, what, null, cancel);
    }

    /// <summary>Moves a version by an event; <paramref name="message"/> null gives the state's default.</summary>
    /// <exception cref="RefusedException">NotFound: no such version. InUse, Invalid: the state does not allow the event.</exception>
    public async Task<VersionRow> MoveAsync(string arn, VersionEvent what, string? message, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        for (var attempt = 0; attempt < MoveTries; attempt++)
        {
            var row = await connection.QuerySingleOrDefaultAsync<VersionRow>(Columns + "WHERE arn = @arn", new { arn }) ?? throw NoSuch(arn);
            var next = ProjectVersionStates.Next(row.Status, what) ?? throw ProjectVersionStates.Refusal(row.Status, what, arn);
            // Units are shown only while the model is hosted.
            var hosted = next is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING or ProjectVersionStatus.STOPPING;
            var moved = await connection.ExecuteAsync(
                "UPDATE project_versions SET status = @next, message = @message, updated_ms = @now"
                    + (hosted ? "" : ", min_units = NULL, max_units = NULL")
                    + " WHERE arn = @arn AND status = @seen"
                    // Stopped is what no node has in memory.
                    + (what == VersionEvent.Drained ? " AND NOT EXISTS (SELECT 1 FROM placements WHERE version_arn = @arn)" : ""),
                new
                {
                    arn,
                    seen = row.Status.ToString(),
                    next = next.ToString(),
                    message = message ?? Message(next, row),
                    now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                });
            if (moved == 1)
            {
                return await connection.QuerySingleOrDefaultAsync<VersionRow>(Columns + "WHERE arn = @arn", new { arn }) ?? throw NoSuch(arn);
            }
        }

        throw Refused.InUse("The model version is being changed by many callers at once; try again.");
    }

    /// <summary>As <see cref="MoveAsync(string, VersionEvent, string?, CancellationToken)"/>, for a worker: null if it is too late.</summary>
    public async Task<VersionRow?> TryMoveAsync(string arn, VersionEvent what, string? message, CancellationToken cancel)
    {
        try
        {
            return await MoveAsync(arn, what, message, cancel);
        }
        catch (RefusedException)
        {
            return null;
        }
    }

    /// <summary>
    /// Ends a job in one transaction: sets the state, stores the results and deletes the job's row. False if the version's state has changed.
    /// </summary>
    public async Task<bool> EndAsync(string arn, VersionEvent what, string? message, VersionOutcome outcome, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var row = await connection.QuerySingleOrDefaultAsync<VersionRow>(Columns + "WHERE arn = @arn", new { arn }, transaction);
        if (row is null || ProjectVersionStates.Next(row.Status, what) is not { } next)
        {
            return false;
        }

        var moved = await connection.ExecuteAsync(
            """
            UPDATE project_versions SET status = @next, message = @message, updated_ms = @now, ended_ms = @EndedMs, billable_seconds = @BillableSeconds,
                training_result = COALESCE(@TrainingResult, training_result), testing_result = COALESCE(@TestingResult, testing_result),
                evaluation_result = COALESCE(@EvaluationResult, evaluation_result), manifest_summary = COALESCE(@ManifestSummary, manifest_summary)
            WHERE arn = @arn AND status = @seen
            """,
            new
            {
                arn,
                seen = row.Status.ToString(),
                next = next.ToString(),
                message = message ?? ProjectVersionStates.Message(next),
                now = clock.GetUtcNow().ToUnixTimeMilliseconds(),
                outcome.EndedMs,
                outcome.BillableSeconds,
                outcome.TrainingResult,
                outcome.TestingResult,
                outcome.EvaluationResult,
                outcome.ManifestSummary,
            },
            transaction);
        // A job that another server has taken up meanwhile is that server's to end.
        if (moved != 1
            || (outcome.LeaseOwner is { } owner && await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM training_jobs WHERE version_arn = @arn AND lease_owner = @owner", new { arn, owner }, transaction) != 1))
        {
            return false;
        }

        await connection.ExecuteAsync(
            "DELETE FROM training_jobs WHERE version_arn = @arn; DELETE FROM version_rights WHERE version_arn = @arn", new { arn }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return true;
    }

    /// <summary>Removes a version that is DELETING, its tags and its job.</summary>
    public async Task RemoveAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync(
            """
            DELETE FROM tags WHERE resource_arn = @arn;
            DELETE FROM training_jobs WHERE version_arn = @arn;
            DELETE FROM version_rights WHERE version_arn = @arn;
            DELETE FROM project_versions WHERE arn = @arn AND status = 'DELETING'
            """,
            new { arn },
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        _served.TryRemove(arn, out _);
    }

    /// <summary>A version that stopped by itself keeps saying why.</summary>
    [Assumed(
        "States: a version that stopped because it was idle",
        "It passes through the ordinary states. `StatusMessage` says why it stopped until the next start.")]
    private static string Message(ProjectVersionStatus next, VersionRow row) =>
        next == ProjectVersionStatus.STOPPED && row.StopReason is { } reason
            ? $"{ProjectVersionStates.Message(next)} {reason}"
            : ProjectVersionStates.Message(next);
}
