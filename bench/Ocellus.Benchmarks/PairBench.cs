using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using NetVips;
using Ocellus.Commands;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Benchmarks;

/// <summary>
/// Compares servers of the same classifier in turns, in one run: Ocellus in float, Ocellus with 8 bits, and if there is one a plain server elsewhere (see
/// bench/peer). The machine's speed changes within a minute, so only what was measured side by side is comparable.
/// </summary>
internal static class PairBench
{
    /// <param name="args">
    /// IMAGE, <c>--model MODEL.zip</c> of <c>train --precision int8</c>, and optionally <c>--peer URL</c>, <c>--seconds N</c> of each turn,
    /// <c>--turns N</c> and <c>--connections N</c>.
    /// </param>
    public static async Task<int> RunAsync(string[] args)
    {
        string? Text(string name) => Array.IndexOf(args, name) is > 0 and var i ? args[i + 1] : null;
        double Number(string name, double fallback) => Text(name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : fallback;
        var path = Text("--model") ?? throw new ArgumentException("--model names the model.zip of `ocellus train --precision int8`.");
        double seconds = Number("--seconds", 8);
        int turns = (int)Number("--turns", 5), connections = (int)Number("--connections", 8);
        byte[] image;
        using (var scaled = Image.Thumbnail(args[0], 500, height: 375, size: Enums.Size.Force))
        {
            image = scaled.JpegsaveBuffer(q: 90);
        }

        System.Console.WriteLine(
            $"{Environment.ProcessorCount} cores, .NET {Environment.Version}, image of {image.Length:N0} bytes; {Int8Speed.Here.Sentence}");
        var work = Directory.CreateTempSubdirectory("ocellus-pair-").FullName;
        var sides = new List<Side>();
        try
        {
            foreach (var (name, real) in new[] { ("float", true), ("int8", false) })
            {
                var (model, description) = ModelArchive.Read(path, real);
                if (!real && description.Precision != ModelPrecisions.EightBit)
                {
                    System.Console.Error.WriteLine($"{path} has no 8-bit model: train it with --precision int8.");
                    return 2;
                }

                ModelFiles.Save(Path.Combine(work, name), model, description);
                sides.Add(await Side.OpenAsync(name, Path.Combine(work, name), image));
            }

            Bare(work, image);
            if (Text("--peer") is { } peer)
            {
                sides.Add(Side.Plain(new Uri(peer), image));
            }

            for (var turn = 0; turn < turns; turn++)
            {
                foreach (var side in sides)
                {
                    await side.LoadAsync(connections, seconds);
                }
            }

            foreach (var side in sides)
            {
                side.Print(connections);
            }

            foreach (var other in sides.Where(s => s != sides[1]))
            {
                // Turn by turn, and of these the middle one.
                System.Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"int8 answers {Median(sides[1].PerSecond.Zip(other.PerSecond, (a, b) => a / b)):0.00} times as many as {other.Name} "
                    + $"({string.Join(", ", sides[1].PerSecond.Zip(other.PerSecond, (a, b) => (a / b).ToString("0.00", CultureInfo.InvariantCulture)))})"));
            }

            return 0;
        }
        finally
        {
            sides.ForEach(s => s.Dispose());
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Decoding and the passes of both models on one thread, in turns, without a server.</summary>
    private static void Bare(string work, byte[] image)
    {
        using TrainedModel real = TrainedModel.Load(Path.Combine(work, "float")), small = TrainedModel.Load(Path.Combine(work, "int8"));
        var prepared = real.Prepare(image, ImageLimits.Default);
        Action[] actions = [() => real.Prepare(image, ImageLimits.Default), () => real.Predict([prepared]), () => small.Predict([prepared])];
        List<double>[] times = [[], [], []];
        for (var i = 0; i < 300 * actions.Length; i++)
        {
            var started = Stopwatch.GetTimestamp();
            actions[i % actions.Length]();
            times[i % actions.Length].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        double[] medians = [.. times.Select(Median)];
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"bare, one thread: decoding {medians[0]:0.00} ms, float {medians[1]:0.00} ms, int8 {medians[2]:0.00} ms: "
            + $"{medians[1] / medians[2]:0.00} times as fast, with decoding {(medians[0] + medians[1]) / (medians[0] + medians[2]):0.00} times"));
    }

