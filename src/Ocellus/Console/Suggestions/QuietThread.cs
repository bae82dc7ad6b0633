using System.Diagnostics;
using System.Runtime.InteropServices;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Inference;
using Ocellus.Work;

namespace Ocellus.Console.Suggestions;

/// <summary>Networks that the quiet thread has loaded; each is loaded when it is first needed.</summary>
internal sealed class QuietNetworks : IDisposable
{
    private ImageEmbedder? _embedder;
    private BoxProposer? _proposer;
    private (string Folder, TrainedModel Model)? _model;

    public ImageEmbedder Embedder => _embedder ??= new ImageEmbedder();

    public BoxProposer Proposer => _proposer ??= new BoxProposer();

    /// <summary>The model of a folder; the one before it is unloaded.</summary>
    /// <exception cref="InvalidDataException">Its files are missing or damaged.</exception>
    public TrainedModel Model(string folder)
    {
        if (_model?.Folder != folder)
        {
            _model?.Model.Dispose();
            _model = null;
            _model = (folder, TrainedModel.Load(folder));
        }

        return _model.Value.Model;
    }

    public void Dispose()
    {
        _embedder?.Dispose();
        _proposer?.Dispose();
        _model?.Model.Dispose();
    }
}

/// <summary>
/// One thread that looks at images for the console, at the lowest priority: hosting and trainings take the cores from it. While models are queried it rests
/// most of the time. It ends, and frees its networks, when there has been nothing to do for a while.
/// </summary>
internal sealed class QuietThread(ServingActivity activity) : IDisposable
{
    /// <summary>How long networks stay loaded.</summary>
    private const int IdleMilliseconds = 60_000;

    /// <summary>Rest after a piece of work while models are queried, as a multiple of its time, and at most so long.</summary>
    private const int RestShare = 4, RestMillisecondsMax = 1000;

    /// <summary>The lowest priority of Linux.</summary>
    private const int Nice = 19;

    private readonly object _gate = new();
    private readonly Queue<Action<QuietNetworks>> _urgent = new(), _patient = new();
    private bool _runs, _ended;

    /// <summary>Does something on the thread.</summary>
    /// <param name="work">What.</param>
    /// <param name="urgent">Whether a person waits for it.</param>
    /// <param name="cancel">Gives it up if it has not begun.</param>
    public Task<T> RunAsync<T>(Func<QuietNetworks, T> work, bool urgent, CancellationToken cancel)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ended, this);
            (urgent ? _urgent : _patient).Enqueue(networks =>
            {
                if (cancel.IsCancellationRequested)
                {
                    done.TrySetCanceled(cancel);
                    return;
                }

#pragma warning disable CA1031 // Whatever it is, it is thrown where the result is awaited.
                try
                {
                    done.TrySetResult(work(networks));
                }
                catch (Exception failure)
                {
                    done.TrySetException(failure);
                }
#pragma warning restore CA1031
            });
            if (!_runs)
            {
                _runs = true;
                new Thread(Run) { IsBackground = true, Name = "suggestions", Priority = ThreadPriority.Lowest }.Start();
            }

            Monitor.PulseAll(_gate);
        }

        return done.Task;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        if (OperatingSystem.IsLinux())
        {
            // .NET sets no priorities there. Zero is the calling thread.
            _ = SetPriority(0, 0, Nice);
        }

        using var networks = new QuietNetworks();
        while (Next() is var (work, urgent))
        {
            var started = Stopwatch.GetTimestamp();
            work(networks);
            if (!urgent && activity.IsServing)
            {
                lock (_gate)
                {
                    if (!_ended && _urgent.Count == 0)
                    {
                        Monitor.Wait(_gate, Math.Min(RestMillisecondsMax, (int)Stopwatch.GetElapsedTime(started).TotalMilliseconds * RestShare));
                    }
                }
            }
        }
    }

    private (Action<QuietNetworks> Work, bool Urgent)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_ended)
                {
                    return null;
                }

                if (_urgent.TryDequeue(out var urgent))
                {
                    return (urgent, true);
                }

                if (_patient.TryDequeue(out var patient))
                {
                    return (patient, false);
                }

                if (!Monitor.Wait(_gate, IdleMilliseconds) && _urgent.Count + _patient.Count == 0)
                {
                    _runs = false;
                    return null;
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, uint who, int priority);
}
