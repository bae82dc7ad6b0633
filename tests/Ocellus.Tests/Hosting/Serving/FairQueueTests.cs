using Ocellus.Hosting.Serving;

namespace Ocellus.Tests.Hosting.Serving;

public sealed class FairQueueTests
{
    [Fact]
    public void Flows_are_served_by_their_weights_whatever_a_request_costs()
    {
        using var queue = new FairQueue(servers: 1);
        var served = new List<string>();
        var heavy = Full(queue, "heavy", 3, served);
        var light = Full(queue, "light", 1, served);
        var seconds = new Dictionary<FairQueue.Flow, double> { [heavy] = 0, [light] = 0 };
        for (var i = 0; i < 60; i++)
        {
            var turn = queue.Take()!.Value;
            turn.Work();
            // Requests of the light flow cost five times as much.
            var cost = turn.Flow == light ? 0.5 : 0.1;
            seconds[turn.Flow] += cost;
            queue.Complete(turn, cost);
        }

        Assert.InRange(seconds[heavy] / seconds[light], 2.5, 3.5);
    }

    [Fact]
    public void A_flow_that_was_empty_does_not_catch_up()
    {
        using var queue = new FairQueue(servers: 1);
        var served = new List<string>();
        Full(queue, "busy", 1, served);
        for (var i = 0; i < 10; i++)
        {
            Serve(queue, 1);
        }

        served.Clear();
        Full(queue, "late", 1, served);
        for (var i = 0; i < 10; i++)
        {
            Serve(queue, 1);
        }

        Assert.InRange(served.Count(s => s == "late"), 5, 6);
    }

    [Fact]
    public void A_flow_is_charged_in_advance_so_that_threads_side_by_side_share_too()
    {
        using var queue = new FairQueue(servers: 4);
        var served = new List<string>();
        Full(queue, "a", 1, served);
        Serve(queue, 1);
        Full(queue, "b", 1, served);
        Serve(queue, 1);
        Serve(queue, 1);

        // None of the four is answered before the last is taken.
        var turns = Enumerable.Range(0, 4).Select(_ => queue.Take()!.Value).ToList();

        Assert.Equal(2, turns.GroupBy(t => t.Flow).Select(g => g.Count()).Max());
        Assert.Equal(4, queue.Busy);
    }

    [Fact]
    public async Task Who_waits_is_let_go_at_the_end_but_not_before_the_queue_is_empty()
    {
        var queue = new FairQueue(servers: 1);
        var flow = queue.AddFlow<int>(1, 1, _ => { });
        Assert.NotNull(flow.TryAdd(1, 1));
        queue.Dispose();

        Assert.NotNull(queue.Take());
        Assert.Null(await Task.Run(queue.Take, TestContext.Current.CancellationToken));
    }

    private static FairQueue.Flow<string> Full(FairQueue queue, string name, int weight, List<string> served)
    {
        var flow = queue.AddFlow<string>(weight, 1, requests => served.AddRange(requests));
        for (var i = 0; i < 100; i++)
        {
            Assert.NotNull(flow.TryAdd(name, 100));
        }

        return flow;
    }

    private static void Serve(FairQueue queue, double seconds)
    {
        var turn = queue.Take()!.Value;
        turn.Work();
        queue.Complete(turn, seconds);
    }
}
