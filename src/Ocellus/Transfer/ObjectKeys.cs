using System.Text;

namespace Ocellus.Transfer;

/// <summary>Keys for files of any name. A name that is fine stays as it is, with blanks and in any script; each name has a key of its own.</summary>
internal static class ObjectKeys
{
    /// <summary>Bytes of a key that is made here: S3 takes 1,024, and tools add to them.</summary>
    private const int BytesMax = 800;

    /// <summary>Hexadecimal digits that tell two names apart which would get the same key.</summary>
    private const int DigitsOfName = 12;

    /// <summary>The key of a file.</summary>
    /// <param name="prefix">What all keys begin with; the slash is added.</param>
    /// <param name="name">Name of the file, with slashes.</param>
    public static string Of(string prefix, string name)
    {
        // Clients and browsers resolve '.' and '..' in addresses, and empty parts are lost on disks.
        var parts = name.Split('/').Select(p => p is "" or "." or ".." ? "_" : Clean(p));
        var key = $"{prefix}/{string.Join('/', parts)}";
        if (key == $"{prefix}/{name}" && Encoding.UTF8.GetByteCount(key) <= BytesMax)
        {
            return key;
        }

        var suffix = Path.GetExtension(key) is { Length: <= 12 } usual ? usual : "";
        var mark = $"-{EntryLine.Digest(name):x16}"[..(DigitsOfName + 1)];
        return Truncate(key[..^suffix.Length], BytesMax - mark.Length - Encoding.UTF8.GetByteCount(suffix)) + mark + suffix;
    }

    private static string Clean(string part)
    {
        var text = new StringBuilder(part.Length);
        foreach (var rune in part.EnumerateRunes())
        {
            // A half of a surrogate pair, which a file system may have, is enumerated as U+FFFD.
            text.Append(Rune.IsControl(rune) || rune.Value is '\\' or 0xFFFD or 0xFFFE or 0xFFFF or 0x2028 or 0x2029 ? "_" : rune.ToString());
        }

        return text.ToString();
    }

    private static string Truncate(string text, int bytesMax)
    {
        var length = 0;
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > bytesMax)
            {
                return text[..length];
            }

            length += rune.Utf16SequenceLength;
        }

        return text;
    }
}
