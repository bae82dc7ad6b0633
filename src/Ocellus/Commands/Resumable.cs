namespace Ocellus.Commands;

/// <summary>Verbs that go on where they were interrupted, when they are run again.</summary>
internal static class Resumable
{
    private const string Told = "ocellus.told";

    /// <summary>Runs the work of a verb; whoever stops it is told how to go on.</summary>
    public static async Task<T> RunAsync<T>(Terminal terminal, Func<Task<T>> work, CancellationToken cancel)
    {
        try
        {
            return await work();
        }
        catch (OperationCanceledException stopped) when (cancel.IsCancellationRequested)
        {
            if (!stopped.Data.Contains(Told))
            {
                // Once, where one such work is a part of another.
                stopped.Data[Told] = true;
                terminal.Complain("Stopped. The same command goes on where it was.");
            }

            throw;
        }
    }
}
