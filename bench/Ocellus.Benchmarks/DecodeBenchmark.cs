using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Images;

namespace Ocellus.Benchmarks;

/// <summary>Decodes one image repeatedly to network size. Prints the best and the median time.</summary>
internal static class DecodeBenchmark
{
    public static int Run(string[] args)
    {
        int Option(string name, int fallback) => Array.IndexOf(args, name) is > 0 and var i ? int.Parse(args[i + 1], CultureInfo.InvariantCulture) : fallback;
        byte[] bytes = File.ReadAllBytes(args[0]);
        int side = Option("--side", 224), repeat = Option("--repeat", 100);
        var milliseconds = new double[repeat];
        for (int i = 0; i < repeat; i++)
        {
            long started = Stopwatch.GetTimestamp();
            _ = ImageDecoder.DecodeSquashed(bytes, side, side);
            milliseconds[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }

        Array.Sort(milliseconds);
        ImageHeader header = ImageDecoder.ReadHeader(bytes);
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{header.Format} {header.Width}x{header.Height} to {side}x{side}: best {milliseconds[0]:0.00} ms, median {milliseconds[repeat / 2]:0.00} ms"));
        return 0;
    }
}