    private static double Median(IEnumerable<double> values) => At([.. values], .5);

    private static double At(List<double> values, double share) => values.Count == 0 ? double.NaN : values.Order().ElementAt((int)(share * (values.Count - 1)));

    /// <summary>One of the servers.</summary>
    private sealed class Side(string name, BenchServer? server, IPEndPoint address, byte[] request) : IDisposable
    {
        private readonly List<double> _times = [];
        private readonly List<double> _cpu = [];
        private double _startMilliseconds, _idle;
        private int _failed;

        public string Name => name;

        /// <summary>Answers a second, a number for each turn.</summary>
        public List<double> PerSecond { get; } = [];

        public static async Task<Side> OpenAsync(string name, string folder, byte[] image)
        {
            var server = new BenchServer();
            await server.PrepareAsync(image, folder);
            await server.OpenAsync();
            var idle = server.Resident();
            List<double> starts = [];
            for (var i = 0; i < 5; i++)
            {
                starts.Add(await server.StartAsync());
                if (i < 4)
                {
                    await server.SendAsync("StopProjectVersion", JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = server.Arn }));
                    await server.WaitAsync("STOPPED");
                }
            }

            System.Console.WriteLine($"{name}: start to RUNNING {string.Join(", ", starts.Select(s => s.ToString("0", CultureInfo.InvariantCulture)))} ms");
            var body = JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = server.Arn, Image = new { Bytes = image } });
            return new Side(name, server, new(IPAddress.Loopback, server.Address.Port), server.Signed("DetectCustomLabels", body))
            {
                _startMilliseconds = Median(starts),
                _idle = idle,
            };
        }

        /// <summary>A server that takes a JPEG as it is.</summary>
        public static Side Plain(Uri url, byte[] image)
        {
            byte[] head = Encoding.ASCII.GetBytes(
                $"POST {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nContent-Type: image/jpeg\r\nContent-Length: {image.Length}\r\n\r\n");
            return new Side("plain", null, new(IPAddress.Loopback, url.Port), [.. head, .. image]);
        }

        public async Task LoadAsync(int connections, double seconds)
        {
            var open = Enumerable.Range(0, connections).Select(_ => new SignedConnection(address)).ToList();
            var (cpu, count, watch) = (server?.CpuSeconds() ?? 0, 0, Stopwatch.StartNew());
            await Task.WhenAll(open.Select(connection => Task.Run(async () =>
            {
                while (watch.Elapsed.TotalSeconds < seconds)
                {
                    var started = Stopwatch.GetTimestamp();
                    var status = await connection.SendAsync(request);
                    lock (_times)
                    {
                        if (status == 200)
                        {
                            count++;
                            _times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                        }
                        else
                        {
                            _failed++;
                        }
                    }
                }
            })));
            PerSecond.Add(count / watch.Elapsed.TotalSeconds);
            _cpu.Add(1000 * ((server?.CpuSeconds() ?? 0) - cpu) / Math.Max(1, count));
            open.ForEach(c => c.Dispose());
        }

        public void Print(int connections)
        {
            var own = server is null
                ? ""
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"; {Median(_cpu):0.0} ms of CPU an answer; start {_startMilliseconds:0} ms; resident {_idle:0} MB before the first start, "
                    + $"{server.Resident():0} MB now");
            System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}, {connections} connections: median {Median(PerSecond):0} answers/s ({string.Join(", ", PerSecond.Select(p => Math.Round(p)))}), "
                + $"p50 {At(_times, .5):0.0} ms, p99 {At(_times, .99):0.0} ms{own}{(_failed > 0 ? $"; {_failed} refused" : "")}"));
        }

        public void Dispose() => server?.Dispose();
    }
}
