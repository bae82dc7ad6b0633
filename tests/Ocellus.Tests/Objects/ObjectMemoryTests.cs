using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Objects.Files;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Objects;

[Collection(AloneCollection.Name)]
public sealed class ObjectMemoryTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_large_body_passes_in_constant_memory()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("bucket");
        const int size = 64 << 20;
        const long growthMax = 32L << 20;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        using (var content = new StreamContent(new Zeros(size, () => most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: false)))))
        {
            content.Headers.ContentLength = size;
            using var put = await server.SendS3Async(HttpMethod.Put, "/bucket/large", "", null, content, Signer.UnsignedPayload, server.Signer);
            Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        }

        Assert.True(most - before < growthMax, $"memory grew by {(most - before) >> 20} MiB");
        using var read = await server.SendS3Async(HttpMethod.Get, "/bucket/large");
        await using var body = await read.Content.ReadAsStreamAsync(Cancel);
        Assert.Equal(
            Convert.ToHexString(await SHA256.HashDataAsync(new Zeros(size, () => { }), Cancel)), Convert.ToHexString(await SHA256.HashDataAsync(body, Cancel)));
        Assert.Equal(size, server.Services.GetRequiredService<ObjectStore>().List("bucket", "large", null, null, 1).Objects[0].Size);
    }

    /// <summary>So many zero bytes, without holding them.</summary>
    private sealed class Zeros(long left, Action onRead) : Stream
    {
        private long _left = left;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            onRead();
            var read = (int)Math.Min(count, _left);
            Array.Clear(buffer, offset, read);
            _left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
