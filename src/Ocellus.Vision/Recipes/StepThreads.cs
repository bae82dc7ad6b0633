using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Threads of libtorch, which may change from step to step: a training takes fewer while the server beside it is busy.</summary>
internal static class StepThreads
{
    /// <summary>Sets the number of threads for the next step. Must be called on the thread that computes.</summary>
    public static void Apply(Func<int>? now, int planned)
    {
        int threads = Math.Clamp(now?.Invoke() ?? planned, 1, planned);
        if (get_num_threads() != threads)
        {
            set_num_threads(threads);
        }
    }
}
