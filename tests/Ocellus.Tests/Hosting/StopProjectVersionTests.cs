using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Hosting;

public sealed class StopProjectVersionTests
{
    [Fact]
    public async Task Only_what_runs_can_be_stopped()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        var never = await server.StopVersionAsync(arn);
        Assert.Equal("ResourceInUseException", never.Error);
        Assert.Contains("TRAINING_COMPLETED", never.Message, StringComparison.Ordinal);
        Assert.Equal("ResourceNotFoundException", (await server.StopVersionAsync(arn[..^1] + (arn[^1] == '1' ? '2' : '1'))).Error);

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.Equal(200, (await server.StopVersionAsync(arn)).Status);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        Assert.Contains("STOPPED", (await server.StopVersionAsync(arn)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_stops_at_once_one_is_taken()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.StopVersionAsync(arn)));
        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => Assert.Equal("ResourceInUseException", a.Error));
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }

    [Fact]
    public async Task A_stop_that_meets_the_end_of_a_start_is_refused_or_taken_and_never_lost()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        for (var round = 0; round < 6; round++)
        {
            await server.StartVersionAsync(arn);
            // As fast as it goes: the first that is taken comes right after STARTING has ended.
            ApiAnswer answer;
            while ((answer = await server.StopVersionAsync(arn)).Status != 200)
            {
                Assert.Equal("ResourceInUseException", answer.Error);
                Assert.Contains("STARTING", answer.Message, StringComparison.Ordinal);
            }

            Assert.Equal("STOPPING", answer.Body.GetProperty("Status").GetString());
            await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
            Assert.Empty(server.Services.GetRequiredService<LocalModels>().Arns);
        }
    }

    [Fact]
    public async Task A_delete_that_races_a_stop_waits_for_the_end_and_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var folder = await server.ModelFolderOfAsync(arn);
        var delete = JsonSerializer.Serialize(new { ProjectVersionArn = arn });
        var deleting = Task.Run(
            async () =>
            {
                ApiAnswer answer;
                while ((answer = await server.CallAsync("DeleteProjectVersion", delete)).Status != 200)
                {
                    Assert.Equal("ResourceInUseException", answer.Error);
                }

                Assert.Equal("DELETING", answer.Body.GetProperty("Status").GetString());
            },
            TestContext.Current.CancellationToken);

        Assert.Equal("STOPPING", (await server.StopVersionAsync(arn)).Body.GetProperty("Status").GetString());

        await deleting;
        await HostedVersions.UntilAsync(async () => await server.VersionAsync(arn) is null, () => "the version was not removed");
        Assert.False(Directory.Exists(folder));
        Assert.Empty(server.Services.GetRequiredService<LocalModels>().Arns);
    }

    [Fact]
    public async Task A_client_that_is_gone_before_its_answer_has_stopped_the_version_or_not_and_it_can_be_started_again()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = arn });
        for (var round = 0; round < 12; round++)
        {
            using var client = new CancellationTokenSource();
            using var request = server.ApiRequest("StopProjectVersion", body);
            server.Signer.Sign(request, "rekognition", Signer.HashOf(body));
            var asked = server.Client.SendAsync(request, client.Token);
            client.CancelAfter(TimeSpan.FromMilliseconds(round * 0.5));
            await Record.ExceptionAsync(() => asked);
            await HostedVersions.UntilAsync(
                async () => (await server.VersionAsync(arn))!.Status is ProjectVersionStatus.RUNNING or ProjectVersionStatus.STOPPED,
                () => "it came not to rest");
            await RunsAsync();
        }

        // A request whose client left may be taken up late; in the end the version runs and answers.
        async Task RunsAsync() => await HostedVersions.UntilAsync(
            async () =>
            {
                if ((await server.VersionAsync(arn))!.Status == ProjectVersionStatus.STOPPED)
                {
                    Assert.Empty(server.Services.GetRequiredService<LocalModels>().Arns);
                    await server.StartVersionAsync(arn);
                }

                return (await server.DetectAsync(arn, TinyModel.Png(0))).Status == 200;
            },
            () => "it does not answer any more");
    }
}
