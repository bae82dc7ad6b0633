using System.Runtime.CompilerServices;
using System.Text;
using Ocellus.Encodings;

namespace Ocellus.Datasets.Manifests;

/// <summary>One line of a manifest.</summary>
/// <param name="Number">Line number, from 1.</param>
/// <param name="Text">The line without its line break; empty if <paramref name="TooLong"/> or <paramref name="NotUtf8"/>.</param>
/// <param name="TooLong">The line has more than <see cref="ManifestReader.LineLengthMax"/> characters.</param>
/// <param name="NotUtf8">Where the line stops being UTF-8; null if it is UTF-8.</param>
internal sealed record ManifestLine(int Number, string Text, bool TooLong = false, string? NotUtf8 = null)
{
    /// <summary>For a person: what is wrong with a line that is not UTF-8, and what to do.</summary>
    public string EncodingFault => $"Line {Number} is not UTF-8: {NotUtf8}. Save the file as UTF-8.";
}

/// <summary>Reads JSON Lines, never holding more than one line of permitted length.</summary>
internal static class ManifestReader
{
    /// <summary>Maximum characters (UTF-16 units) of one line; the documented limit.</summary>
    public const int LineLengthMax = 100_000;

    private const int ChunkBytes = 16 * 1024;

    /// <summary>Maximum bytes of one line: a UTF-16 unit takes at most three in UTF-8, and a CR may follow.</summary>
    private const int LineBytesMax = (3 * LineLengthMax) + 1;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Lines in order. A byte order mark is skipped, LF and CRLF end a line, and the last line break adds no line.</summary>
    /// <remarks>The stream is left open.</remarks>
    public static async IAsyncEnumerable<ManifestLine> ReadAsync(Stream stream, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var chunk = new byte[ChunkBytes];
        using var line = new MemoryStream();
        var number = 0;
        var tooLong = false;
        var open = false;
        int read;
        while ((read = await stream.ReadAsync(chunk, cancel).ConfigureAwait(false)) > 0)
        {
            var start = 0;
            while (start < read)
            {
                var found = Array.IndexOf(chunk, (byte)'\n', start, read - start);
                var end = found < 0 ? read : found;
                // The byte order mark does not count.
                if (!tooLong && line.Length + (end - start) <= LineBytesMax + (number == 0 ? ByteOrderMark.Length : 0))
                {
                    line.Write(chunk, start, end - start);
                }
                else
                {
                    tooLong = true;
                    line.SetLength(0);
                }

                open = true;
                start = end;
                if (found >= 0)
                {
                    yield return Finish(++number, line, tooLong);
                    line.SetLength(0);
                    tooLong = false;
                    open = false;
                    start = found + 1;
                }
            }
        }

        if (open)
        {
            yield return Finish(++number, line, tooLong);
        }
    }

    /// <summary>The lines of a manifest, each parsed once. All code that needs a manifest's content uses this.</summary>
    /// <remarks>The stream is left open.</remarks>
    public static async IAsyncEnumerable<ParsedLine> ParseAsync(Stream stream, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (var line in ReadAsync(stream, cancel).ConfigureAwait(false))
        {
            yield return LineParser.Parse(line);
        }
    }

    private static ManifestLine Finish(int number, MemoryStream line, bool tooLong)
    {
        var bytes = line.GetBuffer().AsSpan(0, (int)line.Length);
        if (number == 1 && bytes.StartsWith(ByteOrderMark))
        {
            bytes = bytes[ByteOrderMark.Length..];
        }

        if (bytes is [.., (byte)'\r'])
        {
            bytes = bytes[..^1];
        }

        if (tooLong)
        {
            return new ManifestLine(number, "", true);
        }

        if (Unicode.NotUtf8(bytes) is { } where)
        {
            return new ManifestLine(number, "", NotUtf8: where);
        }

        var text = Encoding.UTF8.GetString(bytes);
        return text.Length > LineLengthMax ? new ManifestLine(number, "", true) : new ManifestLine(number, text);
    }
}
