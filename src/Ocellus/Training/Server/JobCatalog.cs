using Dapper;
using Ocellus.Projects;
using Ocellus.Storage;

namespace Ocellus.Training.Server;

/// <summary>Unfinished trainings and their workers.</summary>
internal sealed class JobCatalog(DataDirectory data, TimeProvider clock)
{
    /// <summary>How long a lease is valid without renewal; a worker renews it with every report.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromMinutes(1);

    /// <summary>Releases the leases of an earlier process with the same name: it has ended, because the data directory is ours.</summary>
    public async Task ReleaseAllAsync(string owner, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await connection.ExecuteAsync("UPDATE training_jobs SET lease_owner = NULL, lease_until_ms = 0 WHERE lease_owner = @owner", new { owner });
    }

    /// <summary>Releases a job, so that this or another worker can take it again at once.</summary>
    public async Task ReleaseAsync(string arn, string owner, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await connection.ExecuteAsync(
            "UPDATE training_jobs SET lease_owner = NULL, lease_until_ms = 0 WHERE version_arn = @arn AND lease_owner = @owner", new { arn, owner });
    }

    /// <summary>ARNs of jobs without a worker, oldest version first.</summary>
    public async Task<IReadOnlyList<string>> DueAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var now = await NowAsync(connection);
        return
        [
            .. await connection.QueryAsync<string>(
                "SELECT j.version_arn FROM training_jobs j JOIN project_versions v ON v.arn = j.version_arn WHERE v.status = 'TRAINING_IN_PROGRESS' AND "
                    + "(j.lease_until_ms < @now OR j.lease_until_ms > @never) ORDER BY v.created_ms",
                new { now, never = LeaseEndMax(now) }),
        ];
    }

    /// <summary>Number of unfinished trainings.</summary>
    public async Task<long> CountAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM training_jobs");
    }

    /// <summary>Leases a job; false if another worker was first.</summary>
    public async Task<bool> LeaseAsync(string arn, string owner, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var now = await NowAsync(connection);
        return await connection.ExecuteAsync(
            "UPDATE training_jobs SET lease_owner = @owner, lease_until_ms = @until WHERE version_arn = @arn AND (lease_until_ms < @now OR "
                + "lease_until_ms > @never)",
            new { arn, owner, until = now + (long)LeaseTime.TotalMilliseconds, now, never = LeaseEndMax(now) }) == 1;
    }

    /// <summary>Renews the lease; false if it is no longer this worker's.</summary>
    public async Task<bool> RenewAsync(string arn, string owner, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.ExecuteAsync(
            "UPDATE training_jobs SET lease_until_ms = @until WHERE version_arn = @arn AND lease_owner = @owner",
            new { arn, owner, until = await NowAsync(connection) + (long)LeaseTime.TotalMilliseconds }) == 1;
    }

    /// <summary>Renews the lease and stores the progress message; false if the lease is no longer this worker's.</summary>
    public async Task<bool> ReportAsync(string arn, string owner, string message, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        // The version first, as whoever ends the training does: two transactions that lock rows in different orders would wait for each other.
        await connection.ExecuteAsync(
            "UPDATE project_versions SET message = @message WHERE arn = @arn AND status = @status",
            new { arn, message, status = nameof(ProjectVersionStatus.TRAINING_IN_PROGRESS) }, transaction);
        if (await connection.ExecuteAsync(
            "UPDATE training_jobs SET lease_until_ms = @until WHERE version_arn = @arn AND lease_owner = @owner",
            new { arn, owner, until = await NowAsync(connection, transaction) + (long)LeaseTime.TotalMilliseconds },
            transaction) != 1)
        {
            return false;
        }

        await transaction.CommitAsync(CancellationToken.None);
        return true;
    }

    /// <summary>Counts a crash of the job's process and returns the number so far.</summary>
    public async Task<long> CountCrashAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        await connection.ExecuteAsync("UPDATE training_jobs SET crashes = crashes + 1 WHERE version_arn = @arn", new { arn }, transaction);
        var crashes = await connection.ExecuteScalarAsync<long>("SELECT crashes FROM training_jobs WHERE version_arn = @arn", new { arn }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return crashes;
    }

    /// <summary>No valid lease ends later than this: one that does was given before the clock was set back, and has no worker.</summary>
    private static long LeaseEndMax(long now) => now + (2 * (long)LeaseTime.TotalMilliseconds);

    /// <summary>Leases end by the clock that all servers share.</summary>
    private Task<long> NowAsync(System.Data.Common.DbConnection connection, System.Data.Common.DbTransaction? transaction = null) =>
        data.Database.NowMsAsync(connection, transaction, clock);
}
