using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Ocellus.Benchmarks;

/// <summary>
/// Measures <c>ocellus import</c>: pictures a second to a real server in a process of its own, over loopback, into a new project; then the same again, which
/// adds nothing; then one of a few new pictures.
/// </summary>
internal static class ImportBench
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var (image, count) = (arguments[0], 1000);
        for (var i = 1; i < arguments.Length; i += 2)
        {
            switch (arguments[i])
            {
                case "--pictures": count = int.Parse(arguments[i + 1], CultureInfo.InvariantCulture); break;
                default: System.Console.Error.WriteLine($"{arguments[i]} is not an option of import."); return 2;
            }
        }

        var top = Directory.CreateTempSubdirectory("ocellus-bench-").FullName;
        try
        {
            var source = Path.Combine(top, "pictures");
            var picture = await File.ReadAllBytesAsync(image);
            for (var i = 0; i < count; i++)
            {
                await AddAsync(source, picture, i);
            }

            System.Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} pictures of {picture.Length / 1024.0:0} KB, two labels"));
            using var server = new BenchServer();
            await server.PrepareAsync(picture, null);
            await server.OpenAsync();
            await MeasureAsync("new", server, source, count);
            await MeasureAsync("again, nothing new", server, source, count);
            for (var i = count; i < count + 10; i++)
            {
                await AddAsync(source, picture, i);
            }

            await MeasureAsync("again, ten new", server, source, count + 10);
            return 0;
        }
        finally
        {
            Directory.Delete(top, recursive: true);
        }
    }

    /// <summary>A file of its own bytes: what follows the end of a JPEG is not shown.</summary>
    private static async Task AddAsync(string source, byte[] picture, int i)
    {
        var folder = Directory.CreateDirectory(Path.Combine(source, i % 2 == 0 ? "one" : "two")).FullName;
        await File.WriteAllBytesAsync(
            Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:00000}.jpg")),
            [.. picture, .. Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture))]);
    }

    private static async Task MeasureAsync(string what, BenchServer server, string source, int count)
    {
        var start = new ProcessStartInfo(
            "dotnet",
            [
                Path.Combine(AppContext.BaseDirectory, "Ocellus.dll"), "import", source, "--project", "bench-import", "--data", server.DataFolder, "--url",
                server.Address.ToString(), "--json",
            ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(await errors);
        }

        var own = System.Text.Json.Nodes.JsonNode.Parse(output)!;
        System.Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: {seconds:0.0} s, {count / seconds:0} pictures/s with the start of the program, {count / (double)own["seconds"]!:0} without; "
                    + $"{own["picturesUploaded"]} uploaded, server {server.Resident():0} MB"));
    }
}
