using System.Net;
using System.Text;
using System.Xml.Linq;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Objects.Files;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Objects;

public sealed class ObjectTests : BucketTests
{
    private ObjectStore _store = null!;

    private string Root => Path.Combine(Server.DataPath, "objects");

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _store = Server.Services.GetRequiredService<ObjectStore>();
    }

    [Theory]
    [InlineData("crc32", "cbf43926")]
    [InlineData("crc32c", "e3069283")]
    [InlineData("crc64nvme", "ae8b14860a799888")]
    public void Checksums_give_the_published_check_values(string name, string expected)
    {
        using var digests = new DigestSet([name]);
        digests.Append("123456789"u8);
        Assert.Equal(expected, Convert.ToHexStringLower(digests.Finish().Values[name]));
    }

    [Theory]
    [InlineData("abc", true)]
    [InlineData("a.b-c", true)]
    [InlineData("ab", false)]
    [InlineData("a..b", false)]
    [InlineData("../x", false)]
    [InlineData("Abc", false)]
    [InlineData("-abc", false)]
    [InlineData("10.0.0.1", false)]
    public void Bucket_names_follow_the_rules(string name, bool valid) => Assert.Equal(valid, ObjectNames.IsBucketName(name));

    [Theory]
    [InlineData("../../escape")]
    [InlineData("/etc/passwd")]
    [InlineData("a\\..\\..\\b")]
    [InlineData("control\u0001byte")]
    public async Task Hostile_keys_never_leave_the_root(string key)
    {
        var before = Directory.GetFileSystemEntries(Server.DataPath).Order();
        using var response = await SendAsync(HttpMethod.Put, "bucket", key, "x");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(before, Directory.GetFileSystemEntries(Server.DataPath).Order());
        // The two files of the barrier that a backup closes, and the bucket.
        Assert.Equal([".door", ".inside", "bucket"], Directory.GetFileSystemEntries(Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(key, Assert.Single(_store.List("bucket", "", null, null, 10).Objects).Key);
        using var read = await SendAsync(HttpMethod.Get, "bucket", key);
        Assert.Equal("x", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_key_and_a_key_below_it_both_exist_after_reopening()
    {
        await PutAsync("a/b", "two");
        await PutAsync("a", "one");
        await PutAsync("\uE000", "bmp");
        await PutAsync("\U0001F600", "astral");
        var again = new ObjectStore(Root, TimeProvider.System);
        Assert.Equal(["a", "a/b", "\uE000", "\U0001F600"], again.List("bucket", "", null, null, 10).Objects.Select(o => o.Key));
        Assert.Equal("us-east-1", again.FindBucket("bucket")!.Region);
    }

    [Fact]
    public async Task A_refused_overwrite_leaves_the_old_object_and_no_files()
    {
        await PutAsync("k", "old");
        using var response = await SendAsync(HttpMethod.Put, "bucket", "k", "new", ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="));
        await AssertErrorAsync(response, HttpStatusCode.BadRequest, "BadDigest");
        using var read = await SendAsync(HttpMethod.Get, "bucket", "k");
        Assert.Equal("old", await read.Content.ReadAsStringAsync(Cancel));
        await PutAsync("k", "newer");
        Assert.Equal(2, Directory.GetFiles(Path.Combine(Root, "bucket"), "*", SearchOption.AllDirectories).Count(f => Path.GetFileName(f) != "bucket.json"));
    }

    [Fact]
    public async Task An_object_comes_back_with_its_metadata()
    {
        using var put = await SendAsync(HttpMethod.Put, "bucket", "k", "hello", ("x-amz-meta-colour", "blue"), ("x-amz-checksum-crc32", "NhCmhg=="));
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        using var read = await SendAsync(HttpMethod.Get, "bucket", "k", null, ("x-amz-checksum-mode", "ENABLED"));
        Assert.Equal("hello", await read.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("\"5d41402abc4b2a76b9719d911017c592\"", read.Headers.ETag!.Tag);
        Assert.Equal("blue", read.Headers.GetValues("x-amz-meta-colour").Single());
        Assert.Equal("NhCmhg==", read.Headers.GetValues("x-amz-checksum-crc32").Single());
    }

    [Theory]
    [InlineData("bytes=2-4", "234", "bytes 2-4/10")]
    [InlineData("bytes=-3", "789", "bytes 7-9/10")]
    [InlineData("bytes=8-99", "89", "bytes 8-9/10")]
    public async Task Ranges_give_the_bytes_asked_for(string range, string expected, string header)
    {
        await PutAsync("k", "0123456789");
        using var read = await SendAsync(HttpMethod.Get, "bucket", "k", null, ("Range", range));
        Assert.Equal(HttpStatusCode.PartialContent, read.StatusCode);
        Assert.Equal(expected, await read.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(header, read.Content.Headers.ContentRange!.ToString());
    }

    [Fact]
    public async Task Conditions_and_errors_have_their_status()
    {
        await PutAsync("k", "hello");
        using var notModified = await SendAsync(HttpMethod.Get, "bucket", "k", null, ("If-None-Match", "\"5d41402abc4b2a76b9719d911017c592\""));
        Assert.Equal(HttpStatusCode.NotModified, notModified.StatusCode);
        using var failed = await SendAsync(HttpMethod.Get, "bucket", "k", null, ("If-Match", "\"other\""));
        await AssertErrorAsync(failed, HttpStatusCode.PreconditionFailed, "PreconditionFailed");
        using var exists = await SendAsync(HttpMethod.Put, "bucket", "k", "x", ("If-None-Match", "*"));
        await AssertErrorAsync(exists, HttpStatusCode.PreconditionFailed, "PreconditionFailed");
        using var range = await SendAsync(HttpMethod.Get, "bucket", "k", null, ("Range", "bytes=5-"));
        await AssertErrorAsync(range, HttpStatusCode.RequestedRangeNotSatisfiable, "InvalidRange");
        using var key = await SendAsync(HttpMethod.Get, "bucket", "none");
        await AssertErrorAsync(key, HttpStatusCode.NotFound, "NoSuchKey");
        using var bucket = await SendAsync(HttpMethod.Get, "absent", "none");
        await AssertErrorAsync(bucket, HttpStatusCode.NotFound, "NoSuchBucket");
        using var full = await SendAsync(HttpMethod.Delete, "bucket", "");
        await AssertErrorAsync(full, HttpStatusCode.Conflict, "BucketNotEmpty");
        using var tooLong = await SendAsync(HttpMethod.Put, "bucket", new string('k', 1025), "x");
        await AssertErrorAsync(tooLong, HttpStatusCode.BadRequest, "KeyTooLongError");
    }

    [Fact]
    public async Task Pages_with_a_delimiter_give_every_entry_once()
    {
        foreach (var key in new[] { "a/1", "a/2", "b", "c/1", "c/2", "d" })
        {
            await PutAsync(key, "x");
        }

        var seen = new List<string>();
        string? token = null;
        do
        {
            var query = "?list-type=2&delimiter=%2F&max-keys=1" + (token is null ? "" : "&continuation-token=" + Uri.EscapeDataString(token));
            var xml = await TestServer.XmlAsync(await RawAsync(HttpMethod.Get, "/bucket" + query, null));
            var ns = xml.Name.Namespace;
            seen.AddRange(xml.Elements(ns + "Contents").Select(e => e.Element(ns + "Key")!.Value));
            seen.AddRange(xml.Elements(ns + "CommonPrefixes").Select(e => e.Element(ns + "Prefix")!.Value));
            token = xml.Element(ns + "NextContinuationToken")?.Value;
        }
        while (token is not null && seen.Count < 10);

        Assert.Equal(["a/", "b", "c/", "d"], seen);
    }

    [Fact]
    public async Task A_multipart_upload_joins_its_parts()
    {
        var xml = XElement.Parse(await (await RawAsync(HttpMethod.Post, "/bucket/big?uploads", "")).Content.ReadAsStringAsync(Cancel));
        var id = xml.Element(xml.Name.Namespace + "UploadId")!.Value;
        var first = new string('a', 5 << 20);
        var one = (await RawAsync(HttpMethod.Put, $"/bucket/big?partNumber=1&uploadId={id}", first)).Headers.ETag!.Tag;
        var two = (await RawAsync(HttpMethod.Put, $"/bucket/big?partNumber=2&uploadId={id}", "b")).Headers.ETag!.Tag;
        using var disordered = await RawAsync(HttpMethod.Post, $"/bucket/big?uploadId={id}", Complete((2, two), (1, one)));
        await AssertErrorAsync(disordered, HttpStatusCode.BadRequest, "InvalidPartOrder");
        using var done = await RawAsync(HttpMethod.Post, $"/bucket/big?uploadId={id}", Complete((1, one), (2, two)));
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        using var read = await SendAsync(HttpMethod.Get, "bucket", "big");
        Assert.Equal(first + "b", await read.Content.ReadAsStringAsync(Cancel));
        Assert.EndsWith("-2\"", read.Headers.ETag!.Tag, StringComparison.Ordinal);
        using var gone = await RawAsync(HttpMethod.Get, $"/bucket/big?uploadId={id}", null);
        await AssertErrorAsync(gone, HttpStatusCode.NotFound, "NoSuchUpload");
    }

    private static string Complete(params (int Number, string ETag)[] parts) => new XElement("CompleteMultipartUpload",
        parts.Select(p => new XElement("Part", new XElement("PartNumber", p.Number), new XElement("ETag", p.ETag)))).ToString();

    private static async Task AssertErrorAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(code, XElement.Parse(await response.Content.ReadAsStringAsync(Cancel)).Element("Code")!.Value);
    }

    private async Task PutAsync(string key, string content)
    {
        using var body = new MemoryStream(Encoding.UTF8.GetBytes(content));
        await _store.PutAsync("bucket", key, body, new PutOptions(), Cancel);
    }

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string bucket, string key, string? body = null, params (string, string)[] headers) =>
        RawAsync(method, $"/{bucket}/{Signer.Path(key)}", body, headers);

    private Task<HttpResponseMessage> RawAsync(HttpMethod method, string target, string? body, params (string, string)[] headers) =>
        Server.SendS3Async(
            method, target.Split('?')[0], target.Contains('?', StringComparison.Ordinal) ? target.Split('?')[1] : "", headers,
            body is null ? null : Encoding.UTF8.GetBytes(body));
}
