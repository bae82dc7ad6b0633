using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Ocellus.Training.Job;

namespace Ocellus.Training.Server;

/// <summary>How a training process ended, as seen by its parent.</summary>
/// <param name="Outcome">What it wrote; null if it wrote none.</param>
/// <param name="Stopped">It ended on request.</param>
/// <param name="Reason">The reason, if there is no outcome.</param>
internal sealed record TrainingEnd(JobOutcome? Outcome, bool Stopped, string Reason);

/// <summary>
/// Runs a training in a separate process: a native crash or lack of memory ends the job and not the server, and all of its memory is
/// returned.
/// </summary>
internal static class TrainingProcess
{
    /// <summary>Maximum wait for the checkpoint when a training is stopped; then it is killed, and resumes from the previous one.</summary>
    private static readonly TimeSpan _stopWait = TimeSpan.FromSeconds(15);

    /// <summary>Exit code of a process that Ctrl-C has ended: 128 + SIGINT.</summary>
    private const int EndedByInterrupt = 130;

    /// <summary>
    /// Makes glibc keep freed memory and use huge pages. A step of 16 images has blocks of 77 MB. By default glibc maps each one again (its
    /// threshold cannot exceed 32 MB, and threads other than the first have arenas of 64 MB), and the kernel faults them in page by page:
    /// a step took three times as long. So there is one arena, nothing is mapped, and nothing is returned before the process ends. NNPACK's
    /// warnings on unknown machines are muted.
    /// </summary>
    private static readonly (string Name, string Value)[] _environment =
    [
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0:"
            + "glibc.malloc.trim_threshold=9999999999:glibc.malloc.top_pad=268435456"),
        ("TORCH_CPP_LOG_LEVEL", "ERROR"),
        // Threads that wait for each other sleep instead of spinning. While they spun, a training that shared its cores with a server
        // took five times as long, and four times the processor time.
        ("OMP_WAIT_POLICY", "PASSIVE"),
    ];

    /// <summary>Trains in <paramref name="folder"/>. Cancelling lets the process save its checkpoint first.</summary>
    /// <param name="folder">What is to be trained.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="yields">Whether it should use fewer threads now, because the server is answering requests; null: never.</param>
    /// <param name="cancel">Stops the training.</param>
    public static async Task<TrainingEnd> RunAsync(JobFolder folder, IProgress<JobProgress> progress, Func<bool>? yields, CancellationToken cancel)
    {
        using var process = new Process { StartInfo = Command(folder.Path) };
        process.Start();
        LowerPriority(process);
        var errors = CopyErrorsAsync(process, folder.Log);
        var output = ReadProgressAsync(process, progress);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var signalling = yields is null ? Task.CompletedTask : TrainingPace.SignalAsync(process.StandardInput, yields, TimeProvider.System, ended.Token);
        var stopped = false;
        await using (cancel.Register(() => process.StandardInput.Close()))
        {
            try
            {
                await process.WaitForExitAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                stopped = true;
                using var limit = new CancellationTokenSource(_stopWait);
                try
                {
                    await process.WaitForExitAsync(limit.Token);
                }
                catch (OperationCanceledException)
                {
                    process.Kill(entireProcessTree: true);
                    await process.WaitForExitAsync(CancellationToken.None);
                }
            }
        }

        await ended.CancelAsync();
        await signalling;
        await output;
        var lastError = await errors;
        if (folder.ReadOutcome() is { } outcome)
        {
            return new TrainingEnd(outcome, stopped, "");
        }

        // Like a shell, .NET reports signal n as 128 + n.
        var reason = process.ExitCode switch
        {
            JobExitCode.Stopped => "it was stopped",
            > 128 => $"it was ended by signal {process.ExitCode - 128}{(process.ExitCode == 137 ? ", as the system does when memory runs out" : "")}",
            _ => lastError.Length > 0 ? lastError : $"it ended with code {process.ExitCode}",
        };
        // Ctrl-C reaches every process of a terminal. In its first moment the training does not yet leave it to its parent, and may end before that hears of
        // it.
        return new TrainingEnd(null, stopped || process.ExitCode is JobExitCode.Stopped or EndedByInterrupt, reason);
    }

    private static ProcessStartInfo Command(string path)
    {
        var start = OwnProgram.Start("train-job", path);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        ChildEnvironment.Restrict(start);
        // The launcher sets it for the server. It duplicates a tunable above, and which of the two takes precedence is undocumented.
        start.Environment.Remove("MALLOC_ARENA_MAX");
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>A training yields to serving.</summary>
    private static void LowerPriority(Process process)
    {
        try
        {
            process.PriorityClass = ProcessPriorityClass.BelowNormal;
        }
        catch (Exception failure) when (failure is Win32Exception or InvalidOperationException)
        {
            // Already ended, or not allowed here: it trains anyway.
        }
    }

    private static async Task<string> CopyErrorsAsync(Process process, string path)
    {
        var last = "";
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            last = line.Length > 0 ? line : last;
            try
            {
                // Opened for each of the few lines: with a full disk, closing a writer would throw for what it could not write.
                await File.AppendAllTextAsync(path, line + Environment.NewLine);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // The disk is full; only the last line matters.
            }
        }

        return last;
    }

    private static async Task ReadProgressAsync(Process process, IProgress<JobProgress> progress)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            // Native libraries may write lines too.
            if (line.StartsWith('{'))
            {
                JobProgress? parsed = null;
                try
                {
                    parsed = JsonSerializer.Deserialize(line, JobJson.Default.JobProgress);
                }
                catch (JsonException)
                {
                }

                if (parsed is not null)
                {
                    progress.Report(parsed);
                }
            }
        }
    }
}
