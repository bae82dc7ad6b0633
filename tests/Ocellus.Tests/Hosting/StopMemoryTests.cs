using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Ocellus.Projects;

namespace Ocellus.Tests.Hosting;

/// <summary>Needs <c>MALLOC_ARENA_MAX=2</c>, which <c>./ocellus</c> and <c>./test</c> set: see <c>docs/operating.md</c>.</summary>
[Collection(AloneCollection.Name)]
public sealed class StopMemoryTests
{
    /// <summary>Bytes that may stay behind.</summary>
    private const long Rest = 30L << 20;

    private const int Models = 5;

    [Fact]
    public async Task Five_models_stopped_at_once_give_their_memory_back_to_the_system()
    {
        await using var server = await TestServer.StartAsync();
        server.Services.GetRequiredService<IOptions<QuotaOptions>>().Value.RunningModels = Models;
        var arns = new List<string>();
        for (var i = 0; i < Models; i++)
        {
            arns.Add(await server.TrainedVersionAsync());
        }

        // The first round pays for what stays: libraries, compiled code, pools.
        await RoundAsync();
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        var before = Resident();

        var most = await RoundAsync();

        Assert.True(most > before + Rest, $"five models need {(most - before) >> 20} MB, too little to tell anything");
        var last = 0L;
        await HostedVersions.UntilAsync(
            () => Task.FromResult((last = Resident()) <= before + Rest), () => $"{(last - before) >> 20} MB stay behind of {(most - before) >> 20} MB");

        async Task<long> RoundAsync()
        {
            await Task.WhenAll(arns.Select(a => server.StartVersionAsync(a)));
            await Task.WhenAll(arns.Select(a => server.WaitForStatusAsync(a, ProjectVersionStatus.RUNNING)));
            await Task.WhenAll(arns.SelectMany(a => Enumerable.Range(0, 4).Select(i => server.DetectAsync(a, TinyModel.Png(i % 3)))));
            var most = Resident();
            await Task.WhenAll(arns.Select(server.StopVersionAsync));
            await Task.WhenAll(arns.Select(a => server.WaitForStatusAsync(a, ProjectVersionStatus.STOPPED)));
            return most;
        }
    }

    private static long Resident()
    {
        using var own = Process.GetCurrentProcess();
        return own.WorkingSet64;
    }
}
