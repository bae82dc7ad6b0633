using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Projects;

/// <summary>Project versions and their states. Every move is a compare-and-set, so that only one of two callers succeeds.</summary>
internal sealed partial class VersionCatalog(DataDirectory data, TimeProvider clock, Microsoft.Extensions.Options.IOptions<QuotaOptions> quotas)
{
    private const string Columns =
        """
        SELECT arn, project_arn, account_id, region, name, created_ms, updated_ms, status, message,
               description, kms_key_id, output_bucket, output_prefix, folder, min_units, max_units,
               last_min_units, last_max_units, stop_reason, ended_ms, billable_seconds, source_arn, training_result, testing_result,
               evaluation_result, manifest_summary FROM project_versions 
        """;

    /// <summary>What requests last read of each version: every request needs it, and it rarely changes.</summary>
    private readonly ConcurrentDictionary<string, CommitMemo<ServedVersion>> _served = new(StringComparer.Ordinal);

    /// <summary>Writes a version and, for a training, its job.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="version">The new version.</param>
    /// <param name="cancel">Ends the wait, not the commit.</param>
    /// <exception cref="RefusedException">NotFound: no such project. InUse: the name is taken. LimitExceeded, QuotaExceeded: too many.</exception>
    public async Task<Arn> CreateAsync(Caller caller, NewVersion version, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await CheckRoomAsync(connection, transaction, caller, version.ProjectArn, version.Name, version.Status);
        OwnTags.Check(ArnKind.ProjectVersion, version.Tags);
        var now = version.CreatedMs ?? clock.GetUtcNow().ToUnixTimeMilliseconds();
        var arn = Arn.Parse(version.ProjectArn).Version(version.Name, now);
        await connection.ExecuteAsync(
            """
            INSERT INTO project_versions (arn, project_arn, account_id, region, name, created_ms, updated_ms, status, message, description, kms_key_id,
            output_bucket, output_prefix, folder, source_arn, training_result, testing_result, evaluation_result, manifest_summary)
            VALUES (@arn, @ProjectArn, @AccountId, @Region, @Name, @now, @now, @status, @message, @Description, @KmsKeyId, @OutputBucket, @OutputPrefix,
            @Folder, @SourceArn, @TrainingResult, @TestingResult, @EvaluationResult, @ManifestSummary)
            """,
            new
            {
                arn = arn.ToString(),
                version.ProjectArn,
                caller.AccountId,
                caller.Region,
                version.Name,
                now,
                status = version.Status.ToString(),
                message = ProjectVersionStates.Message(version.Status),
                version.Description,
                version.KmsKeyId,
                version.OutputBucket,
                version.OutputPrefix,
                version.Folder,
                version.SourceArn,
                version.TrainingResult,
                version.TestingResult,
                version.EvaluationResult,
                version.ManifestSummary,
            },
            transaction);
        if (version.Status == ProjectVersionStatus.TRAINING_IN_PROGRESS)
        {
            await connection.ExecuteAsync(
                "INSERT INTO training_jobs (version_arn, lease_until_ms, crashes) VALUES (@arn, 0, 0)", new { arn = arn.ToString() }, transaction);
        }

        if (version.Rights is { } rights)
        {
            await connection.ExecuteAsync(
                "INSERT INTO version_rights (version_arn, rights) VALUES (@arn, @rights)", new { arn = arn.ToString(), rights }, transaction);
        }

        await ProjectCatalog.PutTagsAsync(connection, transaction, arn.ToString(), version.Tags);
        await transaction.CommitAsync(CancellationToken.None);
        return arn;
    }

    /// <summary>Checks whether <see cref="CreateAsync"/> would accept the name now; called before the costly part, so that a refusal is cheap.</summary>
    /// <exception cref="RefusedException">As for <see cref="CreateAsync"/>.</exception>
    public async Task CheckRoomAsync(Caller caller, string projectArn, string name, ProjectVersionStatus status, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await CheckRoomAsync(connection, null, caller, projectArn, name, status);
    }

    /// <exception cref="RefusedException">NotFound: the caller's account and region have no such version.</exception>
    public async Task<ServedVersion> GetServedAsync(Caller caller, string arn, CancellationToken cancel)
    {
        var parsed = Arn.Parse(arn);
        var row = parsed.AccountId == caller.AccountId && parsed.Region == caller.Region ? await FindServedAsync(arn, cancel) : null;
        return row ?? throw NoSuch(arn);
    }

    /// <summary>What requests need to know about a version, for any caller; null if it does not exist.</summary>
    public async Task<ServedVersion?> FindServedAsync(string arn, CancellationToken cancel)
    {
        var isKnown = _served.TryGetValue(arn, out var memo);
        memo ??= new(data.Commits);

        var version = await memo.GetAsync((Catalog: this, Arn: arn), static (s, _, token) => s.Catalog.ReadServedAsync(s.Arn, token), cancel);
        if (version is null)
        {
            // Forgotten, so that unknown names do not fill memory.
            _served.TryRemove(KeyValuePair.Create(arn, memo));
        }
        else if (!isKnown)
        {
            _served.TryAdd(arn, memo);
        }

        return version;
    }

