using System.Diagnostics;
using System.Globalization;

namespace Ocellus.Training.Server;

/// <summary>
/// Runs a model of another server once before it is taken, in a process of its own: a network may be anything, and must neither end the server nor take its
/// memory or its time. One at a time.
/// </summary>
internal sealed class ModelTrial : IDisposable
{
    /// <summary>The verb of the process.</summary>
    public const string Verb = "model-check";

    /// <summary>Maximum memory of the process: ten times what the largest model of Ocellus needs.</summary>
    private const long MemoryBytesMax = 3L << 30;

    /// <summary>Between two looks at the memory.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>Maximum time of start, loading and one answer, on a machine that does other work.</summary>
    private static readonly TimeSpan _timeMax = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Why the model in a folder does not run; null if it does.</summary>
    public async Task<string?> FaultAsync(string folder, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            return await RunAsync(folder, cancel);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private static async Task<string?> RunAsync(string folder, CancellationToken cancel)
    {
        var start = OwnProgram.Start(Verb, folder);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        ChildEnvironment.Restrict(start);
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(_timeMax);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None), process.StandardError.ReadToEndAsync(CancellationToken.None));
        var isTooLarge = false;
        try
        {
            using var look = new PeriodicTimer(_lookEvery);
            while (!process.HasExited)
            {
                process.Refresh();
                isTooLarge = process is { HasExited: false, WorkingSet64: > MemoryBytesMax };
                if (isTooLarge)
                {
                    break;
                }

                await look.WaitForNextTickAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it did not answer within {_timeMax.TotalSeconds:0} seconds");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            await process.WaitForExitAsync(CancellationToken.None);
        }

        await output;
        var said = (await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
        return isTooLarge ? string.Create(CultureInfo.InvariantCulture, $"it needs more than {MemoryBytesMax >> 30} GB of memory")
            : process.ExitCode switch
            {
                0 => null,
                // Signal n is reported as 128 + n.
                > 128 => $"it ends its process with signal {process.ExitCode - 128}",
                _ => said ?? $"it ends its process with code {process.ExitCode}",
            };
    }
}
