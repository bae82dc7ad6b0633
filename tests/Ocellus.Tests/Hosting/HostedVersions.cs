using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Hosting.Serving;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;

namespace Ocellus.Tests.Hosting;

/// <summary>Trained versions without a training, and what one does with them.</summary>
internal static class HostedVersions
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Caller Caller(this TestServer server) => new("123456789012", server.Signer.Region, "test", "test");

    /// <summary>A project with one version that is TRAINING_COMPLETED and has the tiny model.</summary>
    public static async Task<string> TrainedVersionAsync(this TestServer server, string name = "v1", double[]? thresholds = null)
    {
        var project = await server.CallAsync("CreateProject", JsonSerializer.Serialize(new { ProjectName = "colours-" + Guid.NewGuid().ToString("N") }));
        var versions = server.Services.GetRequiredService<VersionCatalog>();
        var folder = Guid.NewGuid().ToString("N");
        var arn = (await versions.CreateAsync(
            server.Caller(),
            new NewVersion(project.Body.GetProperty("ProjectArn").GetString()!, name, ProjectVersionStatus.TRAINING_COMPLETED, folder, "bucket", ""),
            Cancel))
            .ToString();
        TinyModel.Save(server.ModelFolder(folder), thresholds);
        return arn;
    }

    /// <summary>As <see cref="TrainedVersionAsync"/>, and RUNNING.</summary>
    public static async Task<string> RunningVersionAsync(this TestServer server, int units = 1, double[]? thresholds = null)
    {
        var arn = await server.TrainedVersionAsync(thresholds: thresholds);
        await server.StartVersionAsync(arn, units);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        return arn;
    }

    public static string ModelFolder(this TestServer server, string folder) =>
        server.Services.GetRequiredService<DataDirectory>().ModelFolder("123456789012", folder);

    public static async Task<string> ModelFolderOfAsync(this TestServer server, string arn) => server.ModelFolder((await server.VersionAsync(arn))!.Folder);

    public static Task<VersionRow?> VersionAsync(this TestServer server, string arn) =>
        server.Services.GetRequiredService<VersionCatalog>().FindAsync(arn, Cancel);

    public static async Task StartVersionAsync(this TestServer server, string arn, int units = 1)
    {
        var answer = await server.CallAsync("StartProjectVersion", JsonSerializer.Serialize(new { ProjectVersionArn = arn, MinInferenceUnits = units }));
        Assert.True(answer.Status == 200, answer.Body.ToString());
        Assert.Equal("STARTING", answer.Body.GetProperty("Status").GetString());
    }

    public static Task<ApiAnswer> StopVersionAsync(this TestServer server, string arn) =>
        server.CallAsync("StopProjectVersion", JsonSerializer.Serialize(new { ProjectVersionArn = arn }));

    /// <summary>Calls DetectCustomLabels with bytes; members of <paramref name="more"/> that are null are left out.</summary>
    public static Task<ApiAnswer> DetectAsync(this TestServer server, string arn, byte[] image, double? minConfidence = null, int? maxResults = null)
    {
        var request = new Dictionary<string, object> { ["ProjectVersionArn"] = arn, ["Image"] = new { Bytes = image } };
        if (minConfidence is { } least)
        {
            request["MinConfidence"] = least;
        }

        if (maxResults is { } most)
        {
            request["MaxResults"] = most;
        }

        return server.CallAsync("DetectCustomLabels", JsonSerializer.Serialize(request));
    }

    public static string[] Names(this ApiAnswer answer)
    {
        Assert.True(answer.Status == 200, answer.Body.ToString());
        return [.. answer.Body.GetProperty("CustomLabels").EnumerateArray().Select(l => l.GetProperty("Name").GetString()!)];
    }

    public static RunningModel Model(this TestServer server, string arn) => server.Services.GetRequiredService<LocalModels>().Find(arn)!;

    public static async Task WaitForStatusAsync(this TestServer server, string arn, ProjectVersionStatus status)
    {
        var last = "";
        await UntilAsync(async () =>
        {
            var version = await server.VersionAsync(arn);
            last = $"{version?.Status}: {version?.Message}";
            return version?.Status == status;
        }, () => $"{status} was not reached; the version is {last}");
    }

    /// <summary>Polls until it holds.</summary>
    public static async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise)
    {
        var end = TimeProvider.System.GetTimestamp() + (long)(Patience.TotalSeconds * TimeProvider.System.TimestampFrequency);
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetTimestamp() < end, otherwise());
            await Task.Delay(5, Cancel);
        }
    }

    public static Task UntilAsync(Func<bool> holds, string otherwise) => UntilAsync(() => Task.FromResult(holds()), () => otherwise);

    /// <summary>A flow whose requests are what is to be done.</summary>
    public static FairQueue.Flow<Action> Line(ServingThreads threads, int units) => threads.Queue.AddFlow<Action>(units, 1, requests => requests[0]());

    /// <summary>Keeps every serving thread, so that requests stay inside their model until the result is disposed.</summary>
    public static async Task<IDisposable> HoldThreadsAsync(ServingThreads threads)
    {
        var (line, held) = (Line(threads, 1), new Held());
        var kept = 0;
        for (var i = 0; i < ServingThreads.Count; i++)
        {
            Assert.NotNull(line.TryAdd(
                () =>
                {
                    Interlocked.Increment(ref kept);
                    held.Wait();
                },
                ServingThreads.Count));
        }

        await UntilAsync(() => Volatile.Read(ref kept) == ServingThreads.Count, "the serving threads do not come free");
        return held;
    }

    public static Task<IDisposable> HoldThreadsAsync(this TestServer server) => HoldThreadsAsync(server.Services.GetRequiredService<ServingThreads>());

    private sealed class Held : IDisposable
    {
        private readonly ManualResetEventSlim _free = new();

        public void Wait() => _free.Wait(CancellationToken.None);

        public void Dispose() => _free.Set();
    }
}
