using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>A manifest that a command line names. Labels in another format are recognized, so that the message can say what is needed.</summary>
internal static class ManifestFile
{
    private const string Needed = "A manifest is a file of JSON Lines, one image a line; docs/manifests.md shows a line of each kind.";

    /// <summary>Characters that tell the formats apart.</summary>
    private const int HeadLength = 4096;

    /// <exception cref="CommandRefusedException">There is no such file, it is empty, or it is no manifest.</exception>
    public static void Check(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CommandRefusedException($"{path} is a folder. {Needed} {Convert(path)}");
        }

        if (!File.Exists(path))
        {
            throw new CommandRefusedException($"There is no manifest {path}.");
        }

        if (new FileInfo(path).Length == 0)
        {
            // A pipe has no length; it could be read only once.
            throw new CommandRefusedException($"{path} is empty, or is no regular file. {Needed}");
        }

        if (Kind(Head(path)) is { } kind)
        {
            throw new CommandRefusedException($"{path} looks like {kind}. {Needed} {Convert(path)}");
        }
    }

    /// <summary>What a text is if it is no JSON Lines; null if it may be.</summary>
    internal static string? Kind(string head)
    {
        var text = head.TrimStart('\ufeff', ' ', '\t', '\r', '\n');
        var first = text.Split('\n', 2)[0].TrimEnd('\r', ' ');
        return text.StartsWith('<') ? "XML, such as Pascal VOC writes for each image"
            : text.StartsWith('[') ? "one JSON array"
            : text.StartsWith('{') && first.Length < head.Length && !first.EndsWith('}')
                ? text.Contains("\"annotations\"", StringComparison.Ordinal) || text.Contains("\"categories\"", StringComparison.Ordinal)
                    ? "one JSON document over several lines, such as COCO's"
                    : "one JSON document over several lines"
            : !text.StartsWith('{') && first.AsSpan().IndexOfAny(',', ';', '\t') > 0 ? "a table of comma-separated values"
            : null;
    }

    /// <summary>What makes a manifest of other formats.</summary>
    private static string Convert(string path) => $"`ocellus convert {path} --out DIR` makes one of COCO, YOLO, Pascal VOC, CSV, folders and others.";

    private static string Head(string path)
    {
        using var reader = new StreamReader(path);
        var head = new char[HeadLength];
        return new string(head, 0, reader.ReadBlock(head, 0, head.Length));
    }
}
