using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace Ocellus.Wire;

/// <summary>
/// The memory that Kestrel receives into. Its own pool has blocks of 4 KB: an image of 145 KB then takes 36 rounds of receiving, handing to the reading thread,
/// and waiting. A connection without a request holds no block.
/// </summary>
internal sealed class ReceivePool : MemoryPool<byte>
{
    /// <summary>Bytes of a block: a typical image takes a few, and hundreds of slow connections hold little.</summary>
    private const int BlockBytes = 32 * 1024;

    public override int MaxBufferSize => BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        return Shared.Rent(BlockBytes);
    }

    protected override void Dispose(bool disposing)
    {
        // The blocks belong to the shared pool.
    }

    /// <summary>Creates these pools for Kestrel.</summary>
    internal sealed class Factory : IMemoryPoolFactory<byte>
    {
        public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new ReceivePool();
    }
}
