using Ocellus.Wire;

namespace Ocellus.Objects.S3;

/// <summary>The next bytes of a stream, up to a limit.</summary>
internal sealed class LimitedStream(Stream inner, long left) : ForwardStream
{
    private long _left = left;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken).ConfigureAwait(false);
        _left -= read;
        return read;
    }
}
