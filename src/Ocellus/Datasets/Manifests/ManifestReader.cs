using System.Runtime.CompilerServices;
using System.Text;

namespace Ocellus.Datasets.Manifests;

/// <summary>One line of a manifest.</summary>
/// <param name="Number">Line number, from 1.</param>
/// <param name="Text">The line without its line break; empty if <paramref name="TooLong"/>.</param>
/// <param name="TooLong">The line has more than <see cref="ManifestReader.LineLengthMax"/> characters.</param>
internal sealed record ManifestLine(int Number, string Text, bool TooLong = false);

/// <summary>Reads JSON Lines without ever holding more than one permitted line.</summary>
internal static class ManifestReader
{
    /// <summary>Most characters (UTF-16 units) of one line; the documented limit.</summary>
    public const int LineLengthMax = 100_000;

    private const int ChunkLength = 16 * 1024;

    /// <summary>Lines in order. A byte order mark is skipped, LF and CRLF end a line, and the last line break adds no line.</summary>
    /// <remarks>The stream is left open. Bytes that are not UTF-8 become U+FFFD.</remarks>
    public static async IAsyncEnumerable<ManifestLine> ReadAsync(Stream stream, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var reader = new StreamReader(stream, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false, ChunkLength, leaveOpen: true);
        var chunk = new char[ChunkLength];
        var line = new StringBuilder();
        var number = 0;
        var tooLong = false;
        var open = false;
        var first = true;
        int read;
        while ((read = await reader.ReadAsync(chunk.AsMemory(), cancel).ConfigureAwait(false)) > 0)
        {
            var start = 0;
            if (first)
            {
                first = false;
                start = chunk[0] == '\uFEFF' ? 1 : 0;
            }

            while (start < read)
            {
                var found = Array.IndexOf(chunk, '\n', start, read - start);
                var end = found < 0 ? read : found;
                // One character more than the limit is kept, for it may be the CR of a CRLF.
                if (!tooLong && line.Length + (end - start) <= LineLengthMax + 1)
                {
                    line.Append(chunk, start, end - start);
                }
                else
                {
                    tooLong = true;
                    line.Clear();
                }

                open = true;
                start = end;
                if (found >= 0)
                {
                    yield return Finish(++number, line, tooLong);
                    line.Clear();
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

    private static ManifestLine Finish(int number, StringBuilder line, bool tooLong)
    {
        if (line.Length > 0 && line[^1] == '\r')
        {
            line.Length--;
        }

        return tooLong || line.Length > LineLengthMax ? new ManifestLine(number, "", true) : new ManifestLine(number, line.ToString());
    }
}
