namespace Ocellus.Hosting;

/// <summary>
/// The right to decode a picture: as many at once as there are cores, over all models. More would not be faster, but would hold
/// more pixels in memory and keep the cores from the networks. Slots are given in the order of asking, so models share them fairly.
/// </summary>
internal sealed class DecodeSlots : IDisposable
{
    /// <summary>How many there are.</summary>
    public static int Count => Environment.ProcessorCount;

    private readonly SemaphoreSlim _free = new(Count);

    public Task WaitAsync(CancellationToken cancel) => _free.WaitAsync(cancel);

    public void Release() => _free.Release();

    public void Dispose() => _free.Dispose();
}
