using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Numerics;
using Microsoft.Extensions.Options;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Reads the bodies of API requests, within the bounds of all of them together.</summary>
[Assumed("Request bodies: a body that does not arrive", "`RequestTimeoutException` with status 408 after `Ocellus:Bodies:ApiTimeout`, 60 s by default.")]
internal sealed class BodyReader(BodyBudget budget, IOptions<BodyOptions> options, TimeProvider clock)
{
    /// <summary>Reads a body to its end; null if it has more than <paramref name="most"/> bytes.</summary>
    /// <exception cref="RefusedException">Throttled: the bodies of all requests have no room for it.</exception>
    /// <exception cref="FrameworkException">RequestTimeoutException: it was not whole in time.</exception>
    public async Task<RequestBody?> ReadAsync(HttpRequest request, int most, CancellationToken cancel)
    {
        if (request.ContentLength > most)
        {
            return null;
        }

        var reader = request.BodyReader;
        var body = new RequestBody(budget.Open(reader.CancelPendingRead), request.ContentLength ?? most);
        try
        {
            var isWhole = await body.FillAsync(reader, most, options.Value.ApiTimeout, clock, cancel);
            if (isWhole)
            {
                return body;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }

        body.Dispose();
        return null;
    }
}

/// <summary>
/// The body of a request in a buffer that other requests use after it: an image is large, and one array for each would cost more than reading it.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Larger buffers are rare, and would stay in memory for nothing.</summary>
    private const int PooledBytesMax = 512 * 1024;

    /// <summary>The first buffer holds a usual image, so that no byte of one is moved. A larger one is given to who has sent so much.</summary>
    private const int FirstBytesMax = 256 * 1024;

    /// <summary>How much larger the next buffer is: of the largest body a sixth is then moved, and none holds more than eight times what has come.</summary>
    private const int Growth = 8;

    private readonly BodyBudget.Share _share;
    private readonly long _bytesMax;
    private IMemoryOwner<byte>? _owner;
    private int _capacity;
    private int _length;

    /// <param name="share">The body's part of the memory of all.</param>
    /// <param name="bytesMax">What is announced, or the most that is taken.</param>
    internal RequestBody(BodyBudget.Share share, long bytesMax) => (_share, _bytesMax) = (share, bytesMax);

    /// <summary>What has been read. Not to be used after <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Bytes => _owner is null ? default : _owner.Memory[.._length];

    /// <summary>Gives the buffer back. A second call does nothing.</summary>
    public void Dispose()
    {
        _owner?.Dispose();
        (_owner, _capacity, _length) = (null, 0, 0);
        _share.Dispose();
    }

    /// <summary>Reads to the end; false if there is more than what is taken.</summary>
    internal async Task<bool> FillAsync(PipeReader reader, int most, TimeSpan timeout, TimeProvider clock, CancellationToken cancel)
    {
        ITimer? deadline = null;
        try
        {
            while (true)
            {
                var reading = reader.ReadAsync(cancel);
                if (!reading.IsCompleted)
                {
                    // Most bodies come with their headers and need none.
                    deadline ??= clock.CreateTimer(_ => _share.Stop(BodyStop.Late), null, timeout, Timeout.InfiniteTimeSpan);
                }

                var result = await reading;
                if (result.IsCanceled)
                {
                    reader.AdvanceTo(result.Buffer.Start);
                    ThrowIfStopped(timeout);
                    continue;
                }

                if (_length + result.Buffer.Length > most)
                {
                    reader.AdvanceTo(result.Buffer.End);
                    return false;
                }

                try
                {
                    await WidenAsync((int)result.Buffer.Length, cancel);
                    if (_owner is not null)
                    {
                        result.Buffer.CopyTo(_owner.Memory.Span[_length..]);
                    }

                    _length += (int)result.Buffer.Length;
                }
                finally
                {
                    reader.AdvanceTo(result.Buffer.End);
                }

                if (result.IsCompleted)
                {
                    return true;
                }
            }
        }
        finally
        {
            _share.Arrived();
            if (deadline is not null)
            {
                await deadline.DisposeAsync();
            }
        }
    }

    private void ThrowIfStopped(TimeSpan timeout)
    {
        if (_share.Stopped == BodyStop.Late)
        {
            var message = string.Create(
                CultureInfo.InvariantCulture, $"The request body was not whole after {timeout.TotalSeconds:0.#} s ({_length} bytes came); ")
                + $"send it faster, or raise the setting {BodyOptions.Section}:{nameof(BodyOptions.ApiTimeout)}.";
            throw new FrameworkException(FrameworkException.Timeout, message, StatusCodes.Status408RequestTimeout);
        }

        if (_share.Stopped == BodyStop.ForOthers)
        {
            throw _share.NoRoom();
        }
    }

    private async ValueTask WidenAsync(int more, CancellationToken cancel)
    {
        if (_length + more <= _capacity)
        {
            return;
        }

        var wanted = (int)Math.Max(_length + more, Math.Min(_bytesMax, _capacity == 0 ? FirstBytesMax : (long)Growth * _capacity));
        // The pool's arrays have the next power of two.
        var bytes = wanted <= PooledBytesMax ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, wanted)) : wanted;
        await _share.TakeAsync(bytes, cancel);
        var wider = bytes <= PooledBytesMax ? MemoryPool<byte>.Shared.Rent(bytes) : new NativeBlock(bytes);
        Bytes.Span.CopyTo(wider.Memory.Span);
        _owner?.Dispose();
        _share.Give(_capacity);
        (_owner, _capacity) = (wider, bytes);
    }
}
