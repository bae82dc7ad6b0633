using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Ocellus.Vision.Tests.Embeddings;

/// <summary>The sample images of cells, with their labels.</summary>
internal static class SampleCells
{
    private static readonly Lazy<(byte[][] Files, string[] Labels)> _all = new(() => Read());

    public static byte[][] Files => _all.Value.Files;

    public static string[] Labels => _all.Value.Labels;

    private static (byte[][] Files, string[] Labels) Read([CallerFilePath] string path = "")
    {
        string folder = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "..", "samples", "cells"));
        Assert.SkipUnless(Directory.Exists(folder), "the samples are not here");
        var files = new List<byte[]>();
        var labels = new List<string>();
        foreach (string line in File.ReadLines(Path.Combine(folder, "train.manifest")))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            string source = json.RootElement.GetProperty("source-ref").GetString()!;
            files.Add(File.ReadAllBytes(Path.Combine(folder, source[(source.IndexOf("/cells/", StringComparison.Ordinal) + 7)..])));
            labels.Add(json.RootElement.EnumerateObject().First(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal))
                .Value.GetProperty("class-name").GetString()!);
        }

        return ([.. files], [.. labels]);
    }
}
