using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Ocellus.Storage;
using Ocellus.Training.Server;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Commands;

internal enum FindingState
{
    Ok,

    /// <summary>Works, but not as well as it could.</summary>
    Warning,

    /// <summary>Something will not work.</summary>
    Problem,
}

/// <summary>The result of one check.</summary>
/// <param name="Name">What was checked.</param>
/// <param name="State">The verdict.</param>
/// <param name="Found">What was found.</param>
/// <param name="Advice">What to do; null if nothing has to be done.</param>
internal sealed record Finding(string Name, FindingState State, string Found, string? Advice = null);

/// <summary>Checks what Ocellus needs of a machine. It changes nothing, except for a file that it writes and removes again.</summary>
internal static partial class MachineCheck
{
    /// <summary>Memory for a training: 1.9 GB at 16 images of 224 pixels.</summary>
    private const long MemoryWanted = 2L << 30;

    /// <summary>Below this even a server with one model is cramped: 200 MB idle, 100 MB per model, and some room.</summary>
    private const long MemoryMin = 512L << 20;

    /// <summary>Disk space for images, checkpoints and models of a first project.</summary>
    private const long DiskWanted = 2L << 30;

    /// <summary>Below this the database may fail to grow in the middle of a write.</summary>
    private const long DiskMin = 100L << 20;

    /// <summary>Open files: a connection and an image for each of some hundred requests, the models, the database.</summary>
    private const long FilesWanted = 1024;

    /// <summary>AWS allows a request's date to be five minutes off; a file system's clock gets less tolerance.</summary>
    private static readonly TimeSpan _clockDifferenceMax = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait for loading a library: a cold disk first reads half a gigabyte.</summary>
    private static readonly TimeSpan _loadWait = TimeSpan.FromMinutes(2);

    public static async Task<IReadOnlyList<Finding>> RunAsync(string data, string urls, CancellationToken cancel)
    {
        // Loading takes seconds, so it runs while the rest is checked.
        Task<Finding>[] libraries =
        [
            !TrainingLibrary.IsInstalled
                ? Task.FromResult(new Finding("Training library (libtorch)", FindingState.Ok, TrainingLibrary.NotInstalled))
                : LibraryAsync(
                    "Training library (libtorch)", LoadCheckCommand.Training,
                    "Nothing can be trained here until this is solved; existing models can run. libtorch is available for x86-64 Linux with glibc, Windows "
                        + "x64 and macOS arm64.",
                    cancel),
            LibraryAsync(
                "Inference library (ONNX Runtime)", LoadCheckCommand.Inference,
                "Models cannot be run or trained. Rebuild Ocellus; if that does not help, ONNX Runtime has no build for this system.", cancel),
            LibraryAsync(
                "Image library (libvips)", LoadCheckCommand.Images,
                "Images cannot be read. Rebuild Ocellus; if that does not help, NetVips.Native has no build for this system.", cancel),
            LibraryAsync("8-bit models", LoadCheckCommand.Bytes, "Models cannot be run in 8 bits: keep to float, which is the default.", cancel),
        ];
        var clients = InstalledClients.CheckAsync(cancel);
        List<Finding> findings = [Runtime(), Backbone(), Memory(), Disk(data), Data(data), Database(data), Clock(data), Files()];
        foreach (var url in urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            findings.Add(await PortAsync(url, cancel));
        }

        findings.InsertRange(1, await Task.WhenAll(libraries));
        findings.AddRange(await clients);
        return findings;
    }

