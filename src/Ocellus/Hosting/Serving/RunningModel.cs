using System.Diagnostics;
using System.Globalization;
using Ocellus.Refusals;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Hosting.Serving;

/// <summary>How a model ended.</summary>
/// <param name="Aborted">Requests still inside when the time to drain was over.</param>
/// <param name="Drain">From the closing of the gate to the end of the last request.</param>
internal sealed record ModelEnd(int Aborted, TimeSpan Drain);

/// <summary>
/// A model that answers requests: one ONNX Runtime model, which the serving threads share, and a number of inference units. Each unit is room in the
/// model's queue and a share of the threads. The number grows to its maximum while a queue lasts, and shrinks again when idle.
/// </summary>
internal sealed class RunningModel : UnitScale.IUnits, IAsyncDisposable
{
    private readonly TrainedModel _model;
    private readonly HostingOptions _options;
    private readonly TimeProvider _clock;
    private readonly Action<TimeSpan> _inferred;
    private readonly DrainGate _gate = new();
    private readonly ServingThreads _threads;
    private readonly FairQueue.Flow<PendingRequest> _queue;
    private readonly CancellationTokenSource _abort = new();
    private readonly UnitScale _scale;
    private readonly Lock _ending = new();
    private long _usedAt;
    private long _answered;
    private long _answeredFor;
    private Task<ModelEnd>? _end;

