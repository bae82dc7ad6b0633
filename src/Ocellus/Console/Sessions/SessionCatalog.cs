using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Ocellus.Storage;

namespace Ocellus.Console.Sessions;

/// <summary>What a session or a ticket stands for.</summary>
internal sealed record Grant(string AccessKeyId, string Region);

/// <summary>
/// Sessions and tickets in the database. Each is 256 random bits; only the hash is stored, so that no copy of the database opens the console.
/// </summary>
internal sealed class SessionCatalog(DataDirectory data, TimeProvider clock)
{
    /// <summary>A session ends after this time without a request.</summary>
    public static readonly TimeSpan IdleMax = TimeSpan.FromHours(12);

    /// <summary>A session ends after this time in any case.</summary>
    public static readonly TimeSpan AgeMax = TimeSpan.FromDays(7);

    /// <summary>A ticket that was not used by then is void.</summary>
    public static readonly TimeSpan TicketAgeMax = TimeSpan.FromMinutes(10);

    /// <summary>Sessions that are kept. A new one ends those that were used longest ago.</summary>
    public const int SessionsMax = 1000;

    /// <summary>How exactly the last use is known: every note of it is a commit, after which the API reads again what it has cached.</summary>
    private static readonly TimeSpan _seenStep = TimeSpan.FromMinutes(10);

    private const int SecretBytes = 32;

    private long NowMs => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Opens a session.</summary>
    /// <returns>The secret for the cookie: 43 characters of base64url.</returns>
    public async Task<string> OpenAsync(Grant grant, CancellationToken cancel)
    {
        var secret = NewSecret();
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var now = NowMs;
        await connection.ExecuteAsync(
            "DELETE FROM console_sessions WHERE created_ms < @oldest OR seen_ms < @idle",
            new { oldest = now - (long)AgeMax.TotalMilliseconds, idle = now - (long)IdleMax.TotalMilliseconds }, transaction);
        await connection.ExecuteAsync(
            "DELETE FROM console_sessions WHERE hash IN (SELECT hash FROM console_sessions ORDER BY seen_ms DESC, hash LIMIT @count OFFSET @kept)",
            new { count = SessionsMax, kept = SessionsMax - 1 }, transaction);
        await connection.ExecuteAsync(
            "INSERT INTO console_sessions (hash, access_key_id, region, created_ms, seen_ms) VALUES (@hash, @AccessKeyId, @Region, @now, @now)",
            new { hash = HashOf(secret), grant.AccessKeyId, grant.Region, now }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return secret;
    }

    /// <summary>The session of a cookie; null if there is none, or it has ended.</summary>
    public async Task<Grant?> FindAsync(string secret, CancellationToken cancel)
    {
        if (!IsSecret(secret))
        {
            return null;
        }

        var hash = HashOf(secret);
        await using var connection = await data.ConnectAsync(cancel);
        var row = await connection.QuerySingleOrDefaultAsync<SessionRow>(
            "SELECT access_key_id, region, created_ms, seen_ms FROM console_sessions WHERE hash = @hash", new { hash });
        var now = NowMs;
        if (row is null || now - row.CreatedMs > AgeMax.TotalMilliseconds || now - row.SeenMs > IdleMax.TotalMilliseconds)
        {
            return null;
        }

        // In both directions: a clock that was set back must not end sessions early.
        if (Math.Abs(now - row.SeenMs) > _seenStep.TotalMilliseconds)
        {
            await connection.ExecuteAsync("UPDATE console_sessions SET seen_ms = @now WHERE hash = @hash", new { hash, now });
        }

        return new(row.AccessKeyId, row.Region);
    }

    /// <summary>Ends a session.</summary>
    public async Task CloseAsync(string secret, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await connection.ExecuteAsync("DELETE FROM console_sessions WHERE hash = @hash", new { hash = HashOf(secret) });
    }

    /// <summary>Makes a ticket, which opens one session.</summary>
    /// <returns>43 characters of base64url.</returns>
    public async Task<string> IssueTicketAsync(Grant grant, CancellationToken cancel)
    {
        var secret = NewSecret();
        var now = NowMs;
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync("DELETE FROM console_tickets WHERE expires_ms <= @now", new { now }, transaction);
        await connection.ExecuteAsync(
            "INSERT INTO console_tickets (hash, access_key_id, region, expires_ms) VALUES (@hash, @AccessKeyId, @Region, @expires)",
            new { hash = HashOf(secret), grant.AccessKeyId, grant.Region, expires = now + (long)TicketAgeMax.TotalMilliseconds }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return secret;
    }

    /// <summary>Uses a ticket up; null if it was used before, is too old, or never was one. Of two callers at the same time one gets it.</summary>
    public async Task<Grant?> RedeemTicketAsync(string ticket, CancellationToken cancel)
    {
        if (!IsSecret(ticket))
        {
            return null;
        }

        var key = new { hash = HashOf(ticket), now = NowMs };
        await using var connection = await data.ConnectAsync(cancel);
        var row = await connection.QuerySingleOrDefaultAsync<SessionRow>(
            "SELECT access_key_id, region FROM console_tickets WHERE hash = @hash AND expires_ms > @now", key);
        return row is not null && await connection.ExecuteAsync("DELETE FROM console_tickets WHERE hash = @hash", key) == 1
            ? new(row.AccessKeyId, row.Region)
            : null;
    }

    /// <summary>Whether a text has the form of a cookie or ticket; others are not looked up.</summary>
    private static bool IsSecret(string text) => text.Length == Base64Url.GetEncodedLength(SecretBytes) && Base64Url.IsValid(text);

    private static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    private static string HashOf(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private sealed record SessionRow
    {
        public string AccessKeyId { get; init; } = "";

        public string Region { get; init; } = "";

        public long CreatedMs { get; init; }

        public long SeenMs { get; init; }
    }
}