    internal static Finding Runtime() =>
        new(
            ".NET", FindingState.Ok,
            $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription} ({RuntimeInformation.ProcessArchitecture}), "
                + $"{Environment.ProcessorCount} processor{(Environment.ProcessorCount == 1 ? "" : "s")}");

    internal static Finding Backbone() => new FileInfo(FeatureExtractor.DefaultBackbone) is { Exists: true, Length: > 0 } file
        ? new("Pretrained network", FindingState.Ok, $"{Size(file.Length)}")
        : new("Pretrained network", FindingState.Problem, $"{FeatureExtractor.DefaultBackbone} is missing", "It comes with the build; rebuild Ocellus.");

    internal static Finding Memory()
    {
        // .NET reports a container's limit, and Linux what other programs leave free.
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = Math.Min(limit, Available() ?? limit);
        return Judge(
            "Memory", free, MemoryMin, MemoryWanted, $"{Size(free)} free of {Size(limit)}",
            "A training needs about 2 GB: end other programs, or give the machine or container more.");
    }

    internal static Finding Disk(string data)
    {
        var existing = Existing(data);
        var drive = new DriveInfo(existing);
        return Judge(
            "Disk space", drive.AvailableFreeSpace, DiskMin, DiskWanted, $"{Size(drive.AvailableFreeSpace)} free for {data}",
            "Remove what is not needed, or name a folder on another disk with --data.");
    }

    internal static Finding Data(string data)
    {
        const string name = "Data directory";
        if (DataDirectory.IsHeld(data))
        {
            return new(
                name, FindingState.Warning, $"{data} is in use by a running server",
                "That is right if it is the server you mean; a second one needs another folder, named with --data.");
        }

        var existing = Existing(data);
        try
        {
            Probe(existing, _ => true);
            return new(name, FindingState.Ok, existing == data ? $"{data} can be written" : $"{data} does not exist yet and can be created");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new(
                name, FindingState.Problem, $"{existing} cannot be written: {failure.Message}",
                "Name another folder with --data, or give this user the right to write there.");
        }
    }

    internal static Finding Database(string data)
    {
        const string name = "Database";
        var file = new FileInfo(DataDirectory.DatabaseOf(data));
        if (!file.Exists)
        {
            return new(name, FindingState.Ok, "none yet; the first start creates it");
        }

        if (SchemaJournal.Later(data) is { } later)
        {
            return new(name, FindingState.Problem, later, "Start the later version again, or name another folder with --data.");
        }

        try
        {
            return SqliteDatabase.Damage(data) is { } damage
                ? new(
                    name, FindingState.Problem, $"{file.FullName} is damaged: {damage}",
                    $"Restore a backup of the whole folder; without one, `sqlite3 {file.FullName} .recover` saves what can be read.")
                : new(name, FindingState.Ok, $"{Size(file.Length)}, all pages in order");
        }
        catch (System.Data.Common.DbException failure)
        {
            // In a read-only folder, say: the finding about the folder says what to do.
            return new(name, FindingState.Warning, $"{file.FullName} could not be checked: {failure.Message}");
        }
    }

    internal static Finding Clock(string data)
    {
        const string name = "Clock";
        var now = TimeProvider.System.GetUtcNow();
        if (now.Year is < 2025 or > 2100)
        {
            return new(
                name, FindingState.Problem, $"It is {now:yyyy-MM-dd HH:mm} UTC here", "Set the clock: signatures are valid for five minutes only.");
        }

        try
        {
            var difference = Probe(Existing(data), file => new DateTimeOffset(File.GetLastWriteTimeUtc(file)) - TimeProvider.System.GetUtcNow()).Duration();
            return difference <= _clockDifferenceMax
                ? new(name, FindingState.Ok, $"{now:yyyy-MM-dd HH:mm:ss} UTC, files agree")
                : new(
                    name, FindingState.Warning,
                    string.Create(CultureInfo.InvariantCulture, $"{now:yyyy-MM-dd HH:mm:ss} UTC, but files are dated {difference.TotalSeconds:0} s off"),
                    "Set the clocks of this machine and of the file server by NTP: signatures are valid for five minutes only.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new(name, FindingState.Ok, $"{now:yyyy-MM-dd HH:mm:ss} UTC");
        }
    }

    internal static Finding Files()
    {
        const string name = "Open files";
        return OpenFiles.Limit() is { } hard
            ? Judge(
                name, hard, 128, FilesWanted, string.Create(CultureInfo.InvariantCulture, $"{hard} at most"),
                "Raise the limit with `ulimit -n 4096`, or LimitNOFILE of a service.", "")
            : new(name, FindingState.Ok, "as many as needed");
    }

    internal static async Task<Finding> PortAsync(string url, CancellationToken cancel)
    {
        const string name = "Address";
        var address = BindingAddress.Parse(url);
        var host = address.Host.Trim('[', ']');
        var ip = IPAddress.TryParse(host, out var parsed)
            ? parsed
            : host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            ? IPAddress.Loopback
            : IPAddress.Any;
        try
        {
            using var listener = new TcpListener(ip, address.Port) { ExclusiveAddressUse = true };
            listener.Start();
            return new(name, FindingState.Ok, $"{url} is free");
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return await AnswersAsync(ip, address.Port, cancel)
                ? new(
                    name, FindingState.Warning, $"{url} is already served by Ocellus",
                    "That is right if it is the server you mean; a second one needs another address, named with --urls.")
                : new(name, FindingState.Problem, $"{url} is in use by another program", "Choose another port with --urls.");
        }
        catch (SocketException failure)
        {
            return new(
                name, FindingState.Problem, $"{url} cannot be listened on: {failure.Message}",
                "Choose another address with --urls; ports below 1024 need root.");
        }
    }

    /// <summary>Whether something that responds like our server listens there.</summary>
    private static async Task<bool> AnswersAsync(IPAddress ip, int port, CancellationToken cancel)
    {
        using var client = ApiClient.WithoutProxy();
        client.Timeout = TimeSpan.FromSeconds(10); // A busy machine takes its time; only a program that takes connections and says nothing is waited for.
        var target = ip.Equals(IPAddress.Any) ? IPAddress.Loopback : ip.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : ip;
        try
        {
            return await client.GetStringAsync(new UriBuilder("http", target.ToString(), port, "/health/live").Uri, cancel) == "live\n";
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
        {
            return false;
        }
    }

    private static async Task<Finding> LibraryAsync(string name, string library, string advice, CancellationToken cancel)
    {
        var start = OwnProgram.Start(LoadCheckCommand.Name, library);
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        ChildEnvironment.Restrict(start);
        start.Environment["TORCH_CPP_LOG_LEVEL"] = "ERROR";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(_loadWait);
        using var process = Process.Start(start)!;
        var started = Stopwatch.GetTimestamp();
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
            await process.WaitForExitAsync(limit.Token);
            var told = (await output).Trim();
            var said = (await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
            return process.ExitCode switch
            {
                0 => new(
                    name, FindingState.Ok,
                    told.Length > 0
                        ? told
                        : string.Create(CultureInfo.InvariantCulture, $"loads and computes ({Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s)")),
                // Signal n is reported as 128 + n.
                > 128 => new(name, FindingState.Problem, $"loading it ends the process with signal {process.ExitCode - 128}", advice),
                _ => new(name, FindingState.Problem, said ?? $"loading it ends with code {process.ExitCode}", advice),
            };
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancel.ThrowIfCancellationRequested();
            return new(
                name, FindingState.Warning, string.Create(CultureInfo.InvariantCulture, $"did not load within {_loadWait.TotalSeconds:0} s"),
                "Try again when the machine is less busy.");
        }
    }
}