    /// <param name="arn">The version's ARN, for the log.</param>
    /// <param name="model">The model; owned from here on.</param>
    /// <param name="minUnits">Initial and minimum units.</param>
    /// <param name="maxUnits">Maximum units.</param>
    /// <param name="options">Limits and deadlines.</param>
    /// <param name="threads">Shared by all models.</param>
    /// <param name="clock">Clock of deadlines and scaling.</param>
    /// <param name="inferred">Called with the time of each pass through the network.</param>
    /// <param name="log">Log of state changes.</param>
    public RunningModel(
        string arn, TrainedModel model, int minUnits, int maxUnits, HostingOptions options, ServingThreads threads, TimeProvider clock,
        Action<TimeSpan> inferred, ILogger log)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minUnits, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxUnits, minUnits);
        (_model, _options, _threads, _clock, _inferred) = (model, options, threads, clock, inferred);
        _queue = threads.Queue.AddFlow<PendingRequest>(minUnits, options.BatchMax, Answer);
        _usedAt = clock.GetTimestamp();
        _scale = new(arn, this, minUnits, maxUnits, options, clock, log);
    }

    /// <summary>Labels, size and thresholds.</summary>
    public ModelDescription Description => _model.Description;

    /// <summary>Whether it takes no more requests.</summary>
    public bool IsEnding
    {
        get
        {
            lock (_ending)
            {
                return _end is not null;
            }
        }
    }

    /// <summary>Why it computes with 8 bits or does not, in a sentence; null for a model that was only made in float.</summary>
    public string? PrecisionReason => _model.Reason;

    /// <summary>Requests inside: waiting, being decoded or in the network.</summary>
    public int InFlight => _gate.Inside;

    /// <summary>Requests that no thread has taken yet.</summary>
    public int QueueLength => _queue.Length;

    /// <summary>Requests since the model was loaded, answered or refused, and the time that they were inside, all together.</summary>
    public (long Count, TimeSpan Inside) Answered => (Volatile.Read(ref _answered), _clock.GetElapsedTime(0, Volatile.Read(ref _answeredFor)));

    /// <summary>Inference units now.</summary>
    public int Units => _queue.Weight;

    int UnitScale.IUnits.Units { get => _queue.Weight; set => _queue.Weight = value; }

    /// <inheritdoc cref="UnitScale.Limits"/>
    public (int Min, int Max) Limits => _scale.Limits;

    /// <inheritdoc cref="UnitScale.Demand"/>
    public int Demand => _scale.Demand;

    /// <summary>Time since the last request came or left, or since the model was loaded; zero while one is inside.</summary>
    public TimeSpan IdleFor => InFlight > 0 ? TimeSpan.Zero : _clock.GetElapsedTime(Volatile.Read(ref _usedAt));

    /// <summary>
    /// Puts one image through the network, so that a broken graph shows at the start and the first caller does not wait for lazy initialisation.
    /// </summary>
    /// <exception cref="InvalidDataException">The network does not run.</exception>
    public static void WarmUp(TrainedModel model)
    {
        try
        {
            var black = new PreparedImage(new byte[model.Description.Width * model.Description.Height * 3], 1, 1, null);
            model.Predict([black]);
            model.Predict([black], parallel: true);
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new InvalidDataException($"{ModelFiles.Model} loads but cannot be run: {failure.Message}", failure);
        }
    }

    /// <summary>Queries the model with one image.</summary>
    /// <exception cref="RefusedException">
    /// NotReady: the model is stopping. Busy: the queue is full, or the deadline passed. Invalid, InvalidImage, ImageTooLarge: the image is not accepted.
    /// </exception>
    [Assumed(
        "DetectCustomLabels: more requests than the inference units can serve",
        "`ProvisionedThroughputExceededException` at once when the queue is full, and after `Ocellus:Hosting:RequestTimeout` for a request that was "
        + "not answered in time.")]
    public async Task<IReadOnlyList<Prediction>> DetectAsync(ReadOnlyMemory<byte> image, CancellationToken cancel)
    {
        var entered = _clock.GetTimestamp();
        if (!_gate.TryEnter())
        {
            throw Refused.NotReady("The model version is being stopped and takes no more requests; start it again when it is STOPPED.");
        }

        try
        {
            var answer = new TaskCompletionSource<IReadOnlyList<Prediction>>(TaskCreationOptions.RunContinuationsAsynchronously);
            var max = _options.QueuePerUnit * Units;
            var place = _queue.TryAdd(new PendingRequest(image, answer), max)
                ?? throw Busy($"{max} requests are already waiting for {Units} inference unit{(Units == 1 ? "" : "s")} (setting Ocellus:Hosting:QueuePerUnit)");
            using var deadline = new CancellationTokenSource(_options.RequestTimeout, _clock);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel, deadline.Token, _abort.Token);
            try
            {
                await using (ended.Token.UnsafeRegister(
                    static (a, token) => ((TaskCompletionSource<IReadOnlyList<Prediction>>)a!).TrySetCanceled(token), answer))
                {
                    return await answer.Task;
                }
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw _abort.IsCancellationRequested
                    ? Refused.NotReady(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"The model version was stopped, and {_options.DrainTimeout.TotalSeconds:0.###} s were not enough to answer this request "
                                + $"(setting Ocellus:Hosting:DrainTimeout)."))
                    : Busy(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"no answer was ready within {_options.RequestTimeout.TotalSeconds:0.###} s (setting Ocellus:Hosting:RequestTimeout)"));
            }
            finally
            {
                _queue.Remove(place);
            }
        }
        finally
        {
            // Before leaving, so that the model is never seen empty with an old time.
            var left = _clock.GetTimestamp();
            Volatile.Write(ref _usedAt, left);
            Interlocked.Increment(ref _answered);
            Interlocked.Add(ref _answeredFor, left - entered);
            _gate.Leave();
        }
    }

    /// <inheritdoc cref="UnitScale.Resize"/>
    public void Resize(int minUnits, int maxUnits) => _scale.Resize(minUnits, maxUnits);

    /// <summary>Accepts no more requests, lets those inside finish, and frees the session. A second call waits for the first.</summary>
    public Task<ModelEnd> StopAsync()
    {
        lock (_ending)
        {
            return _end ??= EndAsync();
        }
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static RefusedException Busy(string why) =>
        new(RefusalKind.Busy, $"Provisioned Rate exceeded: {why}; try again later, or start the model version with more inference units.");

    /// <summary>
    /// On a serving thread: decodes the images and puts all of them through the network in one pass. A refused image does not affect the others.
    /// </summary>
    [Assumed(
        "Colours",
        "Training and DetectCustomLabels convert every image to sRGB. RGB and grey images with an embedded ICC profile are converted (relative "
        + "colorimetric). CMYK is converted too; without a profile, a common press profile is assumed. A profile that is damaged, larger "
        + "than 4 MiB, for another colour space or with programs (`D2B`) is ignored.")]
    private void Answer(IReadOnlyList<PendingRequest> batch)
    {
        var (requests, images) = (new List<PendingRequest>(batch.Count), new List<PreparedImage>(batch.Count));
        foreach (var one in batch)
        {
            try
            {
                // Given up meanwhile: no caller reads the answer.
                if (!one.Answer.Task.IsCompleted)
                {
                    images.Add(_model.Prepare(one.Image, ImageLimits.Default));
                    requests.Add(one);
                }
            }
            catch (ImageRefusedException refusal)
            {
                one.Answer.TrySetException(ImageRefusals.Of(refusal));
            }
            catch (Exception failure)
            {
                // The thread lives on; the caller gets the failure, which the endpoint logs.
                one.Answer.TrySetException(failure);
            }
        }

        if (requests.Count == 0)
        {
            return;
        }

        try
        {
            var started = Stopwatch.GetTimestamp();
            var predictions = _model.Predict(images, _threads.HasIdleCores);
            _inferred(Stopwatch.GetElapsedTime(started));
            for (var i = 0; i < requests.Count; i++)
            {
                requests[i].Answer.TrySetResult(predictions[i]);
            }
        }
        catch (Exception failure)
        {
            requests.ForEach(a => a.Answer.TrySetException(failure));
        }
    }

    private async Task<ModelEnd> EndAsync()
    {
        var started = _clock.GetTimestamp();
        _gate.Close();
        _scale.End();
        await Task.Yield();
        var aborted = 0;
        try
        {
            await _gate.Drained.WaitAsync(_options.DrainTimeout, _clock);
        }
        catch (TimeoutException)
        {
            aborted = _gate.Inside;
            await _abort.CancelAsync();
            await _gate.Drained;
        }

        await _scale.DisposeAsync();
        // A request whose client left may still be in the network; the session must not be freed before.
        await _queue.CloseAsync();
        _model.Dispose();
        _abort.Dispose();
        return new(aborted, _clock.GetElapsedTime(started));
    }

    /// <summary>A waiting image, and where its answer goes.</summary>
    private sealed record PendingRequest(ReadOnlyMemory<byte> Image, TaskCompletionSource<IReadOnlyList<Prediction>> Answer);
}
