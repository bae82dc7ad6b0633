using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Ocellus.Tests;

/// <summary>PNG files of one colour, made without an image library.</summary>
internal static class TestPng
{
    public static byte[] Solid(int width, int height, byte red, byte green, byte blue)
    {
        var rows = new byte[height * (1 + 3 * width)];
        for (var i = 0; i < rows.Length; i++)
        {
            var column = i % (1 + 3 * width);
            rows[i] = column == 0 ? (byte)0 : (column % 3) switch { 1 => red, 2 => green, _ => blue };
        }

        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(rows);
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        return
        [
            0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, []),
        ];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] content)
    {
        byte[] body = [.. type, .. content];
        var chunk = new byte[body.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        body.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(body.Length + 4), Crc32.HashToUInt32(body));
        return chunk;
    }
}
