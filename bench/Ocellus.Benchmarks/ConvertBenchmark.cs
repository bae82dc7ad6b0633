using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ocellus.Formats;

namespace Ocellus.Benchmarks;

/// <summary>
/// Converts a COCO document of the size of train2017: 118,000 images, seven annotations each, of which each has a polygon of 40 points. The pictures are not
/// there, as in a conversion of labels alone. Prints time and the largest memory of the process, which makes the document first and then does nothing else.
/// With <c>--folder N</c> instead a folder of N pictures, each 4 KB, in one folder a label, which are copied.
/// </summary>
internal static class ConvertBenchmark
{
    private const int Points = 40, Labels = 80, Each = 7;

    public static int Run(string[] args)
    {
        string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var i ? args[i + 1] : null;
        var images = int.Parse(Option("--images") ?? "118000", CultureInfo.InvariantCulture);
        var to = DataFormats.Parse(Option("--to") ?? "manifest")!.Value;
        var top = Directory.CreateTempSubdirectory("ocellus-bench-").FullName;
        try
        {
            var file = Path.Combine(top, "instances_train2017.json");
            if (Option("--folder") is { } pictures)
            {
                MakeFolder(file = Path.Combine(top, "photos"), int.Parse(pictures, CultureInfo.InvariantCulture));
                System.Console.WriteLine($"{pictures} pictures in one folder");
            }
            else
            {
                Make(file, images);
                System.Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"{images:N0} images, {images * Each:N0} annotations, {new FileInfo(file).Length / 1e6:0} MB"));
            }

            using var process = Process.GetCurrentProcess();
            var (started, began) = (Stopwatch.GetTimestamp(), process.TotalProcessorTime);
            using var reader = SourceReader.Open(file, new SourceOptions());
            var result = Conversion.Run(reader, new ConversionPlan(to, Path.Combine(top, "out")), null, CancellationToken.None);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            process.Refresh();
            System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{reader.Format.Title()} to {to.Word()}: {result.ImageCount:N0} images, {result.Boxes:N0} boxes in {seconds:0.0} s "
                    + $"({(process.TotalProcessorTime - began).TotalSeconds:0.0} s of processor time), {process.PeakWorkingSet64 / 1e6:0} MB at most"));
            return 0;
        }
        finally
        {
            Directory.Delete(top, recursive: true);
        }
    }

    private static void MakeFolder(string folder, int pictures)
    {
        var label = Directory.CreateDirectory(Path.Combine(folder, "rose")).FullName;
        var bytes = new byte[4096];
        for (var i = 0; i < pictures; i++)
        {
            BitConverter.TryWriteBytes(bytes, i);
            File.WriteAllBytes(Path.Combine(label, string.Create(CultureInfo.InvariantCulture, $"{i:00000000}.jpg")), bytes);
        }
    }

    private static void Make(string file, int images)
    {
        var random = new Random(0);
        using var text = new StreamWriter(file, false, new UTF8Encoding(false), 1 << 20);
        text.Write("{\"info\":{\"year\":2017},\"images\":[");
        for (var i = 0; i < images; i++)
        {
            text.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"{(i > 0 ? "," : "")}{{\"license\":3,\"file_name\":\"{i:000000000000}.jpg\",\"height\":480,\"width\":640,"
                    + $"\"date_captured\":\"2013-11-14 11:18:45\",\"id\":{i}}}"));
        }

        text.Write("],\"annotations\":[");
        var polygon = new StringBuilder();
        for (var i = 0; i < images * Each; i++)
        {
            double left = random.NextDouble() * 500, top = random.NextDouble() * 400, width = 10 + (random.NextDouble() * 100);
            var height = 10 + (random.NextDouble() * 60);
            polygon.Clear();
            for (var p = 0; p < Points; p++)
            {
                polygon.Append(CultureInfo.InvariantCulture,
                    $"{(p > 0 ? "," : "")}{left + (random.NextDouble() * width):0.00},{top + (random.NextDouble() * height):0.00}");
            }

            text.Write(string.Create(
                CultureInfo.InvariantCulture,
                $"{(i > 0 ? "," : "")}{{\"segmentation\":[[{polygon}]],\"area\":{width * height:0.00},\"iscrowd\":0,\"image_id\":{random.Next(images)},"
                    + $"\"bbox\":[{left:0.00},{top:0.00},{width:0.00},{height:0.00}],\"category_id\":{1 + random.Next(Labels)},\"id\":{i}}}"));
        }

        text.Write("],\"categories\":[");
        text.Write(string.Join(",", Enumerable.Range(1, Labels).Select(i => $"{{\"supercategory\":\"thing\",\"id\":{i},\"name\":\"label {i}\"}}")));
        text.Write("]}");
    }
}
