using Ocellus.Objects.External;
using Ocellus.Objects.Files;
using Ocellus.Storage;

namespace Ocellus.Tests.Objects.External;

/// <summary>The embedded store of a server stands for the external one.</summary>
public sealed class ObjectMoveTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-moved-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task An_object_comes_back_with_all_that_was_said_of_it()
    {
        await using var store = await TestServer.StartAsync();
        var options = new ExternalStoreOptions
        {
            Endpoint = store.BaseAddress.GetLeftPart(UriPartial.Authority),
            AccessKey = store.Signer.AccessKeyId,
            SecretKey = store.Signer.Secret,
        };
        var said = new PutOptions
        {
            ContentType = "text/x-own",
            UserMetadata = new() { ["a"] = "1" },
            Headers = new()
            {
                ["Cache-Control"] = "no-cache",
                ["Content-Disposition"] = "attachment",
                ["Content-Encoding"] = "gzip",
                ["Content-Language"] = "de",
                ["Expires"] = "Wed, 21 Oct 2037 07:28:00 GMT",
            },
            Tags = new() { ["kind"] = "cell" },
        };
        using (var from = DataDirectory.Open(Path.Combine(_top, "from")))
        {
            var own = new ObjectStore(from.ObjectsPath, TimeProvider.System);
            own.Open(Cancel);
            own.CreateBucket("samples", "123456789012", "us-east-1");
            await own.PutAsync("samples", "ä b/+.txt", new MemoryStream([1, 2, 3]), said, Cancel);
            await own.PutAsync("samples", "plain", new MemoryStream([4]), new PutOptions(), Cancel);
            using var move = new ObjectMove(from, options);
            Assert.Equal(2, await move.OutAsync((_, _) => { }, Cancel));
        }

        using var to = DataDirectory.Open(Path.Combine(_top, "to"));
        using (var move = new ObjectMove(to, options))
        {
            Assert.Equal(2, await move.InAsync("123456789012", (_, _) => { }, Cancel));
        }

        var back = new ObjectStore(to.ObjectsPath, TimeProvider.System);
        back.Open(Cancel);
        await back.OpenedAsync("samples", Cancel);
        await using var content = back.OpenRead("samples", "ä b/+.txt", out var info)!;
        Assert.Equal(3, info!.Size);
        Assert.Equal(said.ContentType, info.ContentType);
        Assert.Equal(said.UserMetadata, info.UserMetadata);
        Assert.Equal(said.Headers, info.Headers);
        Assert.Equal(said.Tags, info.Tags);
    }
}
