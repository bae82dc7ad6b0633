using System.Buffers;
using System.Globalization;
using System.Text;

namespace Ocellus.Encodings;

/// <summary>Makes values that may be hostile or long safe to show to people.</summary>
internal static class Readable
{
    /// <summary>Maximum length of a received value in an error message, in characters.</summary>
    public const int LengthMax = 200;

    /// <summary>
    /// Characters that have an effect where they are shown, or that XML cannot represent: controls, line separators, direction marks and noncharacters.
    /// </summary>
    private static readonly SearchValues<char> _active = SearchValues.Create(
        [.. Range('\0', '\u001f'), .. Range('\u007f', '\u009f'), '\u061c', '\u200e', '\u200f', .. Range('\u2028', '\u202e'), .. Range('\u2066', '\u2069'),
            '\ufeff', '\ufffe', '\uffff']);

    /// <summary>Truncates a value to a readable length, and escapes what is unsafe in documents, logs and terminals.</summary>
    public static string Truncate(string value)
    {
        if (value.Length <= LengthMax)
        {
            return Plain(value);
        }

        // Never splits a surrogate pair.
        var length = char.IsHighSurrogate(value[LengthMax - 1]) ? LengthMax - 1 : LengthMax;
        return $"{Plain(value[..length])}… ({value.Length} characters)";
    }

    /// <summary>The whole value. Characters that are unsafe to show are escaped as in source code: <c>\n</c>, <c>\u001B</c>.</summary>
    /// <param name="value">Any text.</param>
    /// <param name="lines">Keeps line feeds and tabs, for a text of several lines.</param>
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

    /// <summary>Whether a text has no unpaired surrogate.</summary>
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
