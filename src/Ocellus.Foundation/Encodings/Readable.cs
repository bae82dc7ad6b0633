using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ocellus.Encodings;

/// <summary>Text for people, from values that may be hostile or long.</summary>
internal static class Readable
{
    /// <summary>Longest piece of a sender's value that an error message repeats, in characters.</summary>
    public const int LengthMax = 200;

    /// <summary>
    /// Characters that do something where they are shown, or that XML has no form for: controls, separators of lines, marks that turn the direction of
    /// writing, and what is no
    /// character at all.
    /// </summary>
    private static readonly SearchValues<char> _active = SearchValues.Create(
        [.. Range('\0', '\u001f'), .. Range('\u007f', '\u009f'), '\u061c', '\u200e', '\u200f', .. Range('\u2028', '\u202e'), .. Range('\u2066', '\u2069'),
            '\ufeff', '\ufffe', '\uffff']);

    /// <summary>The value, cut to a readable length, in characters that are safe in documents, logs and terminals.</summary>
    public static string Truncate(string value)
    {
        if (value.Length <= LengthMax)
        {
            return Plain(value);
        }

        // Half a character would be no text.
        var length = char.IsHighSurrogate(value[LengthMax - 1]) ? LengthMax - 1 : LengthMax;
        return $"{Plain(value[..length])}… ({value.Length} characters)";
    }

    /// <summary>The whole value, in which a character that is not safe to show is written as in source code: <c>\n</c>, <c>\u001B</c>.</summary>
    /// <param name="value">Any text.</param>
    /// <param name="lines">Leaves line feeds and tabs as they are: the text has lines of its own.</param>
    public static string Plain(string value, bool lines = false)
    {
        if (value.AsSpan().IndexOfAny(_active) < 0 && IsWhole(value))
        {
            return value;
        }

        var plain = new StringBuilder(value.Length + 16);
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (char.IsSurrogate(c))
            {
                if (i + 1 < value.Length && char.IsSurrogatePair(c, value[i + 1]))
                {
                    plain.Append(c).Append(value[++i]);
                }
                else
                {
                    Escape(plain, c);
                }
            }
            else if (_active.Contains(c) && !(lines && c is '\n' or '\t'))
            {
                Escape(plain, c);
            }
            else
            {
                plain.Append(c);
            }
        }

        return plain.ToString();
    }

    /// <summary>Whether a text has no half of a character.</summary>
    public static bool IsWhole(ReadOnlySpan<char> text)
    {
        for (var at = text.IndexOfAnyInRange('\ud800', '\udfff'); at >= 0; at = text.IndexOfAnyInRange('\ud800', '\udfff'))
        {
            if (at + 1 == text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
            {
                return false;
            }

            text = text[(at + 2)..];
        }

        return true;
    }

    private static void Escape(StringBuilder plain, char c)
    {
        _ = c switch
        {
            '\n' => plain.Append("\\n"),
            '\r' => plain.Append("\\r"),
            '\t' => plain.Append("\\t"),
            _ => plain.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
        };
    }

    private static IEnumerable<char> Range(char first, char last) => Enumerable.Range(first, last - first + 1).Select(c => (char)c);
}
