using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Projects;

/// <summary>A project as stored.</summary>
internal sealed class ProjectRow
{
    public string Arn { get; init; } = "";

    public string Name { get; init; } = "";

    public long CreatedMs { get; init; }

    public string Status { get; init; } = "";
}

/// <summary>Projects and their tags. Every change is one transaction; a refusal changes nothing.</summary>
internal sealed class ProjectCatalog(DataDirectory data, TimeProvider clock, IOptions<QuotaOptions>? quotas = null)
{
    /// <summary>Maximum tags of a resource, after the change.</summary>
    public const int TagsMax = 200;

    private const string Columns = "SELECT arn, name, created_ms, status FROM projects ";

    private QuotaOptions Quotas { get; } = quotas?.Value ?? new();

    /// <exception cref="RefusedException">Invalid: a tag that <see cref="OwnTags"/> does not allow. InUse: the name is taken. LimitExceeded: the
    /// account has reached its quota.</exception>
    public async Task<Arn> CreateAsync(Caller caller, string name, IReadOnlyDictionary<string, string>? tags, CancellationToken cancel)
    {
        OwnTags.Check(ArnKind.Project, tags);
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var scope = new { caller.AccountId, caller.Region, name };
        if (await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM projects WHERE account_id = @AccountId AND region = @Region AND name = @name", scope, transaction) > 0)
        {
            throw Refused.InUse($"A project named '{name}' already exists in {caller.Region}; choose another name or delete that project first.");
        }

        if (await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM projects WHERE account_id = @AccountId AND region = @Region", scope, transaction) is var projects
            && projects >= Quotas.Projects)
        {
            throw Refused.Limit(
                $"The account has {projects} projects in {caller.Region}, and the quota is {Quotas.Projects} (setting Ocellus:Quotas:Projects); delete "
                    + $"one first.");
        }

        var arn = Arn.ForProject(caller, name, clock.GetUtcNow().ToUnixTimeMilliseconds());
        await connection.ExecuteAsync(
            "INSERT INTO projects (arn, account_id, region, name, created_ms, status) VALUES (@arn, @AccountId, @Region, @name, @CreatedMs, 'CREATED')",
            new { arn = arn.ToString(), caller.AccountId, caller.Region, name, arn.CreatedMs },
            transaction);
        await PutTagsAsync(connection, transaction, arn.ToString(), tags);
        await transaction.CommitAsync(CancellationToken.None);
        return arn;
    }

    /// <summary>One page, newest first, after the project that the last page ended with.</summary>
    public async Task<IReadOnlyList<ProjectRow>> ListAsync(
        Caller caller, IReadOnlyList<string>? names, long? beforeMs, string? beforeArn, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var sql = Columns + "WHERE account_id = @AccountId AND region = @Region"
            + (names is null ? "" : " AND name IN @names")
            + (beforeMs is null ? "" : " AND (created_ms < @beforeMs OR (created_ms = @beforeMs AND arn < @beforeArn))")
            + " ORDER BY created_ms DESC, arn DESC LIMIT @count";
        return [.. await connection.QueryAsync<ProjectRow>(sql, new { caller.AccountId, caller.Region, names, beforeMs, beforeArn, count })];
    }

    /// <summary>The datasets of each project, TRAIN first.</summary>
    public async Task<ILookup<string, ProjectDataset>> DatasetsAsync(IReadOnlyList<string> projectArns, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var rows = projectArns.Count == 0 ? [] : await connection.QueryAsync<ProjectDataset>(
            """
            SELECT project_arn, arn, type, status, message, code, created_ms
            FROM datasets WHERE project_arn IN @projectArns ORDER BY type DESC
            """,
            new { projectArns });
        return rows.ToLookup(r => r.ProjectArn);
    }

    /// <exception cref="RefusedException">NotFound: the caller's account and region have no such project.</exception>
    public async Task<ProjectRow> GetAsync(Caller caller, string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await FindAsync(connection, null, caller, arn) ?? throw NoSuch(arn);
    }

    /// <exception cref="RefusedException">NotFound: no such project. InUse: it still has a dataset or a version.</exception>
    public async Task DeleteAsync(Caller caller, string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        _ = await FindAsync(connection, transaction, caller, arn) ?? throw NoSuch(arn);
        var key = new { arn };
        var datasets = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM datasets WHERE project_arn = @arn", key, transaction);
        var versions = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM project_versions WHERE project_arn = @arn", key, transaction);
        if (datasets + versions > 0)
        {
            throw Refused.InUse($"The project has {datasets} datasets and {versions} model versions; delete them before the project.");
        }

        await connection.ExecuteAsync(
            "DELETE FROM project_policies WHERE project_arn = @arn; DELETE FROM tags WHERE resource_arn = @arn; DELETE FROM projects WHERE arn = @arn", key,
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <exception cref="RefusedException">NotFound: no such resource. Invalid: not an ARN, or a value that <see cref="OwnTags"/> does not allow.
    /// QuotaExceeded: more than 200 tags after the change.</exception>
    public async Task TagAsync(Caller caller, string resourceArn, IReadOnlyDictionary<string, string> tags, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await RequireResourceAsync(connection, transaction, caller, resourceArn);
        OwnTags.Check(Arn.Parse(resourceArn).Kind, tags);
        await PutTagsAsync(connection, transaction, resourceArn, tags);
        var count = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM tags WHERE resource_arn = @resourceArn", new { resourceArn }, transaction);
        if (count > TagsMax)
        {
            throw Refused.Quota($"The resource would have {count} tags; it may have {TagsMax}.");
        }

        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <exception cref="RefusedException">NotFound: no such resource. Invalid: not an ARN.</exception>
    [Assumed("UntagResource: keys that the resource does not have", "They are ignored.")]
    public async Task UntagAsync(Caller caller, string resourceArn, IReadOnlyList<string> keys, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await RequireResourceAsync(connection, transaction, caller, resourceArn);
        if (keys.Count > 0)
        {
            await connection.ExecuteAsync("DELETE FROM tags WHERE resource_arn = @resourceArn AND tag_key IN @keys", new { resourceArn, keys }, transaction);
            await transaction.CommitAsync(CancellationToken.None);
        }
    }

    /// <exception cref="RefusedException">NotFound: no such resource. Invalid: not an ARN.</exception>
    public async Task<IReadOnlyDictionary<string, string>> TagsAsync(Caller caller, string resourceArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await RequireResourceAsync(connection, null, caller, resourceArn);
        var rows = await connection.QueryAsync<(string Key, string Value)>(
            "SELECT tag_key, tag_value FROM tags WHERE resource_arn = @resourceArn ORDER BY tag_key", new { resourceArn });
        return rows.ToDictionary(r => r.Key, r => r.Value);
    }

    private static Task<ProjectRow?> FindAsync(DbConnection connection, DbTransaction? transaction, Caller caller, string arn) =>
        connection.QuerySingleOrDefaultAsync<ProjectRow>(
            Columns + "WHERE arn = @arn AND account_id = @AccountId AND region = @Region", new { arn, caller.AccountId, caller.Region }, transaction);

    private static async Task RequireResourceAsync(DbConnection connection, DbTransaction? transaction, Caller caller, string text)
    {
        var arn = Arn.Parse(text);
        var table = arn.Kind switch { ArnKind.Project => "projects", ArnKind.Dataset => "datasets", ArnKind.ProjectVersion => "project_versions" };
        var found = arn.AccountId == caller.AccountId && arn.Region == caller.Region
            && await connection.ExecuteScalarAsync<long>(
                $"SELECT COUNT(*) FROM {table} WHERE arn = @text AND status NOT IN ('DELETING', 'DELETE_IN_PROGRESS')", new { text }, transaction) > 0;
        if (!found)
        {
            throw Refused.NotFound(
                $"No resource {Readable.Truncate(text)} exists in account {caller.AccountId}, region {caller.Region}, or it is being deleted.");
        }
    }

    internal static Task PutTagsAsync(DbConnection connection, DbTransaction transaction, string resourceArn, IReadOnlyDictionary<string, string>? tags) =>
        tags is null or { Count: 0 }
            ? Task.CompletedTask
            : connection.ExecuteAsync(
                "INSERT INTO tags (resource_arn, tag_key, tag_value) VALUES (@resourceArn, @Key, @Value) ON CONFLICT (resource_arn, tag_key) DO UPDATE SET "
                    + "tag_value = excluded.tag_value",
                tags.Select(t => new { resourceArn, t.Key, t.Value }),
                transaction);

    internal static RefusedException NoSuch(string arn) =>
        Refused.NotFound($"No project {Readable.Truncate(arn)} exists in this account and region; DescribeProjects lists those that do.");
}
