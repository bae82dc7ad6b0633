using System.Globalization;
using System.Text;

namespace Ocellus.Backups;

/// <summary>
/// Bounds what .NET's TarReader takes into memory. It reads an extended header of PAX, or a long name of GNU, whole, and allocates what the size field says
/// before it has seen a byte of it; so the headers are checked before the reader goes on to the next entry.
/// </summary>
/// <remarks>Source: POSIX.1-2024, pax, ustar interchange format; GNU tar manual, basic tar format.</remarks>
internal static class TarHeaders
{
    /// <summary>Most bytes of one extended header. Names of a data directory need a few hundred.</summary>
    public const int ExtendedBytesMax = 64 * 1024;

    /// <summary>Bytes of a header, to a multiple of which data is filled up.</summary>
    private const int BlockBytes = 512;

    /// <summary>Places in a header: eleven octal digits and an end, and the type.</summary>
    private const int SizeAt = 124, SizeLength = 12, TypeAt = 156;

    /// <summary>PAX's headers of one entry and of all that follow, and GNU's long names and long links.</summary>
    private static ReadOnlySpan<byte> ExtendedTypes => "xgLK"u8;

    /// <summary>The position of the header that follows an entry.</summary>
    /// <param name="dataOffset">Where the entry's data begins.</param>
    /// <param name="length">Its bytes.</param>
    public static long After(long dataOffset, long length) => (dataOffset + length + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>Looks at the extended headers in front of an entry. The stream is where it was afterwards.</summary>
    /// <param name="tar">The archive, which can be sought in.</param>
    /// <param name="header">The position of the first of them, or of the entry's own header.</param>
    /// <exception cref="InvalidDataException">One is larger than any that a backup has.</exception>
    public static void Check(Stream tar, long header)
    {
        var position = tar.Position;
        Span<byte> block = stackalloc byte[BlockBytes];
        tar.Position = header;
        while (tar.ReadAtLeast(block, BlockBytes, throwOnEndOfStream: false) == BlockBytes && ExtendedTypes.Contains(block[TypeAt]))
        {
            var text = Encoding.ASCII.GetString(block.Slice(SizeAt, SizeLength)).Trim('\0', ' ');
            // Large sizes have another form, which begins with a set bit and is no number here.
            if (!TryOctal(text, out var size) || size > ExtendedBytesMax)
            {
                throw new InvalidDataException(string.Create(
                    CultureInfo.InvariantCulture, $"an extended header at byte {header} is larger than {ExtendedBytesMax} bytes"));
            }

            header = After(header + BlockBytes, size);
            tar.Position = header;
        }

        tar.Position = position;
    }

    private static bool TryOctal(string text, out long value)
    {
        value = 0;
        foreach (var digit in text)
        {
            if (digit is < '0' or > '7')
            {
                return false;
            }

            value = (value << 3) + (digit - '0');
        }

        return true;
    }
}
