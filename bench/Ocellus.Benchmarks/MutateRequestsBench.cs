using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Ocellus.Tests;

namespace Ocellus.Benchmarks;

/// <summary>
/// Sends thousands of damaged requests to both services of a real server process. None may cause an internal error or hang; the server must survive, and its
/// memory must not grow.
/// </summary>
internal static class MutateRequestsBench
{
    private const int Connections = 4;

    /// <summary>Requests per memory sample. The first round warms the server up.</summary>
    private const int Round = 1000;

    /// <summary>A request that takes longer counts as hanging.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    /// <param name="args">IMAGE to train a small model with, <c>--count N</c>, <c>--seed S</c>.</param>
    /// <returns>0 if everything held, otherwise 1.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        int Option(string name, int fallback) => Array.IndexOf(args, name) is > 0 and var i ? int.Parse(args[i + 1], CultureInfo.InvariantCulture) : fallback;
        int count = Option("--count", 10_000), seed = Option("--seed", Random.Shared.Next());
        var image = await File.ReadAllBytesAsync(args[0]);
        using var server = new BenchServer();
        await server.PrepareAsync(image);
        await server.OpenAsync();
        await server.StartAsync();
        var valid = RequestMutations.Valid(server.Arn, image);
        System.Console.WriteLine(
            $"{count:N0} damaged requests of {valid.Length} kinds, seed {seed}, {Connections} connections, {Environment.ProcessorCount} cores, .NET "
                + $"{Environment.Version}");
        int made = await SendAsync(server, PlainRequest.S3("PUT", "/mutations"));
        int stored = await SendAsync(server, PlainRequest.S3("PUT", "/mutations/k", "content"));
        System.Console.WriteLine($"bucket and object: {made}, {stored}; resident, model running: {server.Resident():F0} MB");

        var answers = new ConcurrentDictionary<int, int>();
        var faults = 0;
        var watch = Stopwatch.StartNew();
        for (var from = 0; from < count && server.IsRunning; from += Round)
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Connections };
            await Parallel.ForEachAsync(Enumerable.Range(from, Math.Min(Round, count - from)), options, async (i, cancel) =>
            {
                // Each request has its own seed, so that it can be reproduced.
                var bytes = RequestMutations.Mutate(valid[i % valid.Length], server.Address, server.Signer, new Random(seed ^ i));
                var status = -1;
                try
                {
                    status = await RequestMutations.SendAsync(server.Address, bytes, cancel).WaitAsync(s_timeout, cancel);
                }
                catch (Exception failure) when (failure is TimeoutException or System.Net.Sockets.SocketException)
                {
                    // The status stays -1, a fault.
                }

                answers.AddOrUpdate(status, 1, (_, n) => n + 1);
                if (status < 0 || RequestMutations.IsFault(status))
                {
                    Interlocked.Increment(ref faults);
                    var file = Path.Combine(Path.GetTempPath(), $"ocellus-request-{seed}-{i}");
                    await File.WriteAllBytesAsync(file, bytes, CancellationToken.None);
                    System.Console.WriteLine($"request {i}: {status}; kept as {file}");
                }
            });
            System.Console.WriteLine(
                $"{Math.Min(count, from + Round):N0} after {watch.Elapsed.TotalSeconds:F0} s: resident {(server.IsRunning ? server.Resident() : 0):F0} MB");
        }

        int api = 0, s3 = 0;
        if (server.IsRunning)
        {
            (api, s3) = (await SendAsync(server, PlainRequest.Api("DescribeProjects", new { })), await SendAsync(server, PlainRequest.S3("GET", "/")));
        }

        System.Console.WriteLine(
            string.Join(
                ", ",
                answers.OrderByDescending(a => a.Value).Select(a => $"{(a.Key == 0 ? "closed" : a.Key.ToString(CultureInfo.InvariantCulture))} {a.Value:N0}")));
        System.Console.WriteLine($"{faults} faults; valid requests at the end: {api}, {s3}");
        return faults == 0 && (api, s3) == (200, 200) ? 0 : 1;
    }

    private static Task<int> SendAsync(BenchServer server, PlainRequest request) =>
        RequestMutations.SendAsync(server.Address, RequestMutations.Sign(request, server.Address, server.Signer), CancellationToken.None);
}
