using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class FleetWorkerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_trained_version_starts_answers_and_stops()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(arn, TinyModel.Png(0))).Error);

        await server.StartVersionAsync(arn, units: 2);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.Equal(2, (await server.VersionAsync(arn))!.MinUnits);
        Assert.Equal(2, server.Model(arn).Units);
        foreach (var label in Enumerable.Range(0, 3))
        {
            Assert.Equal([TinyModel.Labels[label]], (await server.DetectAsync(arn, TinyModel.Png(label))).Names());
        }

        Assert.Equal("STOPPING", (await server.StopVersionAsync(arn)).Body.GetProperty("Status").GetString());
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        Assert.Null((await server.VersionAsync(arn))!.MinUnits);
        Assert.Empty(server.Services.GetRequiredService<LocalModels>().Arns);
        Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(arn, TinyModel.Png(0))).Error);

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
    }

    [Fact]
    public async Task A_request_inside_finishes_while_the_version_stops_and_the_next_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var other = await server.TrainedVersionAsync();
        Task<ApiAnswer> inside;
        using (var held = await server.HoldThreadsAsync())
        {
            inside = server.DetectAsync(arn, TinyModel.Png(1));
            await HostedVersions.UntilAsync(() => server.Model(arn).InFlight == 1, "the request is not inside");

            Assert.Equal("STOPPING", (await server.StopVersionAsync(arn)).Body.GetProperty("Status").GetString());
            Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(arn, TinyModel.Png(1))).Error);
            var second = await server.StopVersionAsync(arn);
            Assert.Equal("ResourceInUseException", second.Error);
            Assert.Contains("STOPPING", second.Message, StringComparison.Ordinal);

            // A drain that takes long delays no other start.
            await server.StartVersionAsync(other);
            await server.WaitForStatusAsync(other, ProjectVersionStatus.RUNNING);
            Assert.Equal(ProjectVersionStatus.STOPPING, (await server.VersionAsync(arn))!.Status);
            Assert.False(inside.IsCompleted);
        }

        Assert.Equal(["green"], (await inside).Names());
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }

    [Fact]
    public async Task A_running_version_comes_back_with_the_server_and_its_units()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync(units: 3);

        await server.RestartAsync();

        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.Equal(3, server.Model(arn).Units);
        Assert.Equal(["blue"], (await server.DetectAsync(arn, TinyModel.Png(2))).Names());
    }

    [Theory]
    [InlineData("STOPPING", "STOPPED")]
    [InlineData("STARTING", "RUNNING")]
    public async Task What_a_crash_interrupted_is_finished_at_the_next_start(string found, string expected)
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();

        await server.RestartAsync(() => Execute(server, "UPDATE project_versions SET status = @found", new { found }));

        await server.WaitForStatusAsync(arn, Enum.Parse<ProjectVersionStatus>(expected));
    }

    [Fact]
    public async Task A_request_inside_is_answered_when_the_server_stops()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        Task<ApiAnswer> inside;
        Task restart;
        using (var held = await server.HoldThreadsAsync())
        {
            inside = server.DetectAsync(arn, TinyModel.Png(0));
            await HostedVersions.UntilAsync(() => server.Model(arn).InFlight == 1, "the request is not inside");
            var stopping = server.Services.GetRequiredService<Microsoft.Extensions.Hosting.IHostApplicationLifetime>().ApplicationStopping;
            restart = server.RestartAsync();
            await HostedVersions.UntilAsync(() => stopping.IsCancellationRequested, "the server does not stop");
        }

        Assert.Equal(["red"], (await inside).Names());
        await restart;
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
    }

    [Theory]
    [InlineData("changed", "SHA-256")]
    [InlineData("missing", "cannot be read")]
    [InlineData("no description", "cannot be read")]
    [InlineData("no network", "cannot be loaded")]
    public async Task A_broken_model_file_ends_in_FAILED_with_the_reason_and_starts_after_repair(string damage, string reason)
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        var folder = await server.ModelFolderOfAsync(arn);
        var file = Path.Combine(folder, damage == "no description" ? ModelFiles.Description : ModelFiles.Model);
        if (damage == "changed")
        {
            await using var model = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            model.Position = model.Length / 2;
            var old = model.ReadByte();
            model.Position--;
            model.WriteByte((byte)(old ^ 1));
        }
        else if (damage == "no network")
        {
            ModelFiles.Save(folder, "not a network"u8.ToArray(), TinyModel.Result.Description);
        }
        else
        {
            File.Delete(file);
        }

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.FAILED);
        var message = (await server.VersionAsync(arn))!.Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.DoesNotContain(server.DataPath, message, StringComparison.Ordinal);
        Assert.Equal("ResourceNotReadyException", (await server.DetectAsync(arn, TinyModel.Png(0))).Error);

        TinyModel.Save(folder);
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
    }

    [Fact]
    public async Task A_client_that_hangs_up_frees_its_place()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        using var held = await server.HoldThreadsAsync();
        using var client = new CancellationTokenSource();
        var body = JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = arn, Image = new { Bytes = TinyModel.Png(0) } });
        using var request = server.ApiRequest("DetectCustomLabels", body);
        server.Signer.Sign(request, "rekognition", Signer.HashOf(body));
        var asked = server.Client.SendAsync(request, client.Token);
        await HostedVersions.UntilAsync(() => server.Model(arn).InFlight == 1, "the request is not inside");

        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await HostedVersions.UntilAsync(() => server.Model(arn) is { InFlight: 0, QueueLength: 0 }, "the place is still taken");
    }

    [Fact]
    public async Task A_version_that_is_gone_from_the_database_leaves_memory()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        Execute(server, "UPDATE project_versions SET status = 'DELETING'", null);

        server.Services.GetRequiredService<FleetWorker>().Wake();

        await HostedVersions.UntilAsync(() => server.Services.GetRequiredService<LocalModels>().Arns.Count == 0, "the model is still in memory");
    }

    [Fact]
    public async Task Whatever_is_requested_in_whatever_order_no_version_leaves_its_table_of_states()
    {
        await using var server = await TestServer.StartAsync();
        string[] arns = [await server.TrainedVersionAsync(), await server.TrainedVersionAsync()];
        // The database itself writes down every change of a status, so that none is missed between two looks.
        Execute(
            server,
            "CREATE TABLE seen (was TEXT, now TEXT); CREATE TRIGGER see AFTER UPDATE OF status ON project_versions BEGIN INSERT INTO seen VALUES "
                + "(OLD.status, NEW.status); END",
            null);
        var image = TinyModel.Jpeg(0);
        var errors = new System.Collections.Concurrent.ConcurrentBag<string>();

        await Parallel.ForEachAsync(Enumerable.Range(0, 4), Cancel, async (seed, cancel) =>
        {
            var random = new Random(seed);
            // On a busy machine a start takes as long as many steps; what is tested are several whole rounds.
            for (var step = 0; step < 60 || (step < 3000 && Query<long>(server, "SELECT COUNT(*) FROM seen WHERE now = 'STOPPED'")[0] < 4); step++)
            {
                var arn = arns[random.Next(arns.Length)];
                var answer = random.Next(5) switch
                {
                    0 => await server.CallAsync("StartProjectVersion", JsonSerializer.Serialize(new { ProjectVersionArn = arn, MinInferenceUnits = 1 })),
                    1 => await server.StopVersionAsync(arn),
                    2 when step % 20 == 19 => await CorruptRepairAsync(arn),
                    _ => await server.DetectAsync(arn, image),
                };
                if (answer.Status >= 500)
                {
                    errors.Add(answer.Body.ToString());
                }

                if (answer.Error is null && answer.Body.TryGetProperty("CustomLabels", out var labels))
                {
                    Assert.Equal("red", labels[0].GetProperty("Name").GetString());
                }
            }
        });

        Assert.Empty(errors);
        var versions = server.Services.GetRequiredService<VersionCatalog>();
        await HostedVersions.UntilAsync(
            async () => (await versions.InAsync([ProjectVersionStatus.STARTING, ProjectVersionStatus.STOPPING], Cancel)).Count == 0,
            () => "a version never came to rest");
        var running = (await versions.InAsync([ProjectVersionStatus.RUNNING], Cancel)).Select(v => v.Arn).Order();
        Assert.Equal(running, server.Services.GetRequiredService<LocalModels>().Arns.Order());
        var seen = Query<(string Was, string Now)>(server, "SELECT DISTINCT was, now FROM seen");
        Assert.Contains(("RUNNING", "STOPPING"), seen);
        Assert.All(
            seen,
            s =>
                Assert.Contains(
                    Enum.GetValues<VersionEvent>(), e => ProjectVersionStates.Next(Enum.Parse<ProjectVersionStatus>(s.Was), e)?.ToString() == s.Now));

        async Task<ApiAnswer> CorruptRepairAsync(string arn)
        {
            // The model's file is away for a moment: a start in between ends in FAILED.
            var file = Path.Combine(await server.ModelFolderOfAsync(arn), ModelFiles.Description);
            try
            {
                File.Move(file, file + ".away");
                await Task.Delay(20, Cancel);
                File.Move(file + ".away", file);
            }
            catch (IOException)
            {
                // Another worker is doing the same.
            }

            return await server.StopVersionAsync(arn);
        }
    }

    [Fact]
    public async Task Five_models_that_stop_at_once_all_stop()
    {
        await using var server = await TestServer.StartAsync();
        server.Services.GetRequiredService<IOptions<QuotaOptions>>().Value.RunningModels = 5;
        var arns = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            arns.Add(await server.TrainedVersionAsync());
        }

        await Task.WhenAll(arns.Select(a => server.StartVersionAsync(a)));
        await Task.WhenAll(arns.Select(a => server.WaitForStatusAsync(a, ProjectVersionStatus.RUNNING)));
        await Task.WhenAll(arns.Select(server.StopVersionAsync));
        await Task.WhenAll(arns.Select(a => server.WaitForStatusAsync(a, ProjectVersionStatus.STOPPED)));
        Assert.Empty(server.Services.GetRequiredService<LocalModels>().Arns);
    }

    private static void Execute(TestServer server, string sql, object? values)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(server.DataPath, "ocellus.db")};Pooling=False");
        connection.Execute(sql, values);
    }

    private static List<T> Query<T>(TestServer server, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(server.DataPath, "ocellus.db")};Pooling=False");
        return [.. connection.Query<T>(sql)];
    }
}
