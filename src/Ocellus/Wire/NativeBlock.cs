using System.Buffers;
using System.Runtime.InteropServices;

namespace Ocellus.Wire;

/// <summary>
/// A block from the C heap, for large bodies: once freed it returns to the system, whereas arrays wait for a full collection, and a hundred senders in turn
/// would leave a gigabyte behind. Not to be used after <see cref="IDisposable.Dispose"/>.
/// </summary>
internal sealed unsafe class NativeBlock : MemoryManager<byte>
{
    private readonly int _length;
    private byte* _start;

    public NativeBlock(int bytes)
    {
        _length = bytes;
        _start = (byte*)NativeMemory.Alloc((nuint)bytes);
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        return new(_start, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)_length);
        return new(_start + elementIndex);
    }

    public override void Unpin()
    {
        // Native memory never moves.
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_start);
        _start = null;
    }
}
