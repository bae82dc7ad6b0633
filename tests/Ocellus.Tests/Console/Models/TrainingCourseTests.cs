using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Console.Models;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Tests.Training;
using Ocellus.Training.Job;

namespace Ocellus.Tests.Console.Models;

/// <summary>How a training goes, as its page shows it, and how it is cancelled.</summary>
public sealed class TrainingCourseTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cancelled_training_ends_with_its_process_and_keeps_what_it_told()
    {
        await using var server = await TestServer.StartAsync();
        var project = await TrainingAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);
        var version = Assert.Single(await server.Services.GetRequiredService<VersionCatalog>().ListAsync(project, null, null, null, 1, Cancel));
        var folder = new JobFolder(Path.Combine(server.DataPath, "jobs", version.Folder));
        await HostedVersions.UntilAsync(
            () => Directory.Exists(folder.Path) && folder.Process > 0 && TrainingHistory.Read(folder.Path).Count > 0, "the training does not begin");
        var process = folder.Process!.Value;

        using var cancelled = await client.SendAsync(HttpMethod.Post, "/ui/api/p/colours/models/v/cancel", null);

        Assert.Equal(HttpStatusCode.NoContent, cancelled.StatusCode);
        var ended = await server.VersionAsync(version.Arn);
        Assert.Equal(ProjectVersionStatus.TRAINING_FAILED, ended!.Status);
        Assert.StartsWith("The training was cancelled by ", ended.Message, StringComparison.Ordinal);
        await HostedVersions.UntilAsync(() => !Directory.Exists(folder.Path) && !Directory.Exists($"/proc/{process}"), "the process does not end");
        Assert.Contains(" of ", await client.TextAsync("/ui/api/p/colours/models/v/log"), StringComparison.Ordinal);
        // Again there is nothing to cancel; and it stays as it was.
        using var again = await client.SendAsync(HttpMethod.Post, "/ui/api/p/colours/models/v/cancel", null);
        Assert.Contains("nothing to cancel", await again.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        Assert.Equal(ended.Message, (await server.VersionAsync(version.Arn))!.Message);
    }

    [Fact]
    public async Task Cancelling_needs_the_permission_to_delete()
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"colours"}""")).Body.GetProperty("ProjectArn").GetString()!;
        await server.CreateBucketAsync("images");
        await server.TestedVersionAsync(project, "v", ["x"]);
        var viewer = await ConsoleClient.SignedInAsync(
            server, await server.KeyAsync("viewer", """{"Effect":"Allow","Action":"rekognition:Describe*","Resource":"*"}"""));

        using var refused = await viewer.SendAsync(HttpMethod.Post, "/ui/api/p/colours/models/v/cancel", null);

        Assert.Contains("rekognition:DeleteProjectVersion", await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public void A_history_is_read_as_it_was_written_but_for_lines_that_a_crash_has_cut()
    {
        var folder = Directory.CreateTempSubdirectory("ocellus-history-").FullName;
        try
        {
            var time = DateTimeOffset.FromUnixTimeMilliseconds(1_767_268_800_000);
            TrainingHistory.Add(folder, new("fine-tuning", 40, 400, .12345, 72.2), time);
            TrainingHistory.Add(folder, new("features", 1, 2, double.NaN, null), time);
            File.AppendAllText(Path.Combine(folder, TrainingHistory.FileName), "{\"ms\":12,\"pha");

            Assert.Equal(
                ["2026-01-01 12:00:00 fine-tuning, 40 of 400, loss 0.1235, about 73 s left", "2026-01-01 12:00:00 features, 1 of 2"],
                TrainingHistory.Read(folder).Select(p => p.ToString()));
            Assert.Empty(TrainingHistory.Read(Path.Combine(folder, "none")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_curve_has_a_line_for_each_phase_over_the_time_that_it_took()
    {
        HistoryPoint[] history =
        [
            new(0, "features", 1, 2, null, null), new(0, "head", 1, 2, 2, null), new(5_000, "head", 2, 2, 1, null), new(10_000, "fine-tuning", 1, 1, 1, null),
        ];

        var chart = LossChart.Of(history)!;

        // 98 % of three losses is the second largest, 1, and a twentieth above it is the top.
        Assert.Equal(1.05, chart.Top, 6);
        Assert.Equal((2, 1), (chart.First, chart.Last));
        Assert.Equal(["head", "fine-tuning"], chart.Lines.Select(l => l.Name));
        Assert.Equal("0,0 320,7.6", chart.Lines[0].Points);
        Assert.Equal("640,7.6", chart.Lines[1].Points);
        Assert.Null(LossChart.Of(history[..2]));
    }

    private static async Task<string> TrainingAsync(TestServer server)
    {
        await TrainingTests.PutImagesAsync(server, 10);
        await server.PutObjectAsync("images", "train.manifest", TrainingTests.Manifest(10));
        var project = await TrainingTests.ProjectAsync(server);
        await TrainingTests.TrainExternallyAsync(server, project, "train.manifest");
        return project;
    }
}
