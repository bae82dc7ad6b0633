using System.Text.Json;
using Ocellus.Storage;
using Ocellus.Training.Job;

namespace Ocellus.Training.Child;

/// <summary>
/// The training process: <c>ocellus train-job DIR</c>. Progress goes to standard output as one JSON object a line. When standard
/// input closes, the parent is gone or wants it to stop: it saves and ends, so that no training outlives its server.
/// </summary>
internal static class TrainingChild
{
    /// <summary>Longest wait for a process that trained here before and is still ending.</summary>
    private static readonly TimeSpan _predecessorWait = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(string path, CancellationToken cancel)
    {
        FileSystem.KeepPrivate();
        var folder = new JobFolder(path);
        var pace = new TrainingPace(TrainingRun.ThreadsOf(folder.Read()));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // Ctrl-C in a terminal reaches every process of the group; here the parent decides, through standard input.
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        _ = Task.Run(
            async () =>
            {
                using var input = new StreamReader(Console.OpenStandardInput());
                while (await input.ReadLineAsync(CancellationToken.None) is { } line)
                {
                    pace.Take(line);
                }

                await stop.CancelAsync();
            },
            CancellationToken.None);
        try
        {
            await using var held = await HoldAsync(path, stop.Token);
            var outcome = await Task.Run(() => new TrainingRun(folder, pace, TimeProvider.System).Run(new ToStandardOutput(), stop.Token), stop.Token);
            folder.Write(outcome);
            return JobExitCode.Done;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return JobExitCode.Stopped;
        }
        catch (Exception failure)
        {
            await Console.Error.WriteLineAsync($"{failure}");
            // The last line is what a person reads first.
            await Console.Error.WriteLineAsync(failure.Message.ReplaceLineEndings(" "));
            return JobExitCode.Broken;
        }
    }

    /// <summary>Two processes must never train in one folder: after a server's kill -9 its child may live a moment longer than it.</summary>
    private static async Task<FileStream> HoldAsync(string path, CancellationToken cancel)
    {
        var deadline = TimeProvider.System.GetUtcNow() + _predecessorWait;
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (TimeProvider.System.GetUtcNow() < deadline)
            {
                await Task.Delay(200, cancel);
            }
        }
    }

    private sealed class ToStandardOutput : IProgress<JobProgress>
    {
        private readonly Lock _gate = new();
        private readonly Stream _output = Console.OpenStandardOutput();

        public void Report(JobProgress value)
        {
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(value, JobJson.Default.JobProgress), (byte)'\n'];
            lock (_gate)
            {
                try
                {
                    _output.Write(line);
                    _output.Flush();
                }
                catch (IOException)
                {
                    // The parent is gone; closed standard input ends this process.
                }
            }
        }
    }
}
