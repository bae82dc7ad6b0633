using System.Text.Json;
using Ocellus.Storage;
using Ocellus.Training.Job;

namespace Ocellus.Training.Child;

/// <summary>
/// The training process: <c>ocellus train-job DIR</c>. Progress goes to standard output, one JSON object a line. When standard input
/// closes, the parent has ended or requests a stop: the process saves and ends, so that no training outlives its server.
/// </summary>
internal static class TrainingChild
{
    /// <summary>Maximum wait for an earlier process in this folder that is still ending.</summary>
    private static readonly TimeSpan _predecessorWait = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(string path, CancellationToken cancel)
    {
        FileSystem.KeepPrivate();
        var folder = new JobFolder(path);
        var pace = new TrainingPace(TrainingRun.ThreadsOf(folder.Read()));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        // Ctrl-C in a terminal reaches every process of the group; here the parent decides, through standard input.
        System.Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        _ = Task.Run(
            async () =>
            {
                using var input = new StreamReader(System.Console.OpenStandardInput());
                while (await input.ReadLineAsync(CancellationToken.None) is { } line)
                {
                    pace.Receive(line);
                }

                await stop.CancelAsync();
            },
            CancellationToken.None);
        try
        {
            await using var held = await LockAsync(path, stop.Token);
            folder.WriteProcess(Environment.ProcessId);
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
            await System.Console.Error.WriteLineAsync($"{failure}");
            // The last line is what a user reads first.
            await System.Console.Error.WriteLineAsync(failure.Message.ReplaceLineEndings(" "));
            return JobExitCode.Broken;
        }
    }

    /// <summary>Locks the folder. Two processes must never train in it: after a server's kill -9, its child may still be running briefly.</summary>
    private static async Task<FileStream> LockAsync(string path, CancellationToken cancel)
    {
        var deadline = TimeProvider.System.GetUtcNow() + _predecessorWait;
        while (true)
        {
            try
            {
                return JobFolder.OpenLock(path);
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
        private readonly Stream _output = System.Console.OpenStandardOutput();

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
                    // The parent has ended; closed standard input ends this process too.
                }
            }
        }
    }
}
