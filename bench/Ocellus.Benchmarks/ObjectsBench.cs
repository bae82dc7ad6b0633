using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Ocellus.Storage;
using Ocellus.Tests;

namespace Ocellus.Benchmarks;

/// <summary>
/// Measures how much one client of the object store slows others down: a PUT while a large bucket is listed with a delimiter, and a GET while a bucket with
/// many unfinished uploads is deleted. Also measures the memory per object.
/// </summary>
internal static class ObjectsBench
{
    private const string Account = "123456789012";

    public static async Task<int> RunAsync(string[] arguments)
    {
        int keys = 200_000, uploads = 20_000, seconds = 20;
        var program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");
        for (var i = 0; i < arguments.Length; i += 2)
        {
            switch (arguments[i])
            {
                case "--keys": keys = int.Parse(arguments[i + 1], CultureInfo.InvariantCulture); break;
                case "--uploads": uploads = int.Parse(arguments[i + 1], CultureInfo.InvariantCulture); break;
                case "--seconds": seconds = int.Parse(arguments[i + 1], CultureInfo.InvariantCulture); break;
                case "--program": program = arguments[i + 1]; break;
                default: System.Console.Error.WriteLine($"{arguments[i]} is not an option of objects."); return 2;
            }
        }

        var data = Path.Combine(Path.GetTempPath(), "ocellus-bench-" + Guid.NewGuid().ToString("N"));
        try
        {
            DataDirectory.Open(data).Dispose();
            var empty = await ResidentAsync(program, data);
            Fill(Path.Combine(data, "objects"), keys, uploads);
            await using var server = await Server.StartAsync(program, data);
            await server.SendAsync(HttpMethod.Get, "/many", "list-type=2&max-keys=1");
            var full = await server.SettledAsync();
            System.Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"memory of {keys} objects: {(full - empty) >> 20} MB, {(full - empty) / (double)keys:0} bytes per object (resident, {empty >> 20} "
                        + $"MB before)"));

