using Dapper;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Identity;

/// <summary>A project policy as stored.</summary>
internal sealed class PolicyRow
{
    public string Name { get; init; } = "";

    public string RevisionId { get; init; } = "";

    public string Document { get; init; } = "";

    public long CreatedMs { get; init; }

    public long UpdatedMs { get; init; }
}

/// <summary>The policies of projects. Callers check first that the project exists.</summary>
internal sealed class PolicyCatalog(DataDirectory data, TimeProvider clock)
{
    private const string Columns = "SELECT name, revision_id, document, created_ms, updated_ms FROM project_policies WHERE project_arn = @projectArn ";

    /// <summary>Saves a new policy (without a revision id), or replaces the one with this revision id.</summary>
    /// <returns>The new revision id: 32 hex digits.</returns>
    /// <exception cref="RefusedException">AlreadyExists, InvalidPolicyRevision, MalformedPolicy. LimitExceeded: the project has <paramref name="max"/>
    /// policies.</exception>
    public async Task<string> PutAsync(string projectArn, string name, string document, string? revisionId, int max, CancellationToken cancel)
    {
        PolicyDocument.Check(document, projectArn);
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var stored = await connection.QuerySingleOrDefaultAsync<PolicyRow>(Columns + "AND name = @name", new { projectArn, name }, transaction);
        if (stored is not null && revisionId is null)
        {
            throw Refused.AlreadyExists($"The project already has a policy named '{name}'; pass its PolicyRevisionId to replace it.");
        }

        RequireRevision(stored, name, revisionId);
        if (stored is null
            && await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM project_policies WHERE project_arn = @projectArn", new { projectArn }, transaction) is var policies
            && policies >= max)
        {
            throw Refused.Limit($"The project has {policies} policies; the maximum is {max} (setting Ocellus:Quotas:PoliciesPerProject). Delete one first.");
        }

        var made = Guid.NewGuid().ToString("n");
        await connection.ExecuteAsync(
            """
            INSERT INTO project_policies (project_arn, name, revision_id, document, created_ms, updated_ms) VALUES (@projectArn, @name, @made, @document, @now,
            @now)
            ON CONFLICT (project_arn, name) DO UPDATE SET revision_id = excluded.revision_id, document = excluded.document, updated_ms = excluded.updated_ms
            """,
            new { projectArn, name, made, document, now = clock.GetUtcNow().ToUnixTimeMilliseconds() },
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return made;
    }

    /// <summary>One page, sorted by name, after the given name.</summary>
    public async Task<IReadOnlyList<PolicyRow>> ListAsync(string projectArn, string? after, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return
        [
            .. await connection.QueryAsync<PolicyRow>(
                Columns + "AND name > @after ORDER BY name LIMIT @count", new { projectArn, after = after ?? "", count }),
        ];
    }

    /// <exception cref="RefusedException">NotFound: no such policy. InvalidPolicyRevision: the id is not the current one.</exception>
    public async Task DeleteAsync(string projectArn, string name, string? revisionId, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var stored = await connection.QuerySingleOrDefaultAsync<PolicyRow>(Columns + "AND name = @name", new { projectArn, name }, transaction)
            ?? throw Refused.NotFound($"The project has no policy named '{name}'.");
        RequireRevision(stored, name, revisionId);
        await connection.ExecuteAsync("DELETE FROM project_policies WHERE project_arn = @projectArn AND name = @name", new { projectArn, name }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
    }

    private static void RequireRevision(PolicyRow? stored, string name, string? revisionId)
    {
        if (revisionId is not null && !string.Equals(stored?.RevisionId, revisionId, StringComparison.OrdinalIgnoreCase))
        {
            throw new RefusedException(RefusalKind.InvalidPolicyRevision, stored is null
                ? $"The project has no policy named '{name}'; omit PolicyRevisionId to create one."
                : $"'{revisionId}' is not the current revision of the policy '{name}'; ListProjectPolicies returns the current one.");
        }
    }
}
