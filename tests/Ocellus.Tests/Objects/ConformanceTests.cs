using System.Net;
using System.Text;
using System.Xml.Linq;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>What a public conformance suite of S3 asks for, within what the compatibility page says is served.</summary>
public sealed class ConformanceTests : BucketTests
{
    [Fact]
    public async Task An_upload_that_is_completed_again_gives_the_same_answer_also_after_a_restart()
    {
        var id = (await Server.OkAsync(HttpMethod.Post, "/bucket/k", "uploads=")).Element(Ns + "UploadId")!.Value;
        var body = await PartAsync(id, "hello");
        var first = await Server.OkAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", body);
        var second = await Server.OkAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", body);
        Assert.Equal(first.ToString(), second.ToString());
        var written = (await Server.OkAsync(HttpMethod.Get, "/bucket")).Element(Ns + "Contents")!.Element(Ns + "LastModified")!.Value;
        await Server.RestartAsync();
        // A retry of a write on condition is no second write either.
        Assert.Equal(first.Element(Ns + "ETag")!.Value, (await Server.OkAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", body, ("If-None-Match", "*")))
            .Element(Ns + "ETag")!.Value);
        Assert.Equal(written, (await Server.OkAsync(HttpMethod.Get, "/bucket")).Element(Ns + "Contents")!.Element(Ns + "LastModified")!.Value);

        // Of other parts it was not made, and of another key it is not the upload.
        await Server.RefusedAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", body.Replace("<PartNumber>1<", "<PartNumber>2<", StringComparison.Ordinal),
            400, "InvalidPart", "was completed");
        await Server.RefusedAsync(HttpMethod.Post, "/bucket/other", $"uploadId={id}", body, 404, "NoSuchUpload", "");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", $"uploadId={id}", null, 404, "NoSuchUpload", "");
        await Server.PutObjectAsync("bucket", "k", "other"u8.ToArray());
        await Server.RefusedAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", body, 404, "NoSuchUpload", "");
    }

    [Fact]
    public async Task A_checksum_that_nobody_asked_for_is_neither_kept_nor_given()
    {
        using var put = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", body: "hello"u8.ToArray());
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k", headers: [("x-amz-checksum-mode", "ENABLED")]);
        foreach (var answer in new[] { put, read })
        {
            Assert.DoesNotContain(answer.Headers, h => h.Key.StartsWith("x-amz-checksum", StringComparison.OrdinalIgnoreCase));
        }

        Assert.Empty((await Server.OkAsync(HttpMethod.Get, "/bucket")).Element(Ns + "Contents")!.Elements(Ns + "ChecksumAlgorithm"));
        var copied = await Server.OkAsync(HttpMethod.Put, "/bucket/copy", "", null, ("x-amz-copy-source", "bucket/k"));
        Assert.Equal(["LastModified", "ETag"], copied.Elements().Select(e => e.Name.LocalName));

        using var begun = await Server.SendS3Async(HttpMethod.Post, "/bucket/parts", "uploads=", [("x-amz-checksum-algorithm", "CRC32")]);
        var id = (await TestServer.XmlAsync(begun)).Element(Ns + "UploadId")!.Value;
        using var part = await Server.SendS3Async(HttpMethod.Put, "/bucket/parts", $"partNumber=1&uploadId={id}", body: "hello"u8.ToArray());
        Assert.Equal(["x-amz-checksum-crc32"], part.Headers.Select(h => h.Key.ToLowerInvariant())
            .Where(h => h.StartsWith("x-amz-checksum", StringComparison.Ordinal)));
        var listed = await Server.OkAsync(HttpMethod.Get, "/bucket/parts", $"uploadId={id}");
        Assert.Equal(["ChecksumCRC32"], listed.Element(Ns + "Part")!.Elements().Select(e => e.Name.LocalName)
            .Where(n => n.StartsWith("Checksum", StringComparison.Ordinal)));

        // The signature's hash of the body is held against it all the same.
        using var wrong = await Server.SendS3Async(HttpMethod.Put, "/bucket/wrong", "", null, new ByteArrayContent("other"u8.ToArray()),
            Signer.HashOf("hello"u8), Server.Signer);
        await AssertErrorAsync(wrong, 400, "XAmzContentSHA256Mismatch", "does not match");
    }

