using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using NetVips;
using Ocellus.Projects;
using Ocellus.Tests;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Benchmarks;

/// <summary>
/// Measures a real server process over loopback with signed requests: how fast a model starts, responds and stops, its cost compared with a bare loop of
/// decoding and inference in one process, and the memory that remains. The client shares the server's cores.
/// </summary>
internal sealed class HostBench : IDisposable
{
    private const int Turns = 3;

    /// <summary>Number of starts and stops: enough for a p99.</summary>
    private const int Rounds = 100;

    private readonly BenchServer _server = new();
    private readonly byte[] _image;
    private TrainedModel? _model;

    private HostBench(byte[] image) => _image = image;

    /// <param name="args">IMAGE (resized to a JPEG of 500×375, or 640×480 for a detector) and optionally <c>--seconds N</c> of load and
    /// <c>--model FOLDER</c>.</param>
    public static async Task<int> RunAsync(string[] args)
    {
        var seconds = args.SkipWhile(a => a != "--seconds").Skip(1).Select(a => double.Parse(a, CultureInfo.InvariantCulture)).FirstOrDefault(8);
        var folder = args.SkipWhile(a => a != "--model").Skip(1).FirstOrDefault();
        var boxes = folder is not null
            && ModelDescription.FromJson(await File.ReadAllBytesAsync(Path.Combine(folder, ModelFiles.Description))).Kind == ModelKinds.Localization;
        byte[] image;
        using (var scaled = Image.Thumbnail(args[0], boxes ? 640 : 500, height: boxes ? 480 : 375, size: Enums.Size.Force))
        {
            image = scaled.JpegsaveBuffer(q: 90);
        }

        System.Console.WriteLine($"{Environment.ProcessorCount} cores, .NET {Environment.Version}, image of {image.Length:N0} bytes");
        using var bench = new HostBench(image);
        await bench._server.PrepareAsync(image, folder);
        bench._model = TrainedModel.Load(bench._server.ModelFolder);
        bench.Bare(seconds);
        await bench._server.OpenAsync();
        await bench.MeasureAsync(seconds);
        return 0;
    }

    public void Dispose()
    {
        _model?.Dispose();
        _server.Dispose();
    }

    /// <summary>Times decoding and inference alone.</summary>
    private void Bare(double seconds)
    {
        BareLoop(seconds);
        var model = _model!;
        double decode = Median(100, () => model.Prepare(_image, ImageLimits.Default));
        var prepared = model.Prepare(_image, ImageLimits.Default);
        double network = Median(100, () => model.Predict([prepared]));
        using var threaded = TrainedModel.Load(_server.ModelFolder, Environment.ProcessorCount);
        double several = Median(100, () => threaded.Predict([prepared]));
        System.Console.WriteLine($"bare: decoding {decode:F2} ms, network {network:F2} ms, with {Environment.ProcessorCount} threads {several:F2} ms");
        if (model.Description.Kind != ModelKinds.Localization)
        {
            var four = Enumerable.Repeat(prepared, 4).ToArray();
            System.Console.WriteLine($"bare: network for 4 together {Median(30, () => model.Predict(four)):F2} ms");
        }
    }

    /// <summary>The upper bound: decoding and inference in one process, one thread per core, without a server.</summary>
    private Throughput BareLoop(double seconds)
    {
        long count = 0;
        var cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            while (watch.Elapsed.TotalSeconds < seconds)
            {
                _model!.Predict([_model.Prepare(_image, ImageLimits.Default)]);
                Interlocked.Increment(ref count);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return new Throughput(count / watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds / count);
    }

    private async Task MeasureAsync(double seconds)
    {
        await Task.Delay(3000);
        System.Console.WriteLine($"resident, idle: {_server.Resident():F0} MB");
        var detect = JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = _server.Arn, Image = new { Bytes = _image } });
        for (var round = 1; round <= 2; round++)
        {
            var before = _server.Resident();
            var start = await _server.StartAsync();
            var running = _server.Resident();
            var first = await TimedAsync("DetectCustomLabels", detect);
            var single = new List<double>();
            var signed = _server.Signed("DetectCustomLabels", detect);
            using var alone = _server.Connect();
            for (var i = 0; i < 300; i++)
            {
                var started = Stopwatch.GetTimestamp();
                alone.Send(signed);
                single.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }

            System.Console.WriteLine(
                $"round {round}: start to RUNNING {start:F0} ms, first response {first.Milliseconds:F1} ms; one connection: median {At(single, .5):F1} ms, p99 "
                    + $"{At(single, .99):F1} ms");
            await CompareAsync(detect, seconds);
            var loaded = _server.Resident();
            var stop = await StopAsync();
            await Task.Delay(5000);
            System.Console.WriteLine(
                $"round {round}: stop call {stop.Call:F1} ms, to STOPPED {stop.Stopped:F0} ms; resident: before start {before:F0} MB, running {running:F0} "
                    + $"MB, after load {loaded:F0} MB, 5 s after stop {_server.Resident():F0} MB");
        }

        await _server.StartAsync();
        foreach (var pause in (TimeSpan[])[TimeSpan.Zero, TimeSpan.FromMilliseconds(100)])
        {
            using var ending = new CancellationTokenSource();
            List<double> describe = [];
            // Uses its own thread and connection, so that the times are the server's, without queueing behind the other requests in this process.
            var control = new Thread(() => describe = Control(ending.Token));
            control.Start();
            await LoadAsync(detect, 200, seconds, pause);
            await ending.CancelAsync();
            control.Join();
            System.Console.WriteLine($"meanwhile DescribeProjects: median {At(describe, .5):F1} ms, p99 {At(describe, .99):F1} ms of {describe.Count}");
        }

