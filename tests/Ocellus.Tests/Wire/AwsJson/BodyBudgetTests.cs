using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Refusals;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

public sealed class BodyBudgetTests
{
    private const int Max = 1000;

    private readonly FakeTimeProvider _clock = new();
    private readonly List<string> _stopped = [];
    private int _freed;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_given_back_can_be_taken_again()
    {
        var budget = Budget(Max);
        using var one = budget.Open(() => _stopped.Add("one"));
        await one.TakeAsync(900, Cancel);
        one.Give(400);
        Assert.Equal(500, budget.Taken);
        using var other = budget.Open(() => _stopped.Add("other"));
        await other.TakeAsync(500, Cancel);
        other.Dispose();
        other.Dispose();
        Assert.Equal(500, budget.Taken);
    }

    [Fact]
    public async Task Bodies_that_have_just_begun_are_not_stopped_for_another()
    {
        var budget = Budget(Max);
        using var one = budget.Open(() => _stopped.Add("one"));
        await one.TakeAsync(900, Cancel);
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        using var other = budget.Open(() => _stopped.Add("other"));
        var refusal = await Assert.ThrowsAsync<RefusedException>(async () => await other.TakeAsync(200, Cancel));
        Assert.Equal(RefusalKind.Throttled, refusal.Kind);
        Assert.Contains("1000 bytes", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_stopped);
    }

    [Fact]
    public async Task The_largest_that_is_long_in_coming_makes_room()
    {
        var budget = Budget(Max);
        using var small = budget.Open(() => _stopped.Add("small"));
        await small.TakeAsync(100, Cancel);
        BodyBudget.Share? large = null;
        large = budget.Open(() =>
        {
            _stopped.Add("large");
            _ = Task.Run(large!.Dispose, Cancel);
        });
        await large.TakeAsync(800, Cancel);
        _clock.Advance(TimeSpan.FromSeconds(2));
        using var other = budget.Open(() => _stopped.Add("other"));
        await other.TakeAsync(500, Cancel);
        Assert.Equal(["large"], _stopped);
        Assert.Equal(BodyStop.ForOthers, large.Stopped);
        Assert.Equal(600, budget.Taken);
    }

    [Fact]
    public async Task A_body_that_is_whole_is_never_stopped()
    {
        var budget = Budget(Max);
        using var whole = budget.Open(() => _stopped.Add("whole"));
        await whole.TakeAsync(900, Cancel);
        whole.Arrived();
        _clock.Advance(TimeSpan.FromMinutes(1));
        whole.Stop(BodyStop.Late);
        using var other = budget.Open(() => _stopped.Add("other"));
        await Assert.ThrowsAsync<RefusedException>(async () => await other.TakeAsync(200, Cancel));
        Assert.Empty(_stopped);
        Assert.Equal(BodyStop.None, whole.Stopped);
    }

    [Fact]
    public async Task Memory_goes_back_to_the_system_only_after_much_was_in_use()
    {
        var budget = Budget(1 << 30);
        using (var usual = budget.Open(() => _stopped.Add("usual")))
        {
            await usual.TakeAsync(60 << 20, Cancel);
        }

        Assert.Equal(0, _freed);
        var much = budget.Open(() => _stopped.Add("much"));
        await much.TakeAsync(70 << 20, Cancel);
        using var next = budget.Open(() => _stopped.Add("next"));
        await next.TakeAsync(5 << 20, Cancel);
        Assert.Equal(0, _freed);
        much.Dispose();
        Assert.Equal(1, _freed);
    }

    private BodyBudget Budget(long max) => new(Options.Create(new BodyOptions { UnverifiedBytesMax = max }), _clock, () => _freed++);
}
