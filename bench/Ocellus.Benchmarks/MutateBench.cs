using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using NetVips;
using Ocellus.Tests;

namespace Ocellus.Benchmarks;

/// <summary>
/// Sends thousands of damaged images to DetectCustomLabels of a real server process. Each must be answered or refused as an image, without internal errors; the
/// server must survive, and its memory must not grow.
/// </summary>
internal static class MutateBench
{
    private const int Connections = 4;

    /// <summary>Images per memory sample. The first round warms the server up.</summary>
    private const int Round = 1000;

    /// <summary>The errors allowed for a damaged image.</summary>
    private static readonly string[] s_refusals = ["InvalidImageFormatException", "InvalidParameterException", "ImageTooLargeException", "ValidationException"];

    /// <param name="args">IMAGE (resized to 120×90 and saved as seven kinds of JPEG and PNG), <c>--count N</c>, <c>--seed S</c>, <c>--from N</c> to continue
    /// after a run of the same seed, <c>--seconds N</c> to end earlier.</param>
    /// <returns>0 if everything held, otherwise 1.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        int Option(string name, int fallback) => Array.IndexOf(args, name) is > 0 and var i ? int.Parse(args[i + 1], CultureInfo.InvariantCulture) : fallback;
        int count = Option("--count", 10_000), seed = Option("--seed", Random.Shared.Next());
        int first = Option("--from", 0), seconds = Option("--seconds", int.MaxValue);
        var end = first + count;
        var whole = Kinds(args[0]);
        System.Console.WriteLine(
            $"{count:N0} damaged images of {whole.Length} kinds ({whole.Min(w => w.Length):N0} to {whole.Max(w => w.Length):N0} bytes), seed {seed}, "
                + $"{Connections} connections, {Environment.ProcessorCount} cores, .NET {Environment.Version}");
        using var server = new BenchServer();
        await server.PrepareAsync(whole[0]);
        await server.OpenAsync();
        await server.StartAsync();
        System.Console.WriteLine($"resident, model running: {server.Resident():F0} MB");

        var answers = new ConcurrentDictionary<string, int>();
        var faults = 0;
        double slowest = 0, warm = 0;
        var watch = Stopwatch.StartNew();
        for (var from = first; from < end && watch.Elapsed.TotalSeconds < seconds; from += Round)
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Connections };
            await Parallel.ForEachAsync(Enumerable.Range(from, Math.Min(Round, end - from)), options, async (i, _) =>
            {
                // Each image has its own seed, so that it can be reproduced.
                var image = ImageMutations.Mutate(whole[i % whole.Length], new Random(HashCode(seed, i)));
                var started = Stopwatch.GetTimestamp();
                var answer = await SendAsync(server, image);
                answers.AddOrUpdate(answer, 1, (_, n) => n + 1);
                InterlockedMax(ref slowest, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                if (answer != "answered" && !s_refusals.Contains(answer))
                {
                    Interlocked.Increment(ref faults);
                    var file = Path.Combine(Path.GetTempPath(), $"ocellus-mutate-{seed}-{i}");
                    await File.WriteAllBytesAsync(file, image, CancellationToken.None);
                    System.Console.WriteLine($"image {i}: {answer}; kept as {file}");
                }
            });
            warm = from == first ? server.Resident() : warm;
            System.Console.WriteLine($"{Math.Min(end, from + Round):N0} after {watch.Elapsed.TotalSeconds:F0} s: resident {server.Resident():F0} MB");
            if (!server.IsRunning)
            {
                break;
            }
        }

        var last = server.IsRunning ? await SendAsync(server, whole[0]) : "the server has ended";
        System.Console.WriteLine(string.Join(", ", answers.OrderByDescending(a => a.Value).Select(a => $"{a.Key} {a.Value:N0}")));
        System.Console.WriteLine(
            $"slowest {slowest:F0} ms; resident after the first {Round:N0} {warm:F0} MB, at the end {(server.IsRunning ? server.Resident() : 0):F0} MB; "
                + $"{faults} faults; the whole image at the end: {last}");
        return faults == 0 && last == "answered" ? 0 : 1;
    }

    private static byte[][] Kinds(string file)
    {
        // A thumbnail can be read only once, so it is copied to memory.
        using var once = Image.Thumbnail(file, 120, height: 90, size: Enums.Size.Force);
        using var image = once.CopyMemory();
        using var rotated = image.Mutate(m => m.Set(GValue.GIntType, "orientation", 6));
        using var cmyk = image.IccTransform("cmyk", inputProfile: "srgb");
        return
        [
            image.JpegsaveBuffer(q: 85),
            image.JpegsaveBuffer(q: 85, interlace: true),
            rotated.JpegsaveBuffer(q: 85),
            cmyk.JpegsaveBuffer(q: 85, keep: Enums.ForeignKeep.None),
            image.PngsaveBuffer(),
            image.PngsaveBuffer(interlace: true),
            image.PngsaveBuffer(palette: true),
        ];
    }

    private static async Task<string> SendAsync(BenchServer server, byte[] image)
    {
        try
        {
            var (status, body) = await server.SendAsync(
                "DetectCustomLabels", JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = server.Arn, Image = new { Bytes = image } }));
            return status == 200 ? "answered" : JsonDocument.Parse(body).RootElement.GetProperty("__type").GetString()!;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or JsonException)
        {
            return failure.Message;
        }
    }

    // Not HashCode.Combine, which differs between processes.
    private static int HashCode(int seed, int index) => unchecked((seed * 397) ^ index);

    private static void InterlockedMax(ref double max, double value)
    {
        for (double now; (now = Volatile.Read(ref max)) < value && Interlocked.CompareExchange(ref max, value, now) != now;)
        {
        }
    }
}
