using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Ocellus.Training.Job;

namespace Ocellus.Training.Server;

/// <summary>How a training process ended, seen from outside.</summary>
/// <param name="Outcome">What it wrote; null if it wrote none.</param>
/// <param name="Stopped">It ended because it was told to.</param>
/// <param name="Reason">Without an outcome: why, in a sentence.</param>
internal sealed record TrainingEnd(JobOutcome? Outcome, bool Stopped, string Reason);

/// <summary>
/// Runs a training in a process of its own: a native crash or a full memory ends the job and not the server, and the memory is
/// surely given back.
/// </summary>
internal static class TrainingProcess
{
    /// <summary>Longest wait for the checkpoint when a training is told to stop; then it is killed and resumes from the one before.</summary>
    private static readonly TimeSpan _stopWait = TimeSpan.FromSeconds(15);

    /// <summary>
    /// glibc is told to keep freed memory and to take it in huge pages. A step of 16 images has blocks of 77 MB; left alone, glibc maps
    /// each anew (it cannot be told a bound above 32 MB, and threads other than the first have arenas of 64 MB), and the kernel faults
    /// them in page by page: a step took three times as long. So there is one arena, nothing is mapped and nothing is given back before
    /// the process ends. NNPACK's warnings on machines it does not know are muted.
    /// </summary>
    private static readonly (string Name, string Value)[] _environment =
    [
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0:"
            + "glibc.malloc.trim_threshold=9999999999:glibc.malloc.top_pad=268435456"),
        ("TORCH_CPP_LOG_LEVEL", "ERROR"),
        // Threads that wait for each other sleep instead of spinning: a training that shares its cores with a server was measured
        // to take five times as long, and four times the processor time, while they spun.
        ("OMP_WAIT_POLICY", "PASSIVE"),
    ];

    /// <summary>Trains in <paramref name="folder"/>. Cancelling lets the process save its checkpoint first.</summary>
    /// <param name="folder">What is to be trained.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="yields">Whether it is to take fewer threads now, because requests are answered beside it; null: never.</param>
    /// <param name="cancel">Ends it.</param>
    public static async Task<TrainingEnd> RunAsync(JobFolder folder, IProgress<JobProgress> progress, Func<bool>? yields, CancellationToken cancel)
    {
        using var process = new Process { StartInfo = Command(folder.Path) };
        process.Start();
        LowerPriority(process);
        var errors = CopyErrorsAsync(process, folder.Log);
        var output = ReadProgressAsync(process, progress);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var telling = yields is null ? Task.CompletedTask : TrainingPace.TellAsync(process.StandardInput, yields, TimeProvider.System, ended.Token);
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
        await telling;
        await output;
        var lastError = await errors;
        if (folder.ReadOutcome() is { } outcome)
        {
            return new TrainingEnd(outcome, stopped, "");
        }

        // 128 + n is how a shell reports signal n; .NET does the same.
        var reason = process.ExitCode switch
        {
            JobExitCode.Stopped => "it was stopped",
            > 128 => $"it was ended by signal {process.ExitCode - 128}{(process.ExitCode == 137 ? ", as the system does when memory runs out" : "")}",
            _ => lastError.Length > 0 ? lastError : $"it ended with code {process.ExitCode}",
        };
        return new TrainingEnd(null, stopped || process.ExitCode == JobExitCode.Stopped, reason);
    }

    private static ProcessStartInfo Command(string path)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Ocellus.dll");
        // The host that runs this process, unless that is a test runner's own executable.
        var host = Environment.ProcessPath is { } own && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet";
        var start = new ProcessStartInfo(host, ["exec", program, "train-job", path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        ChildEnvironment.Restrict(start);
        // The server's, see the launcher: two words for one setting, and which of them counts is nowhere promised.
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
            // Ended already, or not allowed here: it trains all the same.
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
                // Opened for each of the few lines: what a full disk did not take must not come up again when a writer is closed.
                await File.AppendAllTextAsync(path, line + Environment.NewLine);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // The disk is full; the last line is what counts.
            }
        }

        return last;
    }

    private static async Task ReadProgressAsync(Process process, IProgress<JobProgress> progress)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            // Native libraries may write lines of their own.
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
