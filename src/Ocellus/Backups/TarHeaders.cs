using System.Globalization;
using System.Text;

namespace Ocellus.Backups;

/// <summary>
/// Limits what .NET's TarReader loads into memory. It reads a PAX extended header or a GNU long name whole, and allocates what the size field says before it
/// reads a byte; so the headers are checked before the reader moves to the next entry.
/// </summary>
/// <remarks>Source: POSIX.1-2024, pax, ustar interchange format; GNU tar manual, basic tar format.</remarks>
internal static class TarHeaders
{
    /// <summary>Maximum bytes of one extended header. Names of a data directory need a few hundred.</summary>
    public const int ExtendedBytesMax = 64 * 1024;

    /// <summary>Bytes of a header; data is padded to a multiple of it.</summary>
    private const int BlockBytes = 512;

    /// <summary>Offsets in a header: of the size, eleven octal digits and a terminator, and of the type.</summary>
    private const int SizeAt = 124, SizeLength = 12, TypeAt = 156;

    /// <summary>PAX's headers of one entry and of all that follow, and GNU's long names and long links.</summary>
    private static ReadOnlySpan<byte> ExtendedTypes => "xgLK"u8;

    /// <summary>The position of the header that follows an entry.</summary>
    /// <param name="dataOffset">Where the entry's data begins.</param>
    /// <param name="length">Its length in bytes.</param>
    public static long After(long dataOffset, long length) => (dataOffset + length + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>Checks the extended headers in front of an entry. The position of the stream does not change.</summary>
    /// <param name="tar">The archive, which must be seekable.</param>
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
            // Large sizes have another form, which begins with a set bit and is not an octal number.
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
