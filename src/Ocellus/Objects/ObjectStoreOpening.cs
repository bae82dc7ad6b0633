namespace Ocellus.Objects;

/// <summary>Reads the object store from disk while the server already serves: a request for a bucket not yet read waits for that bucket only.</summary>
internal sealed class ObjectStoreOpening(ObjectStore store) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(() => store.Open(stoppingToken), stoppingToken);
}
