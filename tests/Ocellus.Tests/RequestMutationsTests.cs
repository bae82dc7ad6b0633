using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests;

/// <summary>Requests damaged at random into both services. The large run is <c>Ocellus.Benchmarks mutate-requests</c>.</summary>
public sealed class RequestMutationsTests(RunningServer running) : IClassFixture<RunningServer>
{
    private const int Count = 500;

    /// <summary>Far above any honest answer, below a client's read timeout.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_damaged_request_is_no_fault_of_the_server_and_the_next_one_is_answered()
    {
        var server = running.Server;
        await server.CreateBucketAsync("mutations");
        await server.PutObjectAsync("mutations", "k", "content"u8.ToArray());
        var valid = RequestMutations.Valid(running.Arn, TestPng.Solid(64, 64, 200, 10, 10));
        var seed = Random.Shared.Next();
        var seen = new HashSet<int>();

        for (var i = 0; i < Count; i++)
        {
            var bytes = RequestMutations.Mutate(valid[i % valid.Length], server.BaseAddress, server.Signer, new Random(seed ^ i));
            var status = await RequestMutations.SendAsync(server.BaseAddress, bytes, Cancel).WaitAsync(s_patience, Cancel);
            Assert.False(
                RequestMutations.IsFault(status),
                $"seed {seed}, request {i}: {status} to {System.Text.Encoding.Latin1.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 2000)))}");
            seen.Add(status);
        }

        // The draw is no good if all of it ends at the door.
        Assert.Superset(new HashSet<int> { 200, 400, 403 }, seen);
        Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}")).Status);
    }

    [Fact]
    public async Task Undamaged_requests_are_answered()
    {
        var server = running.Server;
        foreach (var request in new[] { PlainRequest.Api("DescribeProjects", new { }), PlainRequest.S3("GET", "/"), PlainRequest.S3("PUT", "/whole") })
        {
            Assert.Equal(200, await RequestMutations.SendAsync(server.BaseAddress, RequestMutations.Sign(request, server.BaseAddress, server.Signer), Cancel));
        }
    }
}
