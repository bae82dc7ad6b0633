using Microsoft.Extensions.Time.Testing;
using Ocellus.Tests.Hosting;
using Ocellus.Training.Job;
using Ocellus.Work;

namespace Ocellus.Tests.Training.Job;

public sealed class TrainingPaceTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(8, 4)]
    public void A_training_that_yields_has_half_its_threads_and_at_least_one(int threads, int yielding)
    {
        var pace = new TrainingPace(threads);
        Assert.Equal(threads, pace.Threads);
        pace.Receive(TrainingPace.Yield);
        Assert.Equal(yielding, pace.Threads);
        pace.Receive("a word of a later version");
        Assert.Equal(yielding, pace.Threads);
        pace.Receive(TrainingPace.Resume);
        Assert.Equal(threads, pace.Threads);
    }

    [Fact]
    public void A_server_serves_until_five_seconds_after_the_last_request()
    {
        var clock = new FakeTimeProvider();
        var activity = new ServingActivity(clock);
        Assert.False(activity.IsServing);
        activity.Touch();
        clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.True(activity.IsServing);
        activity.Touch();
        clock.Advance(TimeSpan.FromSeconds(4.9));
        Assert.True(activity.IsServing);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.False(activity.IsServing);
    }

    [Fact]
    public async Task A_training_process_is_sent_each_change_once()
    {
        var clock = new FakeTimeProvider();
        using var input = new StringWriter { NewLine = "\n" };
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var serving = false;
        var signalling = TrainingPace.SignalAsync(input, () => serving, clock, end.Token);
        foreach (var (now, expected) in new[] { (false, ""), (true, "yield\n"), (true, "yield\n"), (false, "yield\nresume\n") })
        {
            serving = now;
            clock.Advance(TimeSpan.FromSeconds(1));
            await Hosting.HostedVersions.UntilAsync(() => input.ToString() == expected, $"'{expected}' was not sent");
        }

        await end.CancelAsync();
        await signalling;
    }
}
