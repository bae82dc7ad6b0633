using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using NetVips;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Tests;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Benchmarks;

/// <summary>A real server process with a temporary data directory and one trained version. Sends signed requests to it.</summary>
internal sealed class BenchServer : IDisposable
{
    private const string Account = "123456789012";

    private readonly string _data = Path.Combine(Path.GetTempPath(), "ocellus-bench-" + Guid.NewGuid().ToString("N"));
    private readonly HttpClient _client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1000 });
    private Process _server = null!;

    /// <summary>The trained version.</summary>
    public string Arn { get; private set; } = "";

    /// <summary>The server's address.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Signs with the key of the credentials file.</summary>
    public Signer Signer { get; private set; } = null!;

    /// <summary>The folder of the version's model.</summary>
    public string ModelFolder => Path.Combine(_data, "models", Account, "model");

    /// <summary>The data directory.</summary>
    public string DataFolder => _data;

    /// <summary>Whether the process is running.</summary>
    public bool IsRunning => !_server.HasExited;

    public void Dispose()
    {
        if (_server is { HasExited: false })
        {
            _server.Kill();
            _server.WaitForExit();
        }

        _server?.Dispose();
        _client.Dispose();
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    /// <summary>Creates a data directory with one trained version.</summary>
    /// <param name="image">The image that the training images are made from.</param>
    /// <param name="model">Folder of model.onnx and model.json; null for a new 224 px classifier of two labels.</param>
    public async Task PrepareAsync(byte[] image, string? model = null)
    {
        using var data = DataDirectory.Open(_data);
        var caller = new Caller(Account, "us-east-1", "bench", "bench");
        var project = await new ProjectCatalog(data, TimeProvider.System).CreateAsync(caller, "bench", null, default);
        var versions = new VersionCatalog(data, TimeProvider.System, Options.Create(new QuotaOptions()));
        var arn = await versions.CreateAsync(
            caller, new NewVersion(project.ToString(), "v1", ProjectVersionStatus.TRAINING_IN_PROGRESS, "model", "bucket", ""), default);
        Arn = arn.ToString();
        if (model is null)
        {
            var trained = Train(image);
            ModelFiles.Save(ModelFolder, trained.Model, trained.Description);
        }
        else
        {
            var eightBit = Path.Combine(model, ModelFiles.EightBit);
            ModelFiles.Save(
                ModelFolder, File.ReadAllBytes(Path.Combine(model, ModelFiles.Model)),
                ModelDescription.FromJson(File.ReadAllBytes(Path.Combine(model, ModelFiles.Description))),
                File.Exists(eightBit) ? File.ReadAllBytes(eightBit) : null);
        }

        await versions.EndAsync(Arn, VersionEvent.Trained, null, new VersionOutcome(0), default);
    }

    private static ClassifierResult Train(byte[] file)
    {
        using var image = Image.NewFromBuffer(file);
        using var inverse = image.Invert();
        byte[][] files = [file, inverse.JpegsaveBuffer()];
        var images = new ImageSource(8, i => files[i % 2]);
        var task = new ClassifierTask(images, [.. Enumerable.Range(0, 8).Select(i => (IReadOnlyList<int>)[i % 2])], ["plain", "inverse"], MultiLabel: false);
        return ClassifierTrainer.Train(task, new ClassifierPlan { Views = 0, FineTune = false });
    }

    /// <summary>Starts the server and waits until it is ready.</summary>
    public async Task OpenAsync()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");
        var started = Stopwatch.GetTimestamp();
        var start = new ProcessStartInfo(
            "dotnet", [program, "serve", "--data", _data, "--urls", "http://127.0.0.1:0"])
        { RedirectStandardOutput = true, WorkingDirectory = _data };
        start.Environment["MALLOC_ARENA_MAX"] = "2"; // as ./ocellus does
        _server = Process.Start(start)!;
        var line = await _server.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server printed no address.");
        _ = _server.StandardOutput.ReadToEndAsync();
        Address = new Uri(line.Split(' ')[^1]);
        await _client.GetAsync(new Uri(Address, "health/ready"));
        System.Console.WriteLine($"server ready after {Stopwatch.GetElapsedTime(started).TotalSeconds:F2} s, {CpuSeconds():F2} s of CPU");
        var credentials = File.ReadAllLines(Path.Combine(_data, "credentials")).Select(l => l.Split('=', 2, StringSplitOptions.TrimEntries))
            .Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
        Signer = new(credentials["aws_access_key_id"], credentials["aws_secret_access_key"], credentials["region"]);
    }

    /// <summary>Starts the version and waits until it is RUNNING. Returns the milliseconds.</summary>
    public async Task<double> StartAsync()
    {
        var started = Stopwatch.GetTimestamp();
        await SendAsync("StartProjectVersion", JsonSerializer.SerializeToUtf8Bytes(new { ProjectVersionArn = Arn, MinInferenceUnits = 1 }));
        await WaitAsync("RUNNING");
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <summary>Waits for a status of the version. Reads it from the database, which costs the server nothing.</summary>
    public async Task WaitAsync(string status)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(_data, "ocellus.db")};Pooling=False");
        for (string now = ""; now != status; now = await connection.QuerySingleAsync<string>("SELECT status FROM project_versions"))
        {
            if (now == "FAILED")
            {
                throw new InvalidOperationException("The version FAILED.");
            }

            await Task.Delay(2);
        }
    }

    /// <summary>Sends a signed request. Returns the HTTP status and the body of the response.</summary>
    public async Task<(int Status, byte[] Body)> SendAsync(string operation, byte[] body)
    {
        using var request = Request(operation, body);
        using var response = await _client.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync());
    }

    /// <summary>A request as bytes, signed now. The signature is valid for five minutes.</summary>
    public byte[] Signed(string operation, byte[] body)
    {
        using var request = Request(operation, body);
        var lines = request.Headers.Concat(request.Content!.Headers).Where(h => h.Key != "Content-Length")
            .Select(h => $"{h.Key}: {string.Join(", ", h.Value)}\r\n");
        return
        [
            .. Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: {Address.Authority}\r\nContent-Length: {body.Length}\r\n{string.Concat(lines)}\r\n"),
            .. body,
        ];
    }

    /// <summary>Opens a new connection to the server.</summary>
    public SignedConnection Connect() => new(new(IPAddress.Loopback, Address.Port));

    /// <summary>Resident memory in MB.</summary>
    public double Resident() =>
        double.Parse(
            File.ReadLines($"/proc/{_server.Id}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
            CultureInfo.InvariantCulture) / 1024;

    /// <summary>CPU time of the server so far, in seconds.</summary>
    public double CpuSeconds()
    {
        _server.Refresh();
        return _server.TotalProcessorTime.TotalSeconds;
    }

    private HttpRequestMessage Request(string operation, byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
        request.Headers.TryAddWithoutValidation("X-Amz-Target", "RekognitionService." + operation);
        Signer.Sign(request, "rekognition", Signer.HashOf(body));
        return request;
    }
}
