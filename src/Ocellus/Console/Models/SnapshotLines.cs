using System.Runtime.CompilerServices;
using System.Text;

namespace Ocellus.Console.Models;

/// <summary>Reads the lines of a stored test, never holding more than a part of them.</summary>
internal static class SnapshotLines
{
    /// <summary>Maximum characters of a line; longer ones are left out. A line of a thousand labels has a tenth of it.</summary>
    public const int LengthMax = 2 << 20;

    /// <summary>A part ends with this many lines, or with the line that brings it to so many characters.</summary>
    private const int PartLines = 500, PartLength = 8 << 20;

    private const int BufferLength = 16 << 10;

    /// <summary>Lines in order, without empty ones.</summary>
    /// <param name="stream">UTF-8; it is left open.</param>
    /// <param name="most">Lines at most.</param>
    /// <param name="cancel">Gives up.</param>
    public static async IAsyncEnumerable<List<string>> ReadAsync(Stream stream, int most, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        var buffer = new char[BufferLength];
        var line = new StringBuilder();
        var part = new List<string>();
        var (isTooLong, length, count, read) = (false, 0, 0, 0);
        while (count < most && (read = await reader.ReadAsync(buffer, cancel)) > 0)
        {
            for (var start = 0; start < read && count < most;)
            {
                var found = Array.IndexOf(buffer, '\n', start, read - start);
                var end = found < 0 ? read : found;
                isTooLong |= line.Length + (end - start) > LengthMax;
                line.Append(buffer, start, isTooLong ? 0 : end - start);
                start = end + 1;
                if (found < 0)
                {
                    continue;
                }

                End();
                if (part.Count >= PartLines || length >= PartLength)
                {
                    yield return part;
                    (part, length) = ([], 0);
                }
            }
        }

        if (count < most)
        {
            End();
        }

        if (part.Count > 0)
        {
            yield return part;
        }

        void End()
        {
            if (!isTooLong && line.Length > 0)
            {
                part.Add(line.ToString());
                length += line.Length;
                count++;
            }

            line.Clear();
            isTooLong = false;
        }
    }
}
