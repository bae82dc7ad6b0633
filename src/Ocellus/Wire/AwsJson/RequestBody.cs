using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Numerics;
using Microsoft.Extensions.Options;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Reads the bodies of API requests, within the budget that they share.</summary>
[Assumed("Request bodies: a body that does not arrive", "`RequestTimeoutException` with status 408 after `Ocellus:Bodies:ApiTimeout`, 60 s by default.")]
internal sealed class BodyReader(BodyBudget budget, IOptions<BodyOptions> options, TimeProvider clock)
{
    /// <summary>Reads a whole body; null if it has more than <paramref name="bytesMax"/> bytes.</summary>
    /// <exception cref="RefusedException">Throttled: the budget has no room for it.</exception>
    /// <exception cref="FrameworkException">RequestTimeoutException: it took too long.</exception>
    public async Task<RequestBody?> ReadAsync(HttpRequest request, int bytesMax, CancellationToken cancel)
    {
        if (request.ContentLength > bytesMax)
        {
            return null;
        }

        var reader = request.BodyReader;
        var body = new RequestBody(budget.Open(reader.CancelPendingRead), request.ContentLength ?? bytesMax);
        try
        {
            var isWhole = await body.FillAsync(reader, bytesMax, options.Value.ApiTimeout, clock, cancel);
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

/// <summary>The body of a request in a pooled buffer: a new array for each image would cost more than reading it.</summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Larger buffers are rare, and would stay in memory for nothing.</summary>
    private const int PooledBytesMax = 512 * 1024;

    /// <summary>The first buffer holds a typical image, which is then never copied. Only a sender who fills it gets a larger one.</summary>
    private const int FirstBytesMax = 256 * 1024;

    /// <summary>
    /// How much larger the next buffer is: a sixth of the largest body is then copied, and no buffer has more than eight times what has arrived.
    /// </summary>
    private const int Growth = 8;

    private readonly BodyBudget.Share _share;
    private readonly long _expectedBytes;
    private IMemoryOwner<byte>? _owner;
    private int _capacity;
    private int _length;

    /// <param name="share">The body's share of the budget.</param>
    /// <param name="expectedBytes">The announced length, or the maximum.</param>
    internal RequestBody(BodyBudget.Share share, long expectedBytes) => (_share, _expectedBytes) = (share, expectedBytes);

    /// <summary>The bytes read so far. Not to be used after <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Bytes => _owner is null ? default : _owner.Memory[.._length];

    /// <summary>Returns the buffer. A second call does nothing.</summary>
    public void Dispose()
    {
        _owner?.Dispose();
        (_owner, _capacity, _length) = (null, 0, 0);
        _share.Dispose();
    }

    /// <summary>Reads to the end; false if the body is too long.</summary>
    internal async Task<bool> FillAsync(PipeReader reader, int bytesMax, TimeSpan timeout, TimeProvider clock, CancellationToken cancel)
    {
        ITimer? deadline = null;
        try
        {
            while (true)
            {
                var reading = reader.ReadAsync(cancel);
                if (!reading.IsCompleted)
                {
                    // Most bodies arrive with their headers and need no deadline.
                    deadline ??= clock.CreateTimer(_ => _share.Stop(BodyStop.Late), null, timeout, Timeout.InfiniteTimeSpan);
                }

                var result = await reading;
                if (result.IsCanceled)
                {
                    reader.AdvanceTo(result.Buffer.Start);
                    ThrowIfStopped(timeout);
                    continue;
                }

                if (_length + result.Buffer.Length > bytesMax)
                {
                    reader.AdvanceTo(result.Buffer.End);
                    return false;
                }

                try
                {
                    await GrowAsync((int)result.Buffer.Length, cancel);
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
                CultureInfo.InvariantCulture, $"The request body was incomplete after {timeout.TotalSeconds:0.#} s ({_length} bytes arrived); ")
                + $"send it faster, or raise the setting {BodyOptions.Section}:{nameof(BodyOptions.ApiTimeout)}.";
            throw new FrameworkException(FrameworkException.Timeout, message, StatusCodes.Status408RequestTimeout);
        }

        if (_share.Stopped == BodyStop.ForOthers)
        {
            throw _share.NoRoom();
        }
    }

    private async ValueTask GrowAsync(int more, CancellationToken cancel)
    {
        if (_length + more <= _capacity)
        {
            return;
        }

        var wanted = (int)Math.Max(_length + more, Math.Min(_expectedBytes, _capacity == 0 ? FirstBytesMax : (long)Growth * _capacity));
        // The pool rounds up to a power of two.
        var bytes = wanted <= PooledBytesMax ? (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, wanted)) : wanted;
        await _share.TakeAsync(bytes, cancel);
        var larger = bytes <= PooledBytesMax ? MemoryPool<byte>.Shared.Rent(bytes) : new NativeBlock(bytes);
        Bytes.Span.CopyTo(larger.Memory.Span);
        _owner?.Dispose();
        _share.Give(_capacity);
        (_owner, _capacity) = (larger, bytes);
    }
}
