using System.Net;
using System.Xml.Linq;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>Requests with the bucket in the host.</summary>
public sealed class S3TargetTests : BucketTests
{
    [Theory]
    [InlineData("k")]
    [InlineData("a/b c")]
    [InlineData("/leading")]
    [InlineData("../up")]
    [InlineData("health/ready")]
    [InlineData("metrics")]
    public async Task A_key_is_the_whole_path(string key)
    {
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Put, "/" + Signer.Path(key), "", "hello")).StatusCode);
        using var byHost = await SendAsync(HttpMethod.Get, "/" + Signer.Path(key));
        Assert.Equal("hello", await byHost.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(key, (await Server.OkAsync(HttpMethod.Get, "/bucket", "list-type=2")).Element(Ns + "Contents")!.Element(Ns + "Key")!.Value);
    }

    [Fact]
    public async Task The_root_of_the_host_is_the_bucket()
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        using var list = await SendAsync(HttpMethod.Get, "/", "list-type=2");
        Assert.Equal("bucket", (await TestServer.XmlAsync(list)).Element(Ns + "Name")!.Value);
        using var deleted = await SendAsync(
            HttpMethod.Post, "/", "delete=", new XElement("Delete", new XElement("Object", new XElement("Key", "k"))).ToString());
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 404, "NoSuchKey", "'k'");
        using var absent = await SendAsync(HttpMethod.Get, "/k", host: "absent");
        await AssertErrorAsync(absent, 404, "NoSuchBucket", "'absent'");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string query = "", string? body = null, string host = "bucket")
    {
        var bytes = body is null ? [] : System.Text.Encoding.UTF8.GetBytes(body);
        using var request = Server.S3Request(method, path, query, content: body is null ? null : new ByteArrayContent(bytes));
        request.Headers.Host = $"{host}.localhost:{Server.BaseAddress.Port}";
        Server.Signer.Sign(request, "s3", Signer.HashOf(bytes));
        return await Server.Client.SendAsync(request, Cancel);
    }
}
