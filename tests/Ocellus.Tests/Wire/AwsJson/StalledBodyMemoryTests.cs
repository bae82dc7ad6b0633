using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Wire;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>What stalled bodies of senders who know the id of a key and nothing else cost.</summary>
[Collection(AloneCollection.Name)]
public sealed class StalledBodyMemoryTests
{
    private const int Senders = 150;
    private const int BodyBytes = 12_000_000;

    /// <summary>What may come on top of the bound: blocks that the web server receives into, and what waits for a collection.</summary>
    private const long BesideBytes = 250L << 20;

    /// <summary>What may stay of it.</summary>
    private const long RestBytes = 60L << 20;

    [Fact]
    public async Task A_hundred_and_fifty_stalled_bodies_stay_within_the_bound_and_give_their_memory_back()
    {
        await using var server = await TestServer.StartAsync();
        var signer = server.Signer with { Secret = "not the secret" };
        var head = Head(server, signer);
        var body = new byte[BodyBytes - 1];
        // What stays for good: compiled code, the pool of threads.
        await SendAsync(server, head, body[..100_000], 4);
        var before = await SettledAsync();

        var most = await SendAsync(server, head, body, Senders);

        var bound = server.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<BodyOptions>>().Value.UnverifiedBytesMax;
        TestContext.Current.SendDiagnosticMessage("{0} MB before, {1} MB at most", before >> 20, most >> 20);
        Assert.True(most < before + bound + BesideBytes, $"{(most - before) >> 20} MB more");
        var last = 0L;
        for (var watch = Stopwatch.StartNew(); (last = Resident()) > before + RestBytes; await Task.Delay(100, TestContext.Current.CancellationToken))
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{(last - before) >> 20} MB stay behind of {(most - before) >> 20} MB");
        }
    }

    private static string Head(TestServer server, Signer signer)
    {
        var body = new byte[BodyBytes];
        using var request = server.ApiRequest("DetectCustomLabels", body);
        signer.Sign(request, "rekognition", Signer.HashOf(body));
        return RawConnection.HeadOf(request, $"Content-Length: {BodyBytes}");
    }

    /// <summary>Sends bodies that lack their end, and closes; the most memory seen meanwhile.</summary>
    private static async Task<long> SendAsync(TestServer server, string head, byte[] body, int senders)
    {
        var most = 0L;
        var connections = new List<RawConnection>();
        try
        {
            var sent = new List<Task>();
            for (var i = 0; i < senders; i++)
            {
                var connection = await RawConnection.OpenAsync(server);
                connections.Add(connection);
                sent.Add(SendAsync(connection));
                most = Math.Max(most, Resident());
            }

            for (var all = Task.WhenAll(sent); !all.IsCompleted; await Task.WhenAny(all, Task.Delay(50, TestContext.Current.CancellationToken)))
            {
                most = Math.Max(most, Resident());
            }
        }
        finally
        {
            connections.ForEach(c => c.Dispose());
        }

        return most;

        async Task SendAsync(RawConnection connection)
        {
            await connection.TrySendAsync(head);
            await connection.TrySendAsync(body);
        }
    }

    private static async Task<long> SettledAsync()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        await Task.Delay(500, TestContext.Current.CancellationToken);
        return Resident();
    }

    private static long Resident()
    {
        using var own = Process.GetCurrentProcess();
        return own.WorkingSet64;
    }
}
