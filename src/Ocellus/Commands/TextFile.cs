using System.Text;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>Text files that a command line names. Those that are not UTF-8 are refused: their content could only be guessed.</summary>
internal static class TextFile
{
    /// <summary>A whole file. A file that begins as UTF-16 is read as such, because some editors write it.</summary>
    /// <exception cref="CommandRefusedException">It is not UTF-8.</exception>
    public static string Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        _ = reader.Peek();
        return reader.CurrentEncoding is UTF8Encoding && Unicode.NotUtf8(bytes) is { } where
            ? throw new CommandRefusedException($"{path} is not UTF-8: {where}. Save it as UTF-8.")
            : reader.ReadToEnd();
    }

    /// <summary>One line of a manifest.</summary>
    /// <exception cref="CommandRefusedException">It is not UTF-8.</exception>
    public static void Check(string manifest, ParsedLine line)
    {
        if (line.EncodingFault is { } fault)
        {
            throw new CommandRefusedException($"{manifest}: {fault}");
        }
    }
}
