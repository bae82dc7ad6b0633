using System.Diagnostics;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Projects;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Inference;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class WakeOnDetectTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stopped_version_answers_the_request_that_wakes_it_and_has_the_units_of_its_last_start()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server, units: 3);
        var clock = Stopwatch.StartNew();

        Assert.Equal(["blue"], (await server.DetectAsync(arn, TinyModel.Png(2))).Names());

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"the first answer took {clock.Elapsed}");
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(arn))!.Status);
        Assert.Equal(3, server.Model(arn).Units);
    }

    [Fact]
    public async Task Requests_that_come_together_start_it_once_and_are_all_answered()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        Execute(
            server,
            "CREATE TABLE seen (now TEXT); CREATE TRIGGER see AFTER UPDATE OF status ON project_versions BEGIN INSERT INTO seen VALUES (NEW.status); END");

        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => server.DetectAsync(arn, TinyModel.Png(i % 3))));

        Assert.All(answers.Index(), a => Assert.Equal([TinyModel.Labels[a.Index % 3]], a.Item.Names()));
        using var connection = Open(server);
        Assert.Equal(["STARTING", "RUNNING"], connection.Query<string>("SELECT now FROM seen ORDER BY rowid"));
    }

    [Fact]
    public async Task More_requests_than_the_line_would_hold_do_not_wait()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        server.Services.GetRequiredService<IOptions<HostingOptions>>().Value.QueuePerUnit = 2;

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => server.DetectAsync(arn, TinyModel.Png(0))));

        Assert.Contains(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => Assert.Equal("ProvisionedThroughputExceededException", a.Error));
    }

    [Theory]
    [InlineData("false")]
    [InlineData(null)]
    public async Task Without_the_choice_a_stopped_version_stays_stopped(string? tag)
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server, tag: tag);
        // What the tag says comes before the server's setting.
        server.Services.GetRequiredService<IOptions<HostingOptions>>().Value.WakeOnDetect = tag is not null;

        Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(arn, TinyModel.Png(0))).Error);
        Assert.Equal(ProjectVersionStatus.STOPPED, (await server.VersionAsync(arn))!.Status);
    }

    [Fact]
    public async Task The_setting_wakes_versions_without_a_tag_but_only_stopped_ones()
    {
        await using var server = await TestServer.StartAsync();
        server.Services.GetRequiredService<IOptions<HostingOptions>>().Value.WakeOnDetect = true;
        var never = await server.TrainedVersionAsync();
        Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(never, TinyModel.Png(0))).Error);
        Assert.Equal(ProjectVersionStatus.TRAINING_COMPLETED, (await server.VersionAsync(never))!.Status);

        var stopped = await StoppedAsync(server, tag: null);
        Assert.Equal(["red"], (await server.DetectAsync(stopped, TinyModel.Png(0))).Names());
    }

    [Fact]
    public async Task A_request_that_is_no_image_request_wakes_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        var answer = await server.CallAsync(
            "DetectCustomLabels",
            JsonSerializer.Serialize(new { ProjectVersionArn = arn, Image = new { S3Object = new { Bucket = "nothere", Name = "x.jpg" } } }));
        Assert.Equal("InvalidS3ObjectException", answer.Error);
        Assert.Equal(ProjectVersionStatus.STOPPED, (await server.VersionAsync(arn))!.Status);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_refuses_all_who_wait_with_the_reason()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        File.Delete(Path.Combine(await server.ModelFolderOfAsync(arn), ModelFiles.Model));

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => server.DetectAsync(arn, TinyModel.Png(0))));

        Assert.All(answers, a => Assert.Equal("ResourceNotReadyException", a.Error));
        Assert.Contains(answers, a => a.Message.Contains("FAILED", StringComparison.Ordinal) && a.Message.Contains("cannot be read", StringComparison.Ordinal));
        // FAILED is not STOPPED: nobody starts it in circles.
        Assert.Equal(ProjectVersionStatus.FAILED, (await server.VersionAsync(arn))!.Status);
    }

    [Fact]
    public async Task Too_many_running_models_are_told_to_who_would_wake_one_more()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        await server.RunningVersionAsync();
        await server.RunningVersionAsync();
        var answer = await server.DetectAsync(arn, TinyModel.Png(0));
        Assert.Equal("LimitExceededException", answer.Error);
        Assert.Contains("RunningModels", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_leaves_while_it_waits_leaves_the_start_and_the_others_alone()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        using var client = new CancellationTokenSource();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = arn, Image = new { Bytes = TinyModel.Png(0) } });
        using var request = server.ApiRequest("DetectCustomLabels", body);
        server.Signer.Sign(request, "rekognition", Signer.HashOf(body));
        var leaving = server.Client.SendAsync(request, client.Token);
        await HostedVersions.UntilAsync(async () => (await server.VersionAsync(arn))!.Status != ProjectVersionStatus.STOPPED, () => "nothing woke it");
        var other = server.DetectAsync(arn, TinyModel.Png(1));

        await client.CancelAsync();

        await Record.ExceptionAsync(() => leaving);
        Assert.Equal(["green"], (await other).Names());
    }

    [Fact]
    public async Task Stops_starts_idle_stops_and_wakes_in_any_order_leave_no_state_and_lose_no_request()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        server.Services.GetRequiredService<IOptions<HostingOptions>>().Value.RequestTimeout = TimeSpan.FromSeconds(50);
        var versions = server.Services.GetRequiredService<VersionCatalog>();
        using var done = new CancellationTokenSource();
        var stops = 0;
        // As IdleStop does it, only without waiting for idleness: the worst moments come soon.
        var stopping = Task.Run(
            async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    if (await versions.FindAsync(arn, Cancel) is { Status: ProjectVersionStatus.RUNNING } running
                        && await versions.StopIdleAsync(running, "Idle.", Cancel))
                    {
                        server.Services.GetRequiredService<FleetWorker>().Wake();
                        stops++;
                    }

                    await Task.Delay(40, Cancel);
                }
            },
            Cancel);

        await Parallel.ForEachAsync(Enumerable.Range(0, 4), Cancel, async (seed, cancel) =>
        {
            for (var i = 0; i < 12; i++)
            {
                var answer = await server.DetectAsync(arn, TinyModel.Png((seed + i) % 3));
                // A stop may follow a wake more often than one request follows it; then it says so, and nothing else.
                if (answer.Status != 200)
                {
                    Assert.Equal("ResourceNotReadyException", answer.Error);
                }
                else
                {
                    Assert.Equal([TinyModel.Labels[(seed + i) % 3]], answer.Names());
                }
            }
        });

        await done.CancelAsync();
        await stopping;
        Assert.True(stops > 0);
        Assert.Equal(["red"], (await server.DetectAsync(arn, TinyModel.Png(0))).Names());
    }

    [Fact]
    public async Task Who_stops_a_version_that_is_waking_gets_it_stopped()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        var asked = server.DetectAsync(arn, TinyModel.Png(0));
        ApiAnswer stop;
        // STARTING has no way to STOPPING; as soon as it runs, it stops.
        while ((stop = await server.StopVersionAsync(arn)).Status != 200)
        {
            Assert.Equal("ResourceInUseException", stop.Error);
        }

        Assert.True(await asked is { Status: 200 } or { Error: "ResourceNotReadyException" });
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        Assert.Equal("The model is stopped.", (await server.VersionAsync(arn))!.Message);
    }

    [Fact]
    public async Task A_server_that_stops_starts_nothing_and_says_so()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await StoppedAsync(server);
        server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        var answer = await server.DetectAsync(arn, TinyModel.Png(0));

        Assert.Equal("ResourceNotReadyException", answer.Error);
        Assert.Contains("The server is stopping", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Those_who_have_yet_to_leave_a_start_that_is_over_do_not_fill_it()
    {
        var end = new TaskCompletionSource();
        var wake = new WakeOnDetect.Wake(() => end.Task);
        Assert.True(wake.TryEnter(1, out _));
        Assert.False(wake.TryEnter(1, out var full));
        Assert.True(full);

        end.SetResult();
        await wake.Running;

        Assert.False(wake.TryEnter(1, out full));
        Assert.False(full);
    }

    /// <summary>A version that ran and was stopped, with the tag set to a value; null leaves it without.</summary>
    private static async Task<string> StoppedAsync(TestServer server, int units = 1, string? tag = "true")
    {
        var arn = await server.RunningVersionAsync(units);
        await server.StopVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        if (tag is not null)
        {
            Assert.Equal(200, (await IdleStopTests.TagAsync(server, arn, HostingTags.WakeOnDetect, tag)).Status);
        }

        return arn;
    }

    private static SqliteConnection Open(TestServer server) => new($"Data Source={Path.Combine(server.DataPath, "ocellus.db")};Pooling=False");

    private static void Execute(TestServer server, string sql)
    {
        using var connection = Open(server);
        connection.Execute(sql);
    }
}
