using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class IdleStopTests
{
    /// <summary>A little over a second: long against one request.</summary>
    private const double ShortMinutes = 0.02;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_idle_model_stops_and_says_why_and_one_in_use_runs_on()
    {
        await using var server = await TestServer.StartAsync();
        var (idle, used) = (await server.RunningVersionAsync(), await server.RunningVersionAsync());
        Default(server, ShortMinutes);
        using var done = new CancellationTokenSource();
        var asking = Task.Run(
            async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    Assert.Equal(["red"], (await server.DetectAsync(used, TinyModel.Png(0))).Names());
                    await Task.Delay(50, Cancel);
                }
            },
            Cancel);

        await server.WaitForStatusAsync(idle, ProjectVersionStatus.STOPPED);

        var stopped = (await server.VersionAsync(idle))!;
        Assert.Equal("The model is stopped. It received no request for 0.02 minutes (setting Ocellus:Hosting:IdleStopMinutes).", stopped.Message);
        Assert.Null(stopped.MinUnits);
        Assert.Null(server.Services.GetRequiredService<LocalModels>().Find(idle));
        // Twice the idle time and a look more: it would have been stopped.
        await Task.Delay(TimeSpan.FromMinutes(2 * ShortMinutes) + TimeSpan.FromSeconds(1), Cancel);
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(used))!.Status);
        await done.CancelAsync();
        await asking;

        // A start forgets the reason.
        Default(server, 0);
        await server.StartVersionAsync(idle);
        await server.WaitForStatusAsync(idle, ProjectVersionStatus.RUNNING);
        await server.StopVersionAsync(idle);
        await server.WaitForStatusAsync(idle, ProjectVersionStatus.STOPPED);
        Assert.Equal("The model is stopped.", (await server.VersionAsync(idle))!.Message);
    }

    [Fact]
    public async Task A_tag_comes_before_the_setting_and_holds_as_soon_as_it_is_set_or_taken_away()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        Assert.Equal(200, (await TagAsync(server, arn, HostingTags.IdleStopMinutes, "off")).Status);
        Default(server, ShortMinutes);
        await Task.Delay(TimeSpan.FromMinutes(2 * ShortMinutes) + TimeSpan.FromSeconds(1), Cancel);
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(arn))!.Status);

        var choices = server.Services.GetRequiredService<HostingChoices>();
        await TagAsync(server, arn, HostingTags.IdleStopMinutes, "5");
        Assert.Equal(new HostingChoice(TimeSpan.FromMinutes(5), "tag ocellus:idle-stop-minutes", false), await choices.OfAsync(arn, Cancel));
        await TagAsync(server, arn, HostingTags.WakeOnDetect, "true");
        Assert.True((await choices.OfAsync(arn, Cancel)).WakeOnDetect);

        await server.CallAsync("UntagResource", JsonSerializer.Serialize(new { ResourceArn = arn, TagKeys = new[] { HostingTags.IdleStopMinutes } }));
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }

    [Fact]
    public async Task A_tag_that_means_nothing_is_refused_and_nothing_of_the_call_is_kept()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();

        var answer = await server.CallAsync(
            "TagResource",
            JsonSerializer.Serialize(
                new { ResourceArn = arn, Tags = new Dictionary<string, string> { ["team"] = "blue", [HostingTags.IdleStopMinutes] = "soon" } }));

        Assert.Equal("InvalidParameterException", answer.Error);
        Assert.Contains("'soon'", answer.Message, StringComparison.Ordinal);
        Assert.Contains("1 to 43200", answer.Message, StringComparison.Ordinal);
        var kept = await server.CallAsync("ListTagsForResource", JsonSerializer.Serialize(new { ResourceArn = arn }));
        Assert.Empty(kept.Body.GetProperty("Tags").EnumerateObject());
    }

    [Fact]
    public async Task A_request_inside_is_answered_while_an_idle_stop_waits_for_it_and_a_restart_counts_as_a_use()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        using (await server.HoldThreadsAsync())
        {
            var inside = server.DetectAsync(arn, TinyModel.Png(1));
            await HostedVersions.UntilAsync(() => server.Model(arn).InFlight == 1, "the request is not inside");
            Assert.Equal(TimeSpan.Zero, server.Model(arn).IdleFor);
        }

        await Task.Delay(300, Cancel);
        var before = server.Model(arn).IdleFor;
        await server.RestartAsync();
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.True(server.Model(arn).IdleFor < before + TimeSpan.FromSeconds(30));
        Default(server, ShortMinutes);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }

    [Fact]
    public async Task What_was_started_anew_since_the_look_is_left_alone()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var seen = (await server.VersionAsync(arn))!;
        await server.StopVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        var versions = server.Services.GetRequiredService<VersionCatalog>();

        Assert.False(await versions.StopIdleAsync(seen, "Late.", Cancel));
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(arn))!.Status);

        // Stopping as idle survives a crash with its reason.
        Assert.True(await versions.StopIdleAsync((await server.VersionAsync(arn))!, "Nobody asked.", Cancel));
        await server.RestartAsync();
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        Assert.Equal("The model is stopped. Nobody asked.", (await server.VersionAsync(arn))!.Message);
    }

    [Fact]
    public async Task The_time_since_the_last_request_follows_no_clock_that_is_set_back()
    {
        var clock = new SettableClock();
        using var threads = new ServingThreads();
        var folder = Path.Combine(Path.GetTempPath(), "ocellus-idle-" + Guid.NewGuid().ToString("N"));
        try
        {
            TinyModel.Save(folder);
            await using var model = new RunningModel(
                "arn", TrainedModel.Load(folder), 1, 1, new HostingOptions(), threads, clock, _ => { }, NullLogger.Instance);
            clock.Advance(TimeSpan.FromMinutes(3));
            Assert.Equal(TimeSpan.FromMinutes(3), model.IdleFor);
            // The wall clock goes an hour back; the monotonic one does not.
            clock.SetBack = TimeSpan.FromHours(1);
            Assert.Equal(TimeSpan.FromMinutes(3), model.IdleFor);
            await model.DetectAsync(TinyModel.Png(0), Cancel);
            Assert.Equal(TimeSpan.Zero, model.IdleFor);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Its wall clock can be set back; its timers and timestamps go on, as those of a real machine do.</summary>
    private sealed class SettableClock : FakeTimeProvider
    {
        public TimeSpan SetBack { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() - SetBack;

        public override long GetTimestamp() => base.GetUtcNow().Ticks;
    }

    internal static Task<ApiAnswer> TagAsync(TestServer server, string arn, string tag, string value) =>
        server.CallAsync("TagResource", JsonSerializer.Serialize(new { ResourceArn = arn, Tags = new Dictionary<string, string> { [tag] = value } }));

    private static void Default(TestServer server, double minutes) =>
        server.Services.GetRequiredService<IOptions<HostingOptions>>().Value.IdleStopMinutes = minutes;
}
