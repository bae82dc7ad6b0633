namespace Ocellus.Objects.Files;

/// <summary>Compares by UTF-8 bytes. This differs from UTF-16 order where surrogates meet characters from U+E000 on.</summary>
internal sealed class Utf8Order : IComparer<string>
{
    public static readonly Utf8Order Keys = new();

    public int Compare(string? x, string? y)
    {
        var a = x.AsSpan();
        var b = y.AsSpan();
        var common = a.CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
        {
            return a.Length - b.Length;
        }

        var (c, d) = (a[common], b[common]);
        var (high, other) = (char.IsSurrogate(c), char.IsSurrogate(d));
        return high == other ? c - d : high ? (d >= 0xE000 ? 1 : c - d) : (c >= 0xE000 ? -1 : c - d);
    }
}