    /// <summary>The version, for any caller; null if it does not exist.</summary>
    public async Task<VersionRow?> FindAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.QuerySingleOrDefaultAsync<VersionRow>(Columns + "WHERE arn = @arn", new { arn });
    }

    /// <summary>The rights of the caller for whom a training or a copy runs; none when it has ended.</summary>
    public async Task<CallerRights> RightsAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return CallerRights.FromJson(
            await connection.QuerySingleOrDefaultAsync<string>("SELECT rights FROM version_rights WHERE version_arn = @arn", new { arn }));
    }

    private async Task<ServedVersion?> ReadServedAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.QuerySingleOrDefaultAsync<ServedVersion>(
            """
            SELECT arn, status, message, stop_reason, min_units, last_min_units,
                   last_max_units FROM project_versions WHERE arn = @arn
            """,
            new { arn });
    }

    /// <summary>One page of a project's versions, newest first, after the one that the last page ended with.</summary>
    public async Task<IReadOnlyList<VersionRow>> ListAsync(
        string projectArn, IReadOnlyList<string>? names, long? beforeMs, string? beforeArn, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        // Ends like the one in ProjectCatalog.ListAsync: tests/compat/postgres.py checks only statements that are written out in the source.
        var sql = Columns + "WHERE project_arn = @projectArn"
            + (names is null ? "" : " AND name IN @names")
            + (beforeMs is null ? "" : " AND (created_ms < @beforeMs OR (created_ms = @beforeMs AND arn < @beforeArn))")
            + " ORDER BY created_ms DESC, arn DESC LIMIT @count";
        return [.. await connection.QueryAsync<VersionRow>(sql, new { projectArn, names, beforeMs, beforeArn, count })];
    }

    /// <summary>All versions in any of the states, oldest change first: a worker's queue.</summary>
    public async Task<IReadOnlyList<VersionRow>> InAsync(IReadOnlyCollection<ProjectVersionStatus> states, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return
        [
            .. await connection.QueryAsync<VersionRow>(
                Columns + "WHERE status IN @states ORDER BY updated_ms", new { states = states.Select(s => s.ToString()) }),
        ];
    }

    /// <summary>Names of the folders that belong to a version, to tell them from those a crash left behind.</summary>
    public async Task<IReadOnlySet<string>> FoldersAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return (await connection.QueryAsync<string>("SELECT folder FROM project_versions")).ToHashSet(StringComparer.Ordinal);
    }

    private async Task CheckRoomAsync(
        DbConnection connection, DbTransaction? transaction, Caller caller, string projectArn, string name, ProjectVersionStatus status)
    {
        var scope = new { projectArn, caller.AccountId, caller.Region, name, status = status.ToString() };
        if (await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM projects WHERE arn = @projectArn AND account_id = @AccountId AND region = @Region", scope, transaction) == 0)
        {
            throw ProjectCatalog.NoSuch(projectArn);
        }

        if (await connection.QuerySingleOrDefaultAsync<string>(
            "SELECT status FROM project_versions WHERE project_arn = @projectArn AND name = @name", scope, transaction) is { } taken)
        {
            throw Refused.InUse(
                $"The project already has a model version named '{name}', in status {taken}; choose another name or delete that version first.");
        }

        var versions = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM project_versions WHERE project_arn = @projectArn", scope, transaction);
        if (versions >= quotas.Value.VersionsPerProject)
        {
            throw Refused.Quota(
                $"The project has {versions} model versions, and the quota is {quotas.Value.VersionsPerProject} (setting Ocellus:Quotas:VersionsPerProject); "
                    + $"delete one first.");
        }

        // Only trainings and copies count as jobs.
        if (status is not (ProjectVersionStatus.TRAINING_IN_PROGRESS or ProjectVersionStatus.COPYING_IN_PROGRESS))
        {
            return;
        }

        var (max, noun, setting) = status == ProjectVersionStatus.TRAINING_IN_PROGRESS
            ? (quotas.Value.Trainings, "trainings", "Trainings")
            : (quotas.Value.Copies, "copies", "Copies");
        var jobs = await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM project_versions WHERE account_id = @AccountId AND region = @Region AND status = @status", scope, transaction);
        if (jobs >= max)
        {
            throw Refused.Limit(
                $"{jobs} {noun} are under way in {caller.Region}, and the quota is {max} (setting Ocellus:Quotas:{setting}); wait until one has ended.");
        }
    }

    private static RefusedException NoSuch(string arn) =>
        Refused.NotFound($"No model version {Readable.Truncate(arn)} exists in this account and region; DescribeProjectVersions lists those that do.");
}
