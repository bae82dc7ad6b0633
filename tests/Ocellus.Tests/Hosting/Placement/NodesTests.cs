using Microsoft.Extensions.Time.Testing;
using Ocellus.Hosting.Placement;
using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class NodesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Units_are_spread_over_nodes_any_node_answers_and_stopped_means_on_every_node()
    {
        await using var cluster = new TestCluster();
        var nodes = new[] { await cluster.AddAsync("a"), await cluster.AddAsync("b"), await cluster.AddAsync("c") };
        var arn = await cluster.RunningAsync(units: 2);

        Assert.Equal(2, cluster.Having(arn).Count);
        foreach (var node in nodes)
        {
            Assert.Equal("green", Best(await node.DetectAsync(arn, label: 1)));
        }

        await cluster.Versions.MoveAsync(arn, VersionEvent.StopRequested, null, Cancel);
        nodes[0].Fleet.Wake();
        await cluster.UntilAsync(async () => await cluster.StatusAsync(arn) == ProjectVersionStatus.STOPPED, "it does not stop");
        Assert.Empty(cluster.Having(arn));
        Assert.Empty(await cluster.PlacesAsync());
    }

    [Fact]
    public async Task While_a_request_is_inside_on_one_node_the_version_is_STOPPING_on_all()
    {
        await using var cluster = new TestCluster();
        var (a, b) = (await cluster.AddAsync("a"), await cluster.AddAsync("b"));
        var arn = await cluster.RunningAsync(units: 2);
        Task<DetectAnswer> inside;
        using (await b.HoldThreadsAsync())
        {
            inside = b.DetectAsync(arn, label: 2);
            await cluster.UntilAsync(() => b.Models.Find(arn)?.InFlight == 1, "the request is not inside");
            await cluster.Versions.MoveAsync(arn, VersionEvent.StopRequested, null, Cancel);
            a.Fleet.Wake();
            await cluster.UntilAsync(() => a.Models.Find(arn) is null, "the first node does not free it");
            Assert.Equal(ProjectVersionStatus.STOPPING, await cluster.StatusAsync(arn));
        }

        Assert.Equal("blue", Best(await inside));
        await cluster.UntilAsync(async () => await cluster.StatusAsync(arn) == ProjectVersionStatus.STOPPED, "it does not stop");
    }

    [Fact]
    public async Task What_a_killed_node_had_is_loaded_elsewhere_whoever_leads()
    {
        await using var cluster = new TestCluster();
        var first = await cluster.AddAsync("a");
        var arn = await cluster.RunningAsync();
        Assert.Equal(["a"], cluster.Having(arn));
        var (b, c) = (await cluster.AddAsync("b"), await cluster.AddAsync("c"));

        // It led, and had the only unit.
        first.Kill();
        await cluster.UntilAsync(() => cluster.Having(arn).Count == 1, "no other node loads it");
        await cluster.UntilAsync(async () => (await cluster.PlacesAsync()).All(p => p is { IsLoaded: true } && p.NodeId != "a"), "the dead node's place stays");
        Assert.Equal(ProjectVersionStatus.RUNNING, await cluster.StatusAsync(arn));
        Assert.Equal("red", Best(await b.DetectAsync(arn)));
        Assert.Equal("red", Best(await c.DetectAsync(arn)));
    }

    [Fact]
    public async Task A_stop_ends_although_a_node_that_has_the_version_is_dead()
    {
        await using var cluster = new TestCluster();
        var (a, b) = (await cluster.AddAsync("a"), await cluster.AddAsync("b"));
        var arn = await cluster.RunningAsync(units: 2);
        b.Kill();
        await cluster.Versions.MoveAsync(arn, VersionEvent.StopRequested, null, Cancel);
        a.Fleet.Wake();

        await cluster.UntilAsync(() => a.Models.Find(arn) is null, "the living node does not free it");
        await cluster.UntilAsync(async () => await cluster.StatusAsync(arn) == ProjectVersionStatus.STOPPED, "it does not stop");
    }

    [Fact]
    public async Task A_node_that_was_stopped_for_a_while_does_not_answer_for_what_it_no_longer_has()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.AddAsync("a");
        var arn = await cluster.RunningAsync();
        var b = await cluster.AddAsync("b");

        a.IsStopped = true;
        // As WakeOnDetect does while the version is RUNNING.
        var asked = Task.Run(
            async () =>
            {
                DetectAnswer answer;
                while ((answer = await b.DetectAsync(arn, label: 1)).Refusal == RefusalKind.NotReady && answer.Found is null)
                {
                    await Task.Delay(20, Cancel);
                }

                return answer;
            },
            Cancel);
        await cluster.UntilAsync(() => asked.IsCompleted, "the request is not answered by another node");
        // The request that had gone to the stopped node is answered by the other.
        Assert.Equal("green", Best(await asked));

        // It goes on and does not know yet: the model is in its memory, its timers have not run.
        a.IsStopped = false;
        var before = a.Models.Find(arn)!.Answered.Count;
        a.Clock.AdjustTime(b.Clock.GetUtcNow());
        Assert.False(a.Lease.Holds);
        await a.DetectAsync(arn, label: 2);
        Assert.Equal(before, a.Models.Find(arn)?.Answered.Count ?? before);

        await cluster.UntilAsync(() => a.Models.Find(arn) is null && a.Lease.Holds, "it does not join again with nothing in memory");
        await cluster.UntilAsync(async () => (await a.DetectAsync(arn, label: 2)).Found is not null, "it does not ask the other node");
        Assert.Equal(["b"], cluster.Having(arn));
    }

    [Fact]
    public async Task When_the_database_was_away_every_node_keeps_its_models_and_nobody_is_taken_for_dead()
    {
        await using var cluster = new TestCluster();
        var nodes = new[] { await cluster.AddAsync("a"), await cluster.AddAsync("b") };
        var arn = await cluster.RunningAsync(units: 2);
        await cluster.UntilAsync(() => nodes.All(n => n.Lease.HeldFor > TimeSpan.FromSeconds(10)), "the leases do not hold");
        var models = nodes.Select(n => n.Models.Find(arn)).ToList();

        // Nobody can renew for half a minute: no timer runs, and then all do.
        foreach (var node in nodes)
        {
            node.Clock.AdjustTime(node.Clock.GetUtcNow() + TimeSpan.FromSeconds(30));
            Assert.False(node.Lease.Holds);
        }

        Assert.Equal(RefusalKind.NotReady, (await nodes[0].DetectAsync(arn)).Refusal);
        await cluster.UntilAsync(() => nodes.All(n => n.Lease.Holds), "the leases are not renewed");
        await cluster.UntilAsync(() => nodes.All(n => n.Lease.HeldFor > TimeSpan.FromSeconds(10)), "the leases do not hold");
        Assert.Equal(models, nodes.Select(n => n.Models.Find(arn)));
        Assert.Equal("red", Best(await nodes[0].DetectAsync(arn)));
    }

    [Fact]
    public async Task A_node_that_stops_hands_over_first_and_no_request_fails_meanwhile()
    {
        await using var cluster = new TestCluster();
        var a = await cluster.AddAsync("a");
        var arn = await cluster.RunningAsync();
        var b = await cluster.AddAsync("b");

        var stop = Task.Run(a.StopAsync, Cancel);
        await cluster.UntilAsync(
            async () =>
            {
                Assert.Equal("red", Best(await b.DetectAsync(arn)));
                return stop.IsCompleted;
            },
            "it does not end");

        await stop;
        Assert.Equal(["b"], cluster.Having(arn));
        Assert.Equal(ProjectVersionStatus.RUNNING, await cluster.StatusAsync(arn));
        Assert.Empty(a.Models.Arns);
    }

    [Fact]
    public async Task A_request_goes_to_the_node_itself_first_and_to_another_when_its_queue_is_full()
    {
        await using var cluster = new TestCluster();
        var (a, b) = (await cluster.AddAsync("a"), await cluster.AddAsync("b"));
        var arn = await cluster.RunningAsync(units: 2);
        for (var i = 0; i < 5; i++)
        {
            await a.DetectAsync(arn);
        }

        Assert.Equal((5, 0), (a.Models.Find(arn)!.Answered.Count, b.Models.Find(arn)!.Answered.Count));
        using (await a.HoldThreadsAsync())
        {
            var waiting = Enumerable.Range(0, 40).Select(_ => a.DetectAsync(arn)).ToList();
            await cluster.UntilAsync(() => b.Models.Find(arn)!.Answered.Count > 0, "the other node is not asked");
            Assert.Equal(32, a.Models.Find(arn)!.InFlight);
        }
    }

    [Fact]
    public async Task A_version_is_idle_when_no_node_had_a_request()
    {
        await using var cluster = new TestCluster();
        var (a, b) = (await cluster.AddAsync("a"), await cluster.AddAsync("b"));
        var arn = await cluster.RunningAsync(units: 2);
        using (await b.HoldThreadsAsync())
        {
            var inside = b.DetectAsync(arn);
            await cluster.UntilAsync(() => b.Models.Find(arn)?.InFlight == 1, "the request is not inside");
            Assert.True(a.Models.Find(arn)!.IdleFor > TimeSpan.Zero);
            Assert.Equal(TimeSpan.Zero, await a.Cluster.IdleForAsync(arn, Cancel));
        }

        b.Kill();
        Assert.Equal(TimeSpan.Zero, await a.Cluster.IdleForAsync(arn, Cancel));
    }

    [Theory]
    [InlineData("another")]
    [InlineData("")]
    public async Task A_server_that_is_not_of_the_cluster_does_not_start_on_its_database(string name)
    {
        await using var cluster = new TestCluster();
        var node = await cluster.AddAsync("a");
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.JoinAsync(new() { Id = "x", Cluster = name }, node.Clock));
        Assert.Contains("in the cluster 'test'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--cluster", refusal.Message, StringComparison.Ordinal);
        // One that has ended is forgotten.
        node.Kill();
        await cluster.JoinAsync(new() { Id = "x", Cluster = name }, new FakeTimeProvider(node.Clock.GetUtcNow() + TimeSpan.FromSeconds(7)));
    }

    private static string Best(DetectAnswer answer)
    {
        Assert.True(answer.Found is not null, answer.Message);
        return answer.Found.MaxBy(f => f.Score).Name;
    }
}
