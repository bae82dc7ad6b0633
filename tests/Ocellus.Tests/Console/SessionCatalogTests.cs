using Microsoft.Extensions.Time.Testing;
using Ocellus.Console.Sessions;
using Ocellus.Storage;

namespace Ocellus.Tests.Console;

/// <summary>How long sessions and tickets last.</summary>
public sealed class SessionCatalogTests : IDisposable
{
    private static readonly Grant Anna = new("AKIAANNA", "eu-west-1");

    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-test-" + Guid.NewGuid().ToString("N"));
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly DataDirectory _data;
    private readonly SessionCatalog _sessions;

    public SessionCatalogTests()
    {
        _data = TestDatabase.Open(_path);
        _sessions = new(_data, _clock);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    [Fact]
    public async Task A_session_ends_after_twelve_idle_hours()
    {
        var secret = await _sessions.OpenAsync(Anna, Cancel);
        _clock.Advance(TimeSpan.FromHours(11));
        Assert.Equal(Anna, await _sessions.FindAsync(secret, Cancel));
        _clock.Advance(TimeSpan.FromHours(11));
        Assert.Equal(Anna, await _sessions.FindAsync(secret, Cancel));
        _clock.Advance(TimeSpan.FromHours(12.1));
        Assert.Null(await _sessions.FindAsync(secret, Cancel));
    }

    [Fact]
    public async Task A_session_ends_after_seven_days_of_use()
    {
        var secret = await _sessions.OpenAsync(Anna, Cancel);
        for (var hour = 0; hour < 7 * 24; hour += 6)
        {
            Assert.Equal(Anna, await _sessions.FindAsync(secret, Cancel));
            _clock.Advance(TimeSpan.FromHours(6));
        }

        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(await _sessions.FindAsync(secret, Cancel));
    }

    [Fact]
    public async Task A_clock_set_back_by_an_hour_ends_nothing()
    {
        var secret = await _sessions.OpenAsync(Anna, Cancel);
        var earlier = new SessionCatalog(_data, new FakeTimeProvider(_clock.GetUtcNow() - TimeSpan.FromHours(1)));
        Assert.Equal(Anna, await earlier.FindAsync(secret, Cancel));
        Assert.Equal(Anna, await _sessions.FindAsync(secret, Cancel));
    }

    [Fact]
    public async Task Using_a_session_is_a_commit_only_now_and_then()
    {
        // What the API keeps in memory is read again after each commit.
        var secret = await _sessions.OpenAsync(Anna, Cancel);
        var mark = _data.Commits.Now();
        _clock.Advance(TimeSpan.FromMinutes(9));
        await _sessions.FindAsync(secret, Cancel);
        Assert.Equal(mark, _data.Commits.Now());
        _clock.Advance(TimeSpan.FromMinutes(2));
        await _sessions.FindAsync(secret, Cancel);
        Assert.NotEqual(mark, _data.Commits.Now());
    }

    [Fact]
    public async Task The_oldest_of_too_many_sessions_ends()
    {
        var first = await _sessions.OpenAsync(Anna, Cancel);
        for (var i = 0; i < SessionCatalog.SessionsMax; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            var last = await _sessions.OpenAsync(Anna, Cancel);
            if (i is 0 or SessionCatalog.SessionsMax - 1)
            {
                Assert.Equal(Anna, await _sessions.FindAsync(last, Cancel));
            }
        }

        Assert.Null(await _sessions.FindAsync(first, Cancel));
    }

    [Fact]
    public async Task A_ticket_is_void_after_ten_minutes()
    {
        var (early, late) = (await _sessions.IssueTicketAsync(Anna, Cancel), await _sessions.IssueTicketAsync(Anna, Cancel));
        _clock.Advance(TimeSpan.FromMinutes(9));
        Assert.Equal(Anna, await _sessions.RedeemTicketAsync(early, Cancel));
        Assert.Null(await _sessions.RedeemTicketAsync(early, Cancel));
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(await _sessions.RedeemTicketAsync(late, Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("' OR 1=1 --")]
    public async Task What_is_no_secret_is_not_looked_up(string text)
    {
        Assert.Null(await _sessions.FindAsync(text, Cancel));
        Assert.Null(await _sessions.RedeemTicketAsync(text, Cancel));
    }
}
