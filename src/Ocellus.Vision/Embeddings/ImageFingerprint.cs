using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Ocellus.Vision.Networks;

namespace Ocellus.Vision.Embeddings;

/// <summary>What is kept of an image to compare it with others: its embedding, and a hash of how it looks. About 2.5 KB.</summary>
/// <param name="Embedding">[<see cref="Length"/>] values of the frozen backbone, as they come. Half precision is more than they need.</param>
/// <param name="Hash">How it looks: see <see cref="NearDuplicates"/>.</param>
public sealed record ImageFingerprint(Half[] Embedding, ulong Hash)
{
    /// <summary>Values of an embedding.</summary>
    public const int Length = EfficientNetLite0.EmbeddingSize;

    /// <summary>Bytes of a stored fingerprint.</summary>
    public const int Bytes = sizeof(ulong) + 2 * Length;

    /// <summary>
    /// Names what makes fingerprints: those of another revision must not be compared with these. It changes with the backbone, the reading of images, and
    /// the hash.
    /// </summary>
    public const string Revision = "1";

    /// <summary>For a file; <see cref="FromBytes"/> reads it.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Hash);
        MemoryMarshal.AsBytes(Embedding.AsSpan()).CopyTo(bytes.AsSpan(sizeof(ulong)));
        return bytes;
    }

    /// <summary>A fingerprint that was stored; null if the bytes are none, or hold values that no image has.</summary>
    public static ImageFingerprint? FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Bytes)
        {
            return null;
        }

        Half[] embedding = MemoryMarshal.Cast<byte, Half>(bytes[sizeof(ulong)..]).ToArray();
        return Array.TrueForAll(embedding, Half.IsFinite) ? new(embedding, BinaryPrimitives.ReadUInt64LittleEndian(bytes)) : null;
    }
}
