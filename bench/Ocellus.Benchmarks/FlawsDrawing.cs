using System.Globalization;
using System.Text;

namespace Ocellus.Benchmarks;

/// <summary>
/// Draws photographs of ceramic parts with four kinds of flaw: blowholes (round, small), breaks (rough, dark), cracks (thin, long, faint) and frays (patches
/// of another grain). Grey, 200 to 500 pixels, with grinding marks and stains that are no flaws. The same seed draws the same set.
/// </summary>
internal static class FlawsDrawing
{
    /// <summary>The labels, by class id.</summary>
    public static readonly string[] Labels = ["blowhole", "break", "crack", "fray"];

    private const int TrainingImages = 166, TestImages = 80;

    /// <summary>Draws a set to FOLDER: images, train.manifest and test.manifest, as <see cref="BoxesBenchmark"/> reads them.</summary>
    public static int Run(string[] args)
    {
        string folder = Path.GetFullPath(args[0]), name = Path.GetFileName(folder);
        int seed = Array.IndexOf(args, "--seed") is >= 0 and var at ? int.Parse(args[at + 1], CultureInfo.InvariantCulture) : 0;
        Directory.CreateDirectory(Path.Combine(folder, "images"));
        var sides = new List<double>();
        foreach ((string part, int count, int salt) in (ReadOnlySpan<(string, int, int)>)[("train", TrainingImages, 1), ("test", TestImages, 2)])
        {
            var lines = new StringBuilder();
            for (int i = 0; i < count; i++)
            {
#pragma warning disable CA5394 // Not security: a seed must draw the same set.
                FlawsImage image = FlawsImage.Draw(new Random(seed * 1_000_003 + salt * 10_007 + i));
#pragma warning restore CA5394
                string file = $"images/{part}-{i:000}.jpg";
                image.Save(Path.Combine(folder, file));
                lines.Append(Line($"s3://datasets/{name}/{file}", image)).Append('\n');
                sides.AddRange(image.Boxes.Select(b => Math.Sqrt((double)b.Width * b.Height)));
            }

            File.WriteAllText(Path.Combine(folder, part + ".manifest"), lines.ToString());
        }

        sides.Sort();
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{TrainingImages} training and {TestImages} test images, {sides.Count} boxes; half of them are smaller than {sides[sides.Count / 2]:0} pixels."));
        return 0;
    }

    private static string Line(string source, FlawsImage image)
    {
        string size = $$"""[{"width": {{image.Width}}, "height": {{image.Height}}, "depth": 3}]""";
        string boxes = string.Join(", ", image.Boxes.Select(b =>
            $$"""{"class_id": {{b.Label}}, "left": {{b.Left}}, "top": {{b.Top}}, "width": {{b.Width}}, "height": {{b.Height}}}"""));
        string classes = string.Join(", ", Labels.Select((label, id) => $"\"{id}\": \"{label}\""));
        string confidences = string.Join(", ", image.Boxes.Select(_ => """{"confidence": 1}"""));
        return $$$"""
            {"source-ref": "{{{source}}}", "boxes": {"image_size": {{{size}}}, "annotations": [{{{boxes}}}]},
            """ + $$$"""
             "boxes-metadata": {"objects": [{{{confidences}}}], "class-map": { {{{classes}}} }, "type": "groundtruth/object-detection",
            """ + """ "human-annotated": "yes", "creation-date": "2026-01-01T00:00:00", "job-name": "flaws"}}""";
    }
}
