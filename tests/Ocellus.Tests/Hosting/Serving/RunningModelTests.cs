using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Hosting;
using Ocellus.Hosting.Serving;
using Ocellus.Refusals;
using Ocellus.Tests.Projects;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Hosting.Serving;

public sealed class RunningModelTests : IDisposable
{
    private readonly FakeTimeProvider _clock = new();
    private readonly ServingThreads _threads = new();
    private readonly HostingOptions _options = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _threads.Dispose();

    [Fact]
    public async Task Beyond_the_queue_a_request_is_refused_at_once_and_those_inside_are_answered()
    {
        _options.QueuePerUnit = 2;
        await using var model = Create();
        Task<IReadOnlyList<Prediction>>[] inside;
        using (await HostedVersions.HoldThreadsAsync(_threads))
        {
            inside = [Detect(model), Detect(model)];
            await HostedVersions.UntilAsync(() => model.QueueLength == 2, "the requests are not in the queue");

            var refusal = await Assert.ThrowsAsync<RefusedException>(() => Detect(model));
            Assert.Equal(RefusalKind.Busy, refusal.Kind);
            Assert.Contains("2 requests are already waiting for 1 inference unit", refusal.Message, StringComparison.Ordinal);
        }

        Assert.All(await Task.WhenAll(inside), answer => Assert.Equal(0, Best(answer)));
        Assert.Equal((0, 0), (model.InFlight, model.QueueLength));
    }

    [Fact]
    public async Task A_request_is_refused_at_its_deadline_and_its_place_is_free()
    {
        await using var model = Create();
        using (await HostedVersions.HoldThreadsAsync(_threads))
        {
            var late = Detect(model);
            await HostedVersions.UntilAsync(() => model.QueueLength == 1, "the request is not in the queue");
            _clock.Advance(_options.RequestTimeout - TimeSpan.FromMilliseconds(1));
            Assert.False(late.IsCompleted);
            _clock.Advance(TimeSpan.FromMilliseconds(1));

            var refusal = await Assert.ThrowsAsync<RefusedException>(() => late);
            Assert.Equal(RefusalKind.Busy, refusal.Kind);
            Assert.Contains("within 10 s", refusal.Message, StringComparison.Ordinal);
            Assert.Equal((0, 0), (model.InFlight, model.QueueLength));
        }

        Assert.Equal(0, Best(await Detect(model)));
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_place()
    {
        await using var model = Create();
        using var held = await HostedVersions.HoldThreadsAsync(_threads);
        using var client = new CancellationTokenSource();
        var request = Task.Run(() => model.DetectAsync(TinyModel.Png(0), client.Token), Cancel);
        await HostedVersions.UntilAsync(() => model.QueueLength == 1, "the request is not in the queue");

        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        Assert.Equal((0, 0), (model.InFlight, model.QueueLength));
    }

    [Fact]
    public async Task An_image_that_is_refused_frees_its_place()
    {
        await using var model = Create();
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => model.DetectAsync("no image"u8.ToArray(), Cancel));
        Assert.Equal(RefusalKind.InvalidImage, refusal.Kind);
        Assert.Equal((0, 0), (model.InFlight, model.QueueLength));
    }

    [Fact]
    public async Task Stopping_waits_for_those_inside_and_refuses_the_next()
    {
        var model = Create(units: 3);
        Task<IReadOnlyList<Prediction>> inside;
        Task<ModelEnd> end;
        using (await HostedVersions.HoldThreadsAsync(_threads))
        {
            inside = Detect(model);
            await HostedVersions.UntilAsync(() => model.InFlight == 1, "the request is not inside");
            end = model.StopAsync();
            Assert.Equal(RefusalKind.NotReady, (await Assert.ThrowsAsync<RefusedException>(() => Detect(model))).Kind);
            Assert.False(end.IsCompleted);
        }

        Assert.Equal(0, Best(await inside));
        Assert.Equal(0, (await end).Aborted);
        Assert.Same(end, model.StopAsync());
    }

