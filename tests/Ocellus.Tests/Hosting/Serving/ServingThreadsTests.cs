using Ocellus.Hosting;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Hosting.Serving;

public sealed class ServingThreadsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_line_with_many_requests_does_not_keep_another_model_waiting()
    {
        using var threads = new ServingThreads();
        using var served = new ManualResetEventSlim();
        var (busy, quiet) = (HostedVersions.Line(threads, 1), HostedVersions.Line(threads, 1));
        var starved = 0;
        using (await HostedVersions.HoldThreadsAsync(threads))
        {
            for (var i = 0; i < 5 * ServingThreads.Count; i++)
            {
                // Each thread does one; by the next, the line has used time and the other has not.
                var waits = i >= ServingThreads.Count;
                Assert.NotNull(busy.TryAdd(
                    () =>
                    {
                        if (waits && !served.Wait(Patience, CancellationToken.None))
                        {
                            Interlocked.Increment(ref starved);
                        }
                    },
                    int.MaxValue));
            }

            Assert.NotNull(quiet.TryAdd(served.Set, int.MaxValue));
        }

        await busy.CloseAsync();
        Assert.Equal(0, starved);
    }

    [Fact]
    public async Task A_pass_uses_idle_cores_only_while_there_are_enough()
    {
        using var threads = new ServingThreads();
        Assert.True(threads.HasIdleCores);
        using (await HostedVersions.HoldThreadsAsync(threads))
        {
            Assert.False(threads.HasIdleCores);
        }

        Assert.True(SpinWait.SpinUntil(() => threads.HasIdleCores, Patience), "the threads are free again");
    }

    [Theory]
    [InlineData(1, 6)]
    [InlineData(3, 2)]
    public async Task Time_counts_less_for_a_line_with_more_units(int units, double expected)
    {
        using var threads = new ServingThreads();
        using var held = await HostedVersions.HoldThreadsAsync(threads);
        var line = HostedVersions.Line(threads, units);
        Assert.NotNull(line.TryAdd(() => { }, 1));
        var before = line.VirtualTime;
        line.Settle(line.Take(free: 1), 6);

        Assert.Equal(expected, line.VirtualTime - before, 9);
    }

    [Theory]
    [InlineData(1, 1, 7, 1)]
    [InlineData(4, 1, 7, 4)]
    [InlineData(4, 1, 3, 3)]
    [InlineData(4, 2, 5, 3)]
    [InlineData(4, 2, 2, 1)]
    [InlineData(64, 8, 1, 1)]
    public async Task What_waits_is_shared_among_the_threads_that_are_free(int together, int free, int waiting, int expected)
    {
        using var threads = new ServingThreads();
        using var held = await HostedVersions.HoldThreadsAsync(threads);
        var served = new List<int>();
        var line = threads.Queue.AddFlow<int>(
            1,
            together,
            requests =>
            {
                // The serving threads take the rest at the end.
                lock (served)
                {
                    served.AddRange(requests);
                }
            });
        for (var i = 0; i < waiting; i++)
        {
            Assert.NotNull(line.TryAdd(i, waiting));
        }

        var turn = line.Take(free);
        turn.Work();
        Assert.Equal(expected, turn.Count);
        Assert.Equal(Enumerable.Range(0, expected), served);
        Assert.Equal(waiting - expected, line.Length);
    }

    [Fact]
    public async Task A_line_takes_no_more_than_its_bound_and_a_request_that_leaves_frees_its_place()
    {
        using var threads = new ServingThreads();
        using var held = await HostedVersions.HoldThreadsAsync(threads);
        var line = HostedVersions.Line(threads, 1);
        var first = line.TryAdd(() => { }, 2);
        Assert.NotNull(line.TryAdd(() => { }, 2));
        Assert.Null(line.TryAdd(() => { }, 2));
        line.Remove(first!);
        line.Remove(first!);
        Assert.Equal(1, line.Length);
        Assert.NotNull(line.TryAdd(() => { }, 2));
    }

    [Fact]
    public async Task Closing_waits_for_the_request_that_a_thread_has_taken()
    {
        using var threads = new ServingThreads();
        using var end = new ManualResetEventSlim();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var line = HostedVersions.Line(threads, 1);
        Assert.NotNull(line.TryAdd(
            () =>
            {
                begun.SetResult();
                end.Wait(Patience, CancellationToken.None);
            },
            1));
        await begun.Task.WaitAsync(Cancel);

        var closed = line.CloseAsync();
        Assert.False(closed.IsCompleted);
        end.Set();
        await closed.WaitAsync(Patience, Cancel);
    }

    [Fact]
    public async Task An_overloaded_model_refuses_at_once_and_can_be_described_and_stopped()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        Task<ApiAnswer>[] inside;
        using (await server.HoldThreadsAsync())
        {
            inside = [.. Enumerable.Range(0, new HostingOptions().QueuePerUnit).Select(i => server.DetectAsync(arn, TinyModel.Png(i % 3)))];
            await HostedVersions.UntilAsync(() => server.Model(arn).QueueLength == inside.Length, "the line is not full");

            var refused = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => server.DetectAsync(arn, TinyModel.Png(0))));
            Assert.All(refused, answer => Assert.Equal("ProvisionedThroughputExceededException", answer.Error));
            var described = await server.CallAsync("DescribeProjects", "{}");
            Assert.True(described.Status == 200, described.Body.ToString());
            Assert.Equal("STOPPING", (await server.StopVersionAsync(arn)).Body.GetProperty("Status").GetString());
            Assert.DoesNotContain(inside, answer => answer.IsCompleted);
        }

        Assert.All(await Task.WhenAll(inside), answer => Assert.Single(answer.Names()));
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }
}
