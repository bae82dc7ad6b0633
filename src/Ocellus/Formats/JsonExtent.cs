using System.Buffers;

namespace Ocellus.Formats;

/// <summary>
/// Tells where an object or an array ends, by its brackets and texts alone. The polygons of a million annotations are passed over so, at a tenth of the time
/// that it takes to read their numbers; whoever needs a value parses it, and so finds what is wrong in it.
/// </summary>
internal static class JsonExtent
{
    /// <summary>The end has not come yet.</summary>
    public const int Incomplete = 0;

    /// <summary>There is, or may be, a comment, which may have brackets of its own.</summary>
    public const int Comment = -1;

    /// <summary>It is nested deeper than allowed.</summary>
    public const int TooDeep = -2;

    private static readonly SearchValues<byte> _marks = SearchValues.Create("\"{}[]/"u8);

    /// <summary>Bytes from an opening bracket to the one that closes it; or one of the above.</summary>
    public static int Of(ReadOnlySpan<byte> json, int depthMax)
    {
        int depth = 0, at = 0;
        while (true)
        {
            var step = json[at..].IndexOfAny(_marks);
            if (step < 0)
            {
                return Incomplete;
            }

            at += step;
            switch (json[at++])
            {
                case (byte)'"':
                    if ((at = AfterText(json, at)) == Incomplete)
                    {
                        return Incomplete;
                    }

                    break;
                case (byte)'{' or (byte)'[':
                    if (++depth > depthMax)
                    {
                        return TooDeep;
                    }

                    break;
                case (byte)'/':
                    return Comment;
                default:
                    if (--depth <= 0)
                    {
                        return at;
                    }

                    break;
            }
        }
    }

    /// <summary>The place after a text that has begun; 0 if it has no end.</summary>
    private static int AfterText(ReadOnlySpan<byte> json, int at)
    {
        while (at <= json.Length)
        {
            var step = json[at..].IndexOfAny((byte)'"', (byte)'\\');
            if (step < 0)
            {
                return Incomplete;
            }

            at += step;
            if (json[at] == '"')
            {
                return at + 1;
            }

            // What is escaped ends no text.
            at += 2;
        }

        return Incomplete;
    }
}