    [Fact]
    public async Task When_the_time_to_drain_is_over_those_inside_are_refused()
    {
        var model = Create();
        _options.RequestTimeout = TimeSpan.FromSeconds(50);
        using var held = await HostedVersions.HoldThreadsAsync(_threads);
        var inside = Detect(model);
        await HostedVersions.UntilAsync(() => model.InFlight == 1, "the request is not inside");
        var end = model.StopAsync();
        await HostedVersions.UntilAsync(
            () => { _clock.Advance(TimeSpan.FromSeconds(5)); return end.IsCompleted || inside.IsCompleted; }, "the drain does not end");

        Assert.Equal(1, (await end).Aborted);
        var refusal = await Assert.ThrowsAsync<RefusedException>(() => inside);
        Assert.Equal(RefusalKind.NotReady, refusal.Kind);
        Assert.Contains("DrainTimeout", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Units_grow_under_a_lasting_queue_and_shrink_when_idle()
    {
        await using var model = Create(units: 1, most: 2);
        Task<IReadOnlyList<Prediction>>[] inside;
        using (await HostedVersions.HoldThreadsAsync(_threads))
        {
            inside = [Detect(model), Detect(model), Detect(model)];
            await HostedVersions.UntilAsync(() => model.QueueLength == 3, "the requests are not in the queue");
            Turn(TimeSpan.FromSeconds(1.5));
            Assert.Equal(1, model.Units);
            Turn(TimeSpan.FromSeconds(1));
            Assert.Equal(2, model.Units);
            Turn(TimeSpan.FromSeconds(5));
            Assert.Equal(2, model.Units);
        }

        Assert.All(await Task.WhenAll(inside), answer => Assert.Equal(0, Best(answer)));
        Turn(TimeSpan.FromSeconds(59));
        Assert.Equal(2, model.Units);
        Turn(TimeSpan.FromSeconds(2));
        Assert.Equal(1, model.Units);
        Turn(TimeSpan.FromMinutes(5));
        Assert.Equal(1, model.Units);
        Assert.Equal(0, Best(await Detect(model)));
    }

    [Fact]
    public async Task Many_at_once_get_each_its_own_answer()
    {
        _options.QueuePerUnit = 1000;
        await using var model = Create(units: 2);
        var answers = await Task.WhenAll(Enumerable.Range(0, 90).Select(i => Detect(model, i % 3)));
        Assert.Equal(Enumerable.Range(0, 90).Select(i => i % 3), answers.Select(Best));
    }

    [Fact]
    public async Task Images_that_wait_go_through_the_network_together_and_a_refused_one_leaves_the_others_alone()
    {
        (_options.BatchMax, _options.QueuePerUnit) = (4, 1000);
        var passes = 0;
        await using var model = Create(inferred: _ => Interlocked.Increment(ref passes));
        Task<IReadOnlyList<Prediction>>[] inside;
        Task<IReadOnlyList<Prediction>> broken;
        using (await HostedVersions.HoldThreadsAsync(_threads))
        {
            broken = Task.Run(() => model.DetectAsync("no image"u8.ToArray(), Cancel), Cancel);
            inside = [.. Enumerable.Range(0, 4 * ServingThreads.Count).Select(i => Detect(model, i % 3))];
            await HostedVersions.UntilAsync(() => model.QueueLength == inside.Length + 1, "the requests are not in the queue");
        }

        Assert.Equal(Enumerable.Range(0, inside.Length).Select(i => i % 3), (await Task.WhenAll(inside)).Select(Best));
        Assert.Equal(RefusalKind.InvalidImage, (await Assert.ThrowsAsync<RefusedException>(() => broken)).Kind);
        Assert.True(passes < inside.Length, $"{passes} passes for {inside.Length} images");
        Assert.Equal((0, 0), (model.InFlight, model.QueueLength));
    }

    private static int Best(IReadOnlyList<Prediction> answer) => answer.MaxBy(p => p.Score).Label;

    private static Task<IReadOnlyList<Prediction>> Detect(RunningModel model, int label = 0) =>
        Task.Run(() => model.DetectAsync(TinyModel.Png(label), Cancel), Cancel);

    private void Turn(TimeSpan time)
    {
        for (var t = TimeSpan.Zero; t < time; t += TimeSpan.FromMilliseconds(250))
        {
            _clock.Advance(TimeSpan.FromMilliseconds(250));
        }
    }

    private RunningModel Create(int units = 1, int? most = null, Action<TimeSpan>? inferred = null) =>
        new(
            "arn", new TrainedModel(TinyModel.Result.Model, TinyModel.Result.Description), units, most ?? units, _options, _threads, _clock,
            inferred ?? (_ => { }), NullLogger.Instance);
}
