namespace Ocellus.Tests.Objects;

/// <summary>Tests of the object store, each on a server of its own with a bucket named 'bucket'.</summary>
public abstract class BucketTests : IAsyncLifetime
{
    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected TestServer Server { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        Server = await TestServer.StartAsync();
        await Server.CreateBucketAsync("bucket");
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
