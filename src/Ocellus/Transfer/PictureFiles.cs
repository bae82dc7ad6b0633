using System.Text;
using Ocellus.Formats;
using Ocellus.Formats.Writers;

namespace Ocellus.Transfer;

/// <summary>Names on disk for pictures of an object store: any file system takes them, no reader of sources passes them over, and no two objects share
/// one.</summary>
internal static class PictureFiles
{
    /// <summary>Bytes of a part of a name beyond which it is cut: file systems take 255, and a digest and suffixes are added.</summary>
    private const int PartBytesMax = 200;

    /// <summary>Characters that are left of a part that is cut: no more than 180 bytes.</summary>
    private const int PartLength = 60;

    /// <summary>The name, relative to the folder of the pictures; without a suffix if the key has none of a picture.</summary>
    public static string NameOf(string bucket, string key)
    {
        var usual = ObjectKeys.Of(bucket, key);
        var name = string.Join('/', usual.Split('/').Select(Part));
        if (name == usual && SourceTree.IsImage(name))
        {
            return name;
        }

        var suffix = SourceTree.IsImage(key) ? Path.GetExtension(key) : "";
        var stem = name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name;
        return $"{stem}-{EntryLine.Digest($"{bucket}/{key}"):x16}{suffix}";
    }

    /// <summary>What may follow such a name on disk.</summary>
    public static string[] Suffixes(string name) => SourceTree.IsImage(name) ? [""] : [".jpg", ".png"];

    /// <summary>What follows such a name for a content: readers of sources tell pictures by their suffix.</summary>
    public static string SuffixOf(string name, ReadOnlySpan<byte> content) =>
        SourceTree.IsImage(name) ? "" : content is [0x89, (byte)'P', (byte)'N', (byte)'G', ..] ? ".png" : ".jpg";

    private static string Part(string part)
    {
        var clean = OutputNames.Clean(part);
        // Hidden files, and the parents of folders.
        clean = clean.StartsWith('.') ? "_" + clean : clean;
        if (Encoding.UTF8.GetByteCount(clean) <= PartBytesMax)
        {
            return clean;
        }

        return char.IsHighSurrogate(clean[PartLength - 1]) ? clean[..(PartLength - 1)] : clean[..PartLength];
    }
}
