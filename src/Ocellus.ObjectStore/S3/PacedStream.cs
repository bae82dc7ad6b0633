using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Ocellus.Wire;

namespace Ocellus.Objects.S3;

/// <summary>
/// The body of a request to the object store, with a minimum data rate. An upload may take hours, so it has no deadline, but a stalled one must not hold its
/// connection and its files forever. Kestrel's own limit is the average over the whole body, so a fast start would allow a pause of hours.
/// </summary>
internal sealed class PacedStream : ForwardStream
{
    private readonly PipeReader _inner;
    private readonly BodyOptions _options;
    private readonly TimeProvider _clock;
    private readonly ITimer _timer;
    private TimeSpan _waited;
    private long _received;
    private volatile bool _isDue;

    private PacedStream(HttpRequest request, BodyOptions options, TimeProvider clock)
    {
        // The reader, not the stream: after a cancelled read, a stream cannot be read again.
        (_inner, _options, _clock) = (request.BodyReader, options, clock);
        _timer = clock.CreateTimer(
            _ =>
            {
                _isDue = true;
                _inner.CancelPendingRead();
            },
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    /// <summary>Wraps a request's body; null if there is none. Dispose before the request ends.</summary>
    public static PacedStream? Of(HttpContext http, IOptions<BodyOptions> options, TimeProvider clock) =>
        http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true } ? new(http.Request, options.Value, clock) : null;

    /// <exception cref="S3Exception">RequestTimeout: too few bytes arrived within a window.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        while (true)
        {
            // Before a read begins: no read may be left pending.
            if (_isDue || _waited >= _options.UploadWindow)
            {
                EndWindow();
            }

            var reading = _inner.ReadAsync(cancellationToken);
            var result = reading.IsCompletedSuccessfully ? reading.Result : await TimedAsync(reading).ConfigureAwait(false);
            var count = (int)Math.Min(result.Buffer.Length, buffer.Length);
            var part = result.Buffer.Slice(0, count);
            part.CopyTo(buffer.Span);
            _inner.AdvanceTo(part.End);
            _received += count;
            if (count > 0 || result.IsCompleted)
            {
                return count;
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        _timer.Dispose();
        base.Dispose(disposing);
    }

    public override async ValueTask DisposeAsync()
    {
        // Waits for a running callback, which must not affect the connection's next request.
        await _timer.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask<ReadResult> TimedAsync(ValueTask<ReadResult> reading)
    {
        // Only the wait for the sender counts, not the time of the disk.
        var start = _clock.GetTimestamp();
        _timer.Change(_options.UploadWindow - _waited, Timeout.InfiniteTimeSpan);
        try
        {
            return await reading.ConfigureAwait(false);
        }
        catch (BadHttpRequestException failure) when (failure.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            // Kestrel's own minimum rate.
            throw TooSlow();
        }
        finally
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _waited += _clock.GetElapsedTime(start);
        }
    }

    private void EndWindow()
    {
        if (_received < _options.UploadBytesPerSecondMin * _options.UploadWindow.TotalSeconds)
        {
            throw TooSlow();
        }

        (_isDue, _waited, _received) = (false, TimeSpan.Zero, 0);
    }

    private S3Exception TooSlow() => new("RequestTimeout", string.Create(CultureInfo.InvariantCulture,
        $"Your socket connection to the server was not read from or written to within the timeout period: {_received} bytes arrived in "
            + $"{_waited.TotalSeconds:0.#} s; "
        + $"an upload must send at least {_options.UploadBytesPerSecondMin} bytes per second (settings "
        + $"{BodyOptions.Section}:{nameof(BodyOptions.UploadBytesPerSecondMin)} and {BodyOptions.Section}:{nameof(BodyOptions.UploadWindow)})."));
}
