using Ocellus.Vision.Inference;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// Loads the libraries for models once the server accepts requests: the first start is then as fast as the others, and readiness does not wait.
/// </summary>
internal sealed class WarmUp(IHostApplicationLifetime lifetime, FreedMemory memory, ILogger<WarmUp> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (lifetime.ApplicationStarted.Register(started.SetResult))
        {
            await started.Task.WaitAsync(stoppingToken);
        }

        try
        {
            await Task.Run(InferenceLibrary.WarmUp, stoppingToken);
            memory.Return();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // The rest of the server works without them; starting a model will report the same.
            Log.LibrariesMissing(log, failure);
        }
    }
}
