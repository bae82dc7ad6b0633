using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Threads of libtorch, which may change from step to step: a training beside a server takes fewer while that one is busy.</summary>
internal static class StepThreads
{
    /// <summary>Sets what the next step computes with. To be called on the thread that computes.</summary>
    public static void Apply(Func<int>? now, int planned)
    {
        int threads = Math.Clamp(now?.Invoke() ?? planned, 1, planned);
        if (get_num_threads() != threads)
        {
            set_num_threads(threads);
        }
    }
}