            var quiet = await server.TimesAsync(seconds / 2, i => (HttpMethod.Put, $"/other/k{i}", "x"u8.ToArray()));
            Print("PUT alone", quiet);
            using (var stop = new CancellationTokenSource())
            {
                var lists = 0;
                var listing = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
                {
                    while (!stop.IsCancellationRequested)
                    {
                        await server.SendAsync(HttpMethod.Get, "/many", "list-type=2&delimiter=%2F");
                        Interlocked.Increment(ref lists);
                    }
                })).ToList();
                var times = await server.TimesAsync(seconds, i => (HttpMethod.Put, $"/many/new/k{i}", "x"u8.ToArray()));
                await stop.CancelAsync();
                await Task.WhenAll(listing);
                Print($"PUT into the same bucket while 4 clients list {keys} keys with a delimiter ({lists} lists)", times);
            }

            Print("GET alone", await server.TimesAsync(seconds / 4, _ => (HttpMethod.Get, "/other/k0", null)));
            var deletion = Task.Run(() => server.SendAsync(HttpMethod.Delete, "/uploads", ""));
            var during = await server.TimesAsync(seconds, _ => (HttpMethod.Get, "/other/k0", null), deletion);
            await deletion;
            Print(string.Create(CultureInfo.InvariantCulture, $"GET of another bucket from the start of a DeleteBucket with {uploads} uploads"), during);
            System.Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"DeleteBucket took {server.DeleteMilliseconds:0} ms"));
            return 0;
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>Writes the store's files like the server, but without a flush for each, which would take an hour.</summary>
    private static void Fill(string root, int keys, int uploads)
    {
        foreach (var bucket in new[] { "many", "other", "uploads" })
        {
            Directory.CreateDirectory(Path.Combine(root, bucket));
            File.WriteAllText(
                Path.Combine(root, bucket, "bucket.json"),
                JsonSerializer.Serialize(new { Name = bucket, AccountId = Account, Region = "us-east-1", CreationDate = DateTimeOffset.UnixEpoch }));
        }

        var none = new Dictionary<string, string>();
        Parallel.For(0, keys, i =>
        {
            // Like an image uploaded by the AWS CLI: with a content type and a checksum.
            var key = string.Create(CultureInfo.InvariantCulture, $"images/set-{i % 10}/image-{i:D6}.jpg");
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
            var folder = Directory.CreateDirectory(Path.Combine(root, "many", hash[..2])).FullName;
            var file = $"{hash}.{Guid.NewGuid():N}.data";
            File.WriteAllText(Path.Combine(folder, file), "x");
            File.WriteAllText(Path.Combine(folder, hash + ".json"), JsonSerializer.Serialize(new
            {
                Key = key,
                Size = 1,
                ETag = "9dd4e461268c8034f5c8564e155c67a6",
                LastModified = DateTimeOffset.UnixEpoch,
                ContentType = "image/jpeg",
                UserMetadata = none,
                Headers = none,
                Checksums = new Dictionary<string, string> { ["crc64nvme"] = "6QDtCrXnhs0=" },
                ChecksumType = "FULL_OBJECT",
                Tags = none,
                DataFile = file,
            }));
        });
        Parallel.For(0, uploads, _ =>
        {
            var id = Guid.NewGuid().ToString("N");
            var folder = Directory.CreateDirectory(Path.Combine(root, "uploads", ".uploads", id)).FullName;
            var part = $"1.{Guid.NewGuid():N}.data";
            File.WriteAllText(Path.Combine(folder, part), "x");
            File.WriteAllText(
                Path.Combine(folder, "1.json"),
                JsonSerializer.Serialize(
                    new
                    {
                        Number = 1,
                        Size = 1,
                        ETag = "9dd4e461268c8034f5c8564e155c67a6",
                        LastModified = DateTimeOffset.UtcNow,
                        Checksums = none,
                        DataFile = part,
                    }));
            File.WriteAllText(
                Path.Combine(folder, "upload.json"),
                JsonSerializer.Serialize(
                    new { Id = id, Key = "key-" + id, Initiated = DateTimeOffset.UtcNow, UserMetadata = none, Headers = none, Tags = none }));
        });
    }

    private static async Task<long> ResidentAsync(string program, string data)
    {
        await using var server = await Server.StartAsync(program, data);
        return await server.SettledAsync();
    }

    private static void Print(string what, List<double> times)
    {
        times.Sort();
        System.Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture, $"{what}: {times.Count} requests, median {At(.5):0.0} ms, p99 {At(.99):0.0} ms, longest {times[^1]:0.0} ms"));

        double At(double share) => times[(int)(share * (times.Count - 1))];
    }

    /// <summary>A server process, and requests to it.</summary>
    private sealed class Server : IAsyncDisposable
    {
        private readonly HttpClient _client = new() { Timeout = TimeSpan.FromMinutes(10) };
        private Process _process = null!;
        private Uri _address = null!;
        private Signer _signer = null!;

        public double DeleteMilliseconds { get; private set; }

        public static async Task<Server> StartAsync(string program, string data)
        {
            var server = new Server();
            var start = new ProcessStartInfo("dotnet", [program, "serve", "--data", data, "--urls", "http://127.0.0.1:0", "--log-level", "Error"])
            {
                RedirectStandardOutput = true,
                WorkingDirectory = data,
            };
            start.Environment["MALLOC_ARENA_MAX"] = "2"; // as ./ocellus does
            server._process = Process.Start(start)!;
            var line = await server._process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server printed no address.");
            _ = server._process.StandardOutput.ReadToEndAsync();
            server._address = new Uri(line.Split(' ')[^1]);
            var credentials = File.ReadAllLines(Path.Combine(data, "credentials")).Select(l => l.Split('=', 2, StringSplitOptions.TrimEntries))
                .Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
            server._signer = new(credentials["aws_access_key_id"], credentials["aws_secret_access_key"], credentials["region"]);
            return server;
        }

        public async Task SendAsync(HttpMethod method, string path, string query, byte[]? body = null)
        {
            var started = Stopwatch.GetTimestamp();
            using var request = new HttpRequestMessage(
                method,
                Signer.Raw(
                    _address.GetLeftPart(UriPartial.Authority)
                        + path
                        + (query.Length == 0 ? "" : "?" + query)))
            { Content = body is null ? null : new ByteArrayContent(body) };
            _signer.Sign(request, "s3", Signer.HashOf(body ?? []));
            using var response = await _client.SendAsync(request);
            response.EnsureSuccessStatusCode();
            if (method == HttpMethod.Delete)
            {
                DeleteMilliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        }

        /// <summary>Sends requests one after another for some seconds, and until the given task has ended. Returns the milliseconds of each.</summary>
        public async Task<List<double>> TimesAsync(int seconds, Func<int, (HttpMethod Method, string Path, byte[]? Body)> request, Task? until = null)
        {
            var times = new List<double>();
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; Stopwatch.GetElapsedTime(start).TotalSeconds < seconds || until is { IsCompleted: false }; i++)
            {
                var (method, path, body) = request(i);
                var started = Stopwatch.GetTimestamp();
                await SendAsync(method, path, "", body);
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }

            return times;
        }

        /// <summary>Resident bytes once they are stable.</summary>
        public async Task<long> SettledAsync()
        {
            for (long last = 0; ;)
            {
                await Task.Delay(TimeSpan.FromSeconds(5));
                _process.Refresh();
                if (Math.Abs(_process.WorkingSet64 - last) < 1 << 20)
                {
                    return last;
                }

                last = _process.WorkingSet64;
            }
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            _client.Dispose();
        }
    }
}