    [Fact]
    public async Task A_copy_tells_its_checksum_and_the_type_of_it()
    {
        using var put = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("x-amz-checksum-crc32", "NhCmhg==")], body: "hello"u8.ToArray());
        var kept = await Server.OkAsync(HttpMethod.Put, "/bucket/kept", "", null, ("x-amz-copy-source", "bucket/k"));
        Assert.Equal(("NhCmhg==", "FULL_OBJECT"), ((string?)kept.Element(Ns + "ChecksumCRC32"), (string?)kept.Element(Ns + "ChecksumType")));
        var asked = await Server.OkAsync(HttpMethod.Put, "/bucket/asked", "", null, ("x-amz-copy-source", "bucket/k"), ("x-amz-checksum-algorithm", "SHA256"));
        Assert.Equal(["ChecksumSHA256", "ChecksumType"], asked.Elements().Select(e => e.Name.LocalName)
            .Where(n => n.StartsWith("Checksum", StringComparison.Ordinal)));
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/asked", "", null, 400, "InvalidRequest", "'md4'", null, ("x-amz-copy-source", "bucket/k"),
            ("x-amz-checksum-algorithm", "MD4"));
    }

    [Fact]
    public async Task Buckets_are_listed_in_pages_by_prefix_and_by_region()
    {
        foreach (var name in new[] { "a-one", "a-three", "a-two", "z-last" })
        {
            await Server.CreateBucketAsync(name);
        }

        Assert.Equal(["a-one", "a-three", "a-two", "bucket", "z-last"], Names(await Server.OkAsync(HttpMethod.Get, "/")));
        var first = await Server.OkAsync(HttpMethod.Get, "/", "max-buckets=2&prefix=a-");
        Assert.Equal(["a-one", "a-three"], Names(first));
        Assert.Equal("a-", first.Element(Ns + "Prefix")!.Value);
        var token = first.Element(Ns + "ContinuationToken")!.Value;
        var last = await Server.OkAsync(HttpMethod.Get, "/", $"continuation-token={Uri.EscapeDataString(token)}&max-buckets=2&prefix=a-");
        Assert.Equal(["a-two"], Names(last));
        Assert.Null(last.Element(Ns + "ContinuationToken"));
        Assert.Null((await Server.OkAsync(HttpMethod.Get, "/", "max-buckets=5")).Element(Ns + "ContinuationToken"));
        Assert.Empty(Names(await Server.OkAsync(HttpMethod.Get, "/", "bucket-region=eu-west-1")));
        Assert.Equal(5, Names(await Server.OkAsync(HttpMethod.Get, "/", "bucket-region=us-east-1")).Length);
        foreach (var query in new[] { "max-buckets=0", "max-buckets=10001", "max-buckets=many", "continuation-token=%21" })
        {
            await Server.RefusedAsync(HttpMethod.Get, "/", query, null, 400, "InvalidArgument", "");
        }

        static string[] Names(XElement list) => [.. list.Element(Ns + "Buckets")!.Elements().Select(b => b.Element(Ns + "Name")!.Value)];
    }

    [Theory]
    [InlineData("deflate, gzip", "deflate, gzip")]
    [InlineData("aws-chunked, deflate, gzip", "deflate, gzip")]
    [InlineData("gzip,aws-chunked", "gzip")]
    [InlineData("aws-chunked", null)]
    public async Task Of_a_content_encoding_only_the_framing_of_the_request_is_taken_away(string sent, string? kept)
    {
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "", "x", ("Content-Encoding", sent)));
        using var read = await Server.SendS3Async(HttpMethod.Head, "/bucket/k");
        Assert.Equal(kept, read.Content.Headers.NonValidated.TryGetValues("Content-Encoding", out var values) ? values.ToString() : null);
    }

    [Theory]
    [InlineData("a%FF")]
    [InlineData("a%C3")]
    [InlineData("%C0%AF")]
    [InlineData("%ED%A0%80")]
    [InlineData("a%zz")]
    [InlineData("a%")]
    public async Task A_key_that_is_not_UTF_8_is_refused_and_never_taken_for_another(string key)
    {
        foreach (var method in new[] { HttpMethod.Put, HttpMethod.Get, HttpMethod.Delete })
        {
            await Server.RefusedAsync(method, "/bucket/" + key, "", method == HttpMethod.Put ? "x" : null, 400, "InvalidURI", "UTF-8");
        }

        await Server.RefusedAsync(HttpMethod.Put, "/bucket/copy", "", null, 400, "InvalidArgument", "UTF-8", null, ("x-amz-copy-source", "bucket/" + key));
        using var head = await Server.SendS3Async(HttpMethod.Head, "/bucket/" + key);
        Assert.Equal(HttpStatusCode.BadRequest, head.StatusCode);
        Assert.Empty((await Server.OkAsync(HttpMethod.Get, "/bucket")).Elements(Ns + "Contents"));
    }

    [Fact]
    public async Task An_empty_continuation_token_is_echoed_and_begins_at_the_start()
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        var list = await Server.OkAsync(HttpMethod.Get, "/bucket", "continuation-token=&list-type=2");
        Assert.Equal(("", "k", "false"),
            (list.Element(Ns + "ContinuationToken")!.Value, list.Element(Ns + "Contents")!.Element(Ns + "Key")!.Value,
            list.Element(Ns + "IsTruncated")!.Value));
        Assert.Null((await Server.OkAsync(HttpMethod.Get, "/bucket", "list-type=2")).Element(Ns + "ContinuationToken"));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "continuation-token=%2Fw%3D%3D&list-type=2", null, 400, "InvalidArgument", "continuation token");
    }

    private async Task<string> PartAsync(string id, string content)
    {
        using var part = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", $"partNumber=1&uploadId={id}", body: Encoding.UTF8.GetBytes(content));
        return new XElement("CompleteMultipartUpload", new XElement("Part", new XElement("PartNumber", 1), new XElement("ETag", part.Headers.ETag!.Tag)))
            .ToString();
    }
}
