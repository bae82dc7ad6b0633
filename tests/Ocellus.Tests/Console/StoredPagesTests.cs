using System.Net;
using System.Text;

namespace Ocellus.Tests.Console;

/// <summary>Stored objects share the console's origin, so every answer of the object store must be harmless in a browser.</summary>
public sealed class StoredPagesTests
{
    [Fact]
    public async Task Every_answer_of_the_object_store_is_sandboxed()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("pages");
        using var put = await server.SendS3Async(
            HttpMethod.Put, "/pages/evil.html", headers: [("Content-Type", "text/html")], body: Encoding.UTF8.GetBytes("<script>fetch('/ui/')</script>"));
        var link = server.Signer.Presign(HttpMethod.Get, new Uri(server.BaseAddress, "/pages/evil.html"), "60");
        var answers = new List<(string What, HttpResponseMessage Response)>
        {
            ("put", put),
            ("get", await server.SendS3Async(HttpMethod.Get, "/pages/evil.html")),
            ("part", await server.SendS3Async(HttpMethod.Get, "/pages/evil.html", headers: [("Range", "bytes=0-3")])),
            ("head", await server.SendS3Async(HttpMethod.Head, "/pages/evil.html")),
            ("link", await server.Client.GetAsync(link, TestContext.Current.CancellationToken)),
            ("list", await server.SendS3Async(HttpMethod.Get, "/pages")),
            ("buckets", await server.SendS3Async(HttpMethod.Get, "/")),
            ("missing", await server.SendS3Async(HttpMethod.Get, "/pages/none")),
            ("range", await server.SendS3Async(HttpMethod.Get, "/pages/evil.html", headers: [("Range", "bytes=99-")])),
            ("unchanged", await server.SendS3Async(HttpMethod.Get, "/pages/evil.html", headers: [("If-None-Match", "*")])),
            ("unsigned", await server.Client.GetAsync(new Uri(server.BaseAddress, "/pages/evil.html"), TestContext.Current.CancellationToken)),
            ("forged", await server.Client.GetAsync(new Uri(link + "0"), TestContext.Current.CancellationToken)),
            ("bad query", await server.Client.GetAsync(new Uri(server.BaseAddress, "/pages?a=%FF"), TestContext.Current.CancellationToken)),
            ("preflight", await server.Client.SendAsync(
                new(HttpMethod.Options, new Uri(server.BaseAddress, "/pages/evil.html")), TestContext.Current.CancellationToken)),
            ("delete", await server.SendS3Async(HttpMethod.Delete, "/pages/evil.html")),
        };

        foreach (var (what, response) in answers)
        {
            Assert.True(
                response.Headers.TryGetValues("Content-Security-Policy", out var policy) && policy.SequenceEqual(["sandbox"]), $"{what}: no sandbox");
            Assert.True(response.Headers.TryGetValues("X-Content-Type-Options", out var types) && types.SequenceEqual(["nosniff"]), $"{what}: no nosniff");
            response.Dispose();
        }

        Assert.Contains(answers, a => a.Response.StatusCode == HttpStatusCode.OK && a.What == "link");
    }

    [Fact]
    public async Task An_object_cannot_bring_a_policy_of_its_own()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("pages");
        using var put = await server.SendS3Async(
            HttpMethod.Put, "/pages/a.html", headers: [("Content-Type", "text/html"), ("x-amz-meta-content-security-policy", "script-src *")],
            body: "x"u8.ToArray());
        using var get = await server.SendS3Async(HttpMethod.Get, "/pages/a.html", "response-content-type=text%2Fhtml");
        Assert.Equal("sandbox", get.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal("text/html", get.Content.Headers.ContentType!.MediaType);
    }
}
