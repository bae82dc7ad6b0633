using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Ocellus.Formats.Writers;

/// <summary>
/// Names of folders for labels, where the folder is all that tells the label. What no folder may have is written as <c>%2F</c>, so that two labels never share
/// a folder, and the label comes back when the folder is read.
/// </summary>
internal static partial class FolderNames
{
    /// <summary>UTF-8 bytes of a folder's name; file systems take 255.</summary>
    public const int BytesMax = 255;

    /// <summary>What Windows refuses, and the slash.</summary>
    private const string Unwanted = "<>:\"/|?*\\\u007f";

    /// <summary>The folder of a label.</summary>
    public static string Of(string label)
    {
        var text = new StringBuilder(label.Length);
        for (var i = 0; i < label.Length; i++)
        {
            var c = label[i];
            var isUnwanted = c < ' ' || Unwanted.Contains(c, StringComparison.Ordinal)
                // Windows loses these at the end of a name, and hidden folders are not read.
                || (i == label.Length - 1 && c is ' ' or '.') || (i == 0 && c == '.')
                // What looks as if it were written so.
                || (c == '%' && Written().IsMatch(label[i..Math.Min(label.Length, i + 3)]));
            _ = isUnwanted ? text.Append(CultureInfo.InvariantCulture, $"%{(int)c:X2}") : text.Append(c);
        }

        var name = text.ToString();
        // A folder of such a name would be read as a part of the data, or not at all.
        return SplitNames.Of(name) is not (null or Split.None) || SourceTree.IsHidden(name)
            ? string.Create(CultureInfo.InvariantCulture, $"%{(int)name[0]:X2}{name[1..]}")
            : name;
    }

    /// <summary>The label of a folder.</summary>
    public static string LabelOf(string folder) => folder.Contains('%', StringComparison.Ordinal)
        ? Written().Replace(folder, match => ((char)int.Parse(match.ValueSpan[1..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToString())
        : folder;

    /// <summary>A character of ASCII as this class writes it.</summary>
    [GeneratedRegex("%[0-7][0-9A-F]")]
    private static partial Regex Written();
}
