using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace Ocellus.Wire;

/// <summary>
/// Memory that Kestrel receives into. Its own has blocks of 4 KB: an image of 145 KB is then 36 times asked for, handed from the thread that receives to the
/// one that reads, and waited for again. A connection without a request holds none.
/// </summary>
internal sealed class ReceivePool : MemoryPool<byte>
{
    /// <summary>Bytes of a block: a usual image comes in a few, and hundreds of connections that send slowly hold little.</summary>
    private const int BlockBytes = 32 * 1024;

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        return Shared.Rent(BlockBytes);
    }

    protected override void Dispose(bool disposing)
    {
        // The blocks belong to the process's pool.
    }

    /// <summary>Gives Kestrel such pools.</summary>
    internal sealed class Factory : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new ReceivePool();
    }
}