        await StopAsync();
        List<double> starts = [], calls = [], stops = [];
        for (var i = 0; i < Rounds; i++)
        {
            starts.Add(await _server.StartAsync());
            var (call, stopped) = await StopAsync();
            calls.Add(call);
            stops.Add(stopped);
        }

        System.Console.WriteLine(
            $"{Rounds} rounds: start to RUNNING median {At(starts, .5):F0} ms, worst {starts.Max():F0} ms; stop call median {At(calls, .5):F1} ms, p99 "
                + $"{At(calls, .99):F1} ms, worst {calls.Max():F1} ms; to STOPPED median {At(stops, .5):F0} ms, worst {stops.Max():F0} ms");
        await Task.Delay(5000);
        System.Console.WriteLine($"resident at the end: {_server.Resident():F0} MB");
    }

    /// <summary>Alternates eight connections with the bare loop: the machine's speed changes within a minute, so only adjacent runs are comparable.</summary>
    private async Task CompareAsync(byte[] detect, double seconds)
    {
        var before = BareLoop(seconds);
        for (var turn = 0; turn < Turns; turn++)
        {
            var served = await LoadAsync(detect, 8, seconds, TimeSpan.Zero);
            var after = BareLoop(seconds);
            System.Console.WriteLine(
                $"bare loop on {Environment.ProcessorCount} threads: {before.PerSecond:F0} images/s before, {after.PerSecond:F0} after; the server reached "
                    + $"{200 * served.PerSecond / (before.PerSecond + after.PerSecond):F0} % of it, and a response took "
                    + $"{served.Cpu - (before.Cpu + after.Cpu) / 2:F2} ms of CPU more than the {(before.Cpu + after.Cpu) / 2:F2} ms of an image there");
            before = after;
        }
    }

    /// <summary>Load on several connections. Each sends its next request after a response, or after a pause if it was refused.</summary>
    private async Task<Throughput> LoadAsync(byte[] detect, int connections, double seconds, TimeSpan pause)
    {
        var signed = _server.Signed("DetectCustomLabels", detect);
        var open = Enumerable.Range(0, connections).Select(_ => _server.Connect()).ToList();
        using var own = Process.GetCurrentProcess();
        var (cpu, client, watch) = (_server.CpuSeconds(), own.TotalProcessorTime.TotalSeconds, Stopwatch.StartNew());
        List<double> times = [], refused = [];
        var other = 0;
        await Task.WhenAll(open.Select(connection => Task.Run(async () =>
        {
            while (watch.Elapsed.TotalSeconds < seconds)
            {
                var started = Stopwatch.GetTimestamp();
                var status = await connection.SendAsync(signed);
                var milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                lock (times)
                {
                    (status == 200 ? times : refused).Add(milliseconds);
                    other += status is 200 or 400 ? 0 : 1;
                }

                if (status != 200 && pause > TimeSpan.Zero)
                {
                    await Task.Delay(pause);
                }
            }
        })));
        var elapsed = watch.Elapsed.TotalSeconds;
        cpu = _server.CpuSeconds() - cpu;
        own.Refresh();
        client = own.TotalProcessorTime.TotalSeconds - client;
        open.ForEach(c => c.Dispose());
        var paused = pause > TimeSpan.Zero ? $", {pause.TotalMilliseconds:F0} ms of pause after a refusal" : "";
        System.Console.WriteLine($"{connections} connections{paused}: {times.Count / elapsed:F0} answers/s, "
            + $"median {At(times, .5):F1} ms, p99 {At(times, .99):F1} ms; "
            + $"server {1000 * cpu / Math.Max(1, times.Count):F2} ms of CPU per answer, {cpu / elapsed:F2} cores, client {client / elapsed:F2} cores"
            + (refused.Count > 0
                ? $"; {refused.Count / elapsed:F0} refusals/s, median {At(refused, .5):F1} ms, p99 {At(refused, .99):F1} ms; {other} other"
                : ""));
        return new Throughput(times.Count / elapsed, 1000 * cpu / Math.Max(1, times.Count));
    }

    private List<double> Control(CancellationToken ending)
    {
        var times = new List<double>();
        using var connection = _server.Connect();
        var describe = _server.Signed("DescribeProjects", "{}"u8.ToArray());
        while (!ending.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            connection.Send(describe);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            Thread.Sleep(20);
        }

        return times;
    }

    private async Task<(double Call, double Stopped)> StopAsync()
    {
        var started = Stopwatch.GetTimestamp();
        var (status, call) = await TimedAsync("StopProjectVersion", JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = _server.Arn }));
        Debug.Assert(status == 200, "the version runs");
        await _server.WaitAsync("STOPPED");
        return (call, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    private async Task<(int Status, double Milliseconds)> TimedAsync(string operation, byte[] body)
    {
        var started = Stopwatch.GetTimestamp();
        return ((await _server.SendAsync(operation, body)).Status, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    private static double Median(int times, Action action)
    {
        action();
        var all = new List<double>();
        for (var i = 0; i < times; i++)
        {
            var started = Stopwatch.GetTimestamp();
            action();
            all.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return At(all, .5);
    }

    private static double At(List<double> values, double share) => values.Count == 0 ? double.NaN : values.Order().ElementAt((int)(share * (values.Count - 1)));

    /// <param name="PerSecond">Images per second.</param>
    /// <param name="Cpu">Milliseconds of CPU per image.</param>
    private readonly record struct Throughput(double PerSecond, double Cpu);
}
