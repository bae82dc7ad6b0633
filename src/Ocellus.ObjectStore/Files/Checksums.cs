using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ocellus.Objects.Files;

/// <summary>A reflected CRC with all-ones initial value and final xor, of 32 or 64 bits.</summary>
internal sealed class ReflectedCrc
{
    private static readonly ulong[] _crc32Table = Table(0xEDB88320);
    private static readonly ulong[] _crc32CTable = Table(0x82F63B78);
    private static readonly ulong[] _crc64Table = Table(0x9A6C9329AC4BC9B5);
    private readonly ulong[] _table;
    private readonly int _bytes;
    private ulong _state;

    private ReflectedCrc(ulong[] table, int bytes)
    {
        _table = table;
        _bytes = bytes;
        _state = bytes == 4 ? uint.MaxValue : ulong.MaxValue;
    }

    public static ReflectedCrc? Create(string name) => name switch
    {
        "crc32" => new(_crc32Table, 4),
        "crc32c" => new(_crc32CTable, 4),
        "crc64nvme" => new(_crc64Table, 8),
        _ => null,
    };

    public void Append(ReadOnlySpan<byte> data)
    {
        var state = _state;
        var table = _table;
        foreach (var b in data)
        {
            state = table[(byte)state ^ b] ^ (state >> 8);
        }

        _state = state;
    }

    /// <summary>The value, most significant byte first.</summary>
    public byte[] Finish()
    {
        var result = new byte[_bytes];
        if (_bytes == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(result, ~(uint)_state);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(result, ~_state);
        }

        return result;
    }

    private static ulong[] Table(ulong polynomial)
    {
        var table = new ulong[256];
        for (var i = 0; i < 256; i++)
        {
            var value = (ulong)i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ polynomial : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}

/// <summary>Computes MD5 and any S3 checksums in one pass over the data.</summary>
internal sealed class DigestSet : IDisposable
{
    /// <summary>Names as in <c>x-amz-checksum-NAME</c>.</summary>
    public static readonly string[] Names = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

#pragma warning disable CA5350, CA5351 // The protocol defines ETags as MD5 and offers SHA-1; neither is used for security.
    private readonly IncrementalHash _md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
    private readonly Dictionary<string, IncrementalHash> _hashes = [];
    private readonly Dictionary<string, ReflectedCrc> _crcs = [];
    private long _length;

    public DigestSet(IEnumerable<string> names)
    {
        foreach (var name in names.Distinct())
        {
            if (ReflectedCrc.Create(name) is { } crc)
            {
                _crcs[name] = crc;
            }
            else
            {
                _hashes[name] = IncrementalHash.CreateHash(name == "sha1" ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
            }
        }
    }
#pragma warning restore CA5350, CA5351

    public void Append(ReadOnlySpan<byte> data)
    {
        _length += data.Length;
        _md5.AppendData(data);
        foreach (var hash in _hashes.Values)
        {
            hash.AppendData(data);
        }

        foreach (var crc in _crcs.Values)
        {
            crc.Append(data);
        }
    }

    public ObjectDigests Finish()
    {
        var values = _hashes.ToDictionary(p => p.Key, p => p.Value.GetHashAndReset());
        foreach (var (name, crc) in _crcs)
        {
            values[name] = crc.Finish();
        }

        return new ObjectDigests(_length, _md5.GetHashAndReset(), values);
    }

    public void Dispose()
    {
        _md5.Dispose();
        foreach (var hash in _hashes.Values)
        {
            hash.Dispose();
        }
    }
}
