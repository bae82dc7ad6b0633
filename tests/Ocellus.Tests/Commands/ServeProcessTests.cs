using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Ocellus.Commands;
using Ocellus.Objects.Files;
using Ocellus.Refusals;

namespace Ocellus.Tests.Commands;

/// <summary>The process of <c>ocellus serve</c>: what it says and how it ends when a file or a part of it fails.</summary>
public sealed class ServeProcessTests : IDisposable
{
    /// <summary>SIGTERM, the same on Linux and macOS.</summary>
    private const int Terminate = 15;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _data = Path.Combine(Path.GetTempPath(), "ocellus-process-" + Guid.NewGuid().ToString("N"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Damaged_objects_and_buckets_do_not_end_it_and_each_is_named()
    {
        var store = new ObjectStore(Path.Combine(_data, "objects"), TimeProvider.System);
        foreach (var bucket in new[] { "bucket", "torn" })
        {
            store.CreateBucket(bucket, "123456789012", "us-east-1");
            using var body = new MemoryStream("x"u8.ToArray());
            await store.PutAsync(bucket, "k", body, new PutOptions(), Cancel);
        }

        var description = Directory.GetFiles(Path.Combine(_data, "objects", "bucket"), "*.json", SearchOption.AllDirectories)
            .Single(f => Path.GetFileName(f) != "bucket.json");
        var torn = Path.Combine(_data, "objects", "torn", "bucket.json");
        await File.WriteAllTextAsync(description, "", Cancel);
        await File.WriteAllTextAsync(torn, "{\"Name\":\"torn\"", Cancel);

        using var server = Start();
        await ReadyAsync(server);
        var (code, said) = await EndAsync(server, $"{description} is damaged", $"{torn} is damaged");
        Assert.Equal(0, code);
        Assert.Contains($"{description} is damaged: it is empty", said, StringComparison.Ordinal);
        Assert.Contains($"{torn} is damaged: it is not a complete description", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_keeps_the_store_from_opening_ends_it_with_a_sentence_and_another_code_than_0()
    {
        // Where the store's folder should be, there is a file.
        Directory.CreateDirectory(_data);
        var file = Path.Combine(_data, "objects");
        await File.WriteAllTextAsync(file, "", Cancel);
        using var server = Start();
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.StartsWith("ocellus: ", Last(said), StringComparison.Ordinal);
        Assert.Contains(file, Last(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_another_Ocellus_has_is_told_in_one_line()
    {
        await using var first = await TestServer.StartAsync();
        using var server = Start(first.BaseAddress.GetLeftPart(UriPartial.Authority));
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"another Ocellus serves {first.BaseAddress.GetLeftPart(UriPartial.Authority)}", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Ocellus__Training__ParallelJobs", "99", "Ocellus:Training:ParallelJobs is 99; it must be between 1 and 16.")]
    [InlineData("Ocellus__Hosting__WakeOnDetect", "yes", "Ocellus:Hosting:WakeOnDetect is 'yes'; it takes true or false.")]
    public async Task A_setting_that_is_not_valid_is_told_in_one_line(string variable, string value, string sentence)
    {
        using var server = Start(variable: (variable, value));
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.Equal($"ocellus: The setting {sentence}", said.Trim());
    }

    [Theory]
    [InlineData("Ocellus__Cluster__Name", "lab", "A cluster needs a database that all of its nodes share: name PostgreSQL with --database.")]
    public async Task A_cluster_that_shares_nothing_is_told_what_it_needs(string variable, string value, string sentence)
    {
        using var server = Start(variable: (variable, value));
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.StartsWith($"ocellus: {sentence}", Last(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_background_service_that_fails_stops_the_server_which_names_it_and_ends_in_a_refusal()
    {
        using var data = Ocellus.Storage.DataDirectory.Open(_data);
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(data).AddHostedService<Failing>();
        await using var app = builder.Build();
        await app.StartAsync(Cancel);
        await app.WaitForShutdownAsync(Cancel);

        var refusal = Assert.Throws<CommandRefusedException>(() => ServeCommand.CheckBackground(app));
        Assert.Contains("its background service Failing failed: the disk is gone.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_does_not_start_ends_it_with_a_sentence_and_another_code_than_0()
    {
        DataDirectoryOf(_data);
        var database = Path.Combine(_data, "ocellus.db");
        await using (var connection = new SqliteConnection($"Data Source={database};Pooling=False"))
        {
            await connection.OpenAsync(Cancel);
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA foreign_keys=OFF; ALTER TABLE project_versions RENAME TO gone";
            await command.ExecuteNonQueryAsync(Cancel);
        }

        using var server = Start();
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.Contains(database, Last(said), StringComparison.Ordinal);
        Assert.Contains("project_versions", Last(said), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_its_database_it_takes_no_model_for_left_over(bool empty)
    {
        DataDirectoryOf(_data);
        var model = Path.Combine(_data, "models", "123456789012", "v-1", "model.onnx");
        Directory.CreateDirectory(Path.GetDirectoryName(model)!);
        await File.WriteAllTextAsync(model, "model", Cancel);
        foreach (var file in Directory.GetFiles(_data, "ocellus.db*"))
        {
            File.Delete(file);
        }

        if (empty)
        {
            await File.WriteAllTextAsync(Path.Combine(_data, "ocellus.db"), "", Cancel);
        }

        using var server = Start();
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.Contains(empty ? "is empty" : "is missing", Last(said), StringComparison.Ordinal);
        Assert.True(File.Exists(model));
    }

    [Theory]
    [InlineData("secret.key", "")]
    [InlineData("secret.key", "bm90IGEga2V5")]
    public async Task A_damaged_secret_key_is_told_in_a_sentence(string name, string text)
    {
        using (var first = Start())
        {
            await ReadyAsync(first);
            Assert.Equal(0, (await EndAsync(first)).Code);
        }

        await File.WriteAllTextAsync(Path.Combine(_data, name), text, Cancel);
        using var server = Start();
        var (code, said) = await EndAsync(server);
        Assert.Equal(1, code);
        Assert.Contains(Path.Combine(_data, name), Last(said), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_credentials_file_is_made_anew()
    {
        using (var first = Start())
        {
            await ReadyAsync(first);
            Assert.Equal(0, (await EndAsync(first)).Code);
        }

        var file = Path.Combine(_data, "credentials");
        var before = await File.ReadAllTextAsync(file, Cancel);
        await File.WriteAllTextAsync(file, "[def", Cancel);
        using var server = Start();
        await ReadyAsync(server);
        Assert.Equal(0, (await EndAsync(server)).Code);
        Assert.Equal(before, await File.ReadAllTextAsync(file, Cancel));
    }

    private sealed class Failing(IHostApplicationLifetime lifetime) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lifetime.ApplicationStarted.Register(started.SetResult);
            await started.Task;
            throw new IOException("the disk is gone");
        }
    }

    private static void DataDirectoryOf(string path) => Ocellus.Storage.DataDirectory.Open(path).Dispose();

    private static string Last(string said) => said.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];

    private ServerProcess Start(string urls = "http://127.0.0.1:0", (string Name, string Value)? variable = null)
    {
        Directory.CreateDirectory(_data);
        var program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");
        var start = new ProcessStartInfo("dotnet", ["exec", program, "serve", "--data", _data, "--urls", urls])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _data,
        };
        if (variable is var (name, value))
        {
            start.Environment[name] = value;
        }

        return new ServerProcess(Process.Start(start)!);
    }

    private static async Task ReadyAsync(ServerProcess server)
    {
        var line = await server.Process.StandardOutput.ReadLineAsync(Cancel).AsTask().WaitAsync(Patience, Cancel);
        Assert.StartsWith("Ocellus serves", line, StringComparison.Ordinal);
        server.IsReady = true;
    }

    /// <summary>Its exit code and what it said, after it has said some words. One that does not end by itself is told to.</summary>
    private static async Task<(int Code, string Said)> EndAsync(ServerProcess server, params string[] words)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (words.Length > 0 && !words.All(w => server.Said.Contains(w, StringComparison.Ordinal)) && !server.Process.HasExited)
        {
            await Task.Delay(50, patience.Token);
        }

        if (server.IsReady)
        {
            _ = Kill(server.Process.Id, Terminate);
        }

        await server.Process.WaitForExitAsync(patience.Token);
        return (server.Process.ExitCode, server.Said);
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);

    private sealed class ServerProcess : IDisposable
    {
        private readonly StringBuilder _said = new();

        public ServerProcess(Process process)
        {
            Process = process;
            process.ErrorDataReceived += (_, line) =>
            {
                lock (_said)
                {
                    _said.AppendLine(line.Data);
                }
            };
            process.BeginErrorReadLine();
        }

        public Process Process { get; }

        public string Said
        {
            get
            {
                lock (_said)
                {
                    return _said.ToString();
                }
            }
        }

        public bool IsReady { get; set; }

        public void Dispose()
        {
            if (!Process.HasExited)
            {
                Process.Kill();
            }

            Process.Dispose();
        }
    }
}
