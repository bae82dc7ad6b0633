using System.Globalization;
using System.Net;
using System.Text;
using System.Xml.Linq;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>The object store over HTTP, with real signatures.</summary>
public sealed class ObjectWireTests : BucketTests
{
    [Fact]
    public async Task Deleting_many_keys_answers_for_each()
    {
        await PutAsync("a", "x");
        await PutAsync("b", "x");
        var tooLong = new string('k', 1025);
        var body = new XElement("Delete", new[] { "a", "absent", "", tooLong }.Select(k => new XElement("Object", new XElement("Key", k))),
            new XElement("Object", new XElement("Key", "b"), new XElement("VersionId", "v7")));
        var xml = await OkAsync(HttpMethod.Post, "/bucket", "delete", body.ToString());
        Assert.Equal(["a", "absent"], xml.Elements(Ns + "Deleted").Select(e => e.Element(Ns + "Key")!.Value));
        Assert.Equal(
            [("", "UserKeyMustBeSpecified"), (tooLong, "KeyTooLongError"), ("b", "NoSuchVersion")],
            xml.Elements(Ns + "Error").Select(e => (e.Element(Ns + "Key")!.Value, e.Element(Ns + "Code")!.Value)));
        var quiet = await OkAsync(HttpMethod.Post, "/bucket", "delete", "<Delete><Quiet>true</Quiet><Object><Key>b</Key></Object></Delete>");
        Assert.Empty(quiet.Elements());
        await RefusedAsync(HttpMethod.Post, "/bucket", "delete", "<Delete/>", 400, "MalformedXML", "with 0");
        await RefusedAsync(HttpMethod.Post, "/bucket", "delete", "<Delete>", 400, "MalformedXML", "not well formed");
        await RefusedAsync(
            HttpMethod.Post, "/bucket", "delete",
            new XElement("Delete", Enumerable.Range(0, 1001).Select(i => new XElement("Object", new XElement("Key", i)))).ToString(), 400, "MalformedXML",
            "with 1001");
    }

    [Fact]
    public async Task A_failure_of_the_disk_is_an_internal_error_with_a_request_id_and_no_details()
    {
        await PutAsync("k", "x");
        foreach (var file in Directory.GetFiles(Path.Combine(Server.DataPath, "objects"), "*.data", SearchOption.AllDirectories))
        {
            File.Delete(file);
        }

        using var response = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var error = await TestServer.XmlAsync(response);
        Assert.Equal("InternalError", error.Element("Code")!.Value);
        Assert.Equal(Assert.Single(response.Headers.GetValues("x-amz-request-id")), error.Element("RequestId")!.Value);
        Assert.Contains(error.Element("RequestId")!.Value, error.Element("Message")!.Value, StringComparison.Ordinal);
        Assert.DoesNotContain(Server.DataPath, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Buckets_keep_their_region_and_are_served_to_every_region()
    {
        var west = Server.Signer with { Region = "eu-west-1" };
        await RefusedAsync(HttpMethod.Put, "/elsewhere", "", Location("us-west-2"), 400, "IllegalLocationConstraintException", "us-west-2", west);
        await RefusedAsync(HttpMethod.Put, "/elsewhere", "", Location("Mars"), 400, "InvalidLocationConstraint", "'Mars'");
        using var made = await SendAsync(HttpMethod.Put, "/west-bucket", "", Location("eu-west-1"), west);
        Assert.Equal(HttpStatusCode.OK, made.StatusCode);
        using var head = await Server.SendS3Async(HttpMethod.Head, "/west-bucket");
        Assert.Equal("eu-west-1", head.Headers.GetValues("x-amz-bucket-region").Single());
        await Server.PutObjectAsync("west-bucket", "k", "x"u8.ToArray());
        Assert.Equal("eu-west-1", (await OkAsync(HttpMethod.Get, "/west-bucket", "location")).Value);
        Assert.Equal("", (await OkAsync(HttpMethod.Get, "/bucket", "location")).Value);
        await RefusedAsync(HttpMethod.Put, "/west-bucket", "", Location("eu-west-1"), 409, "BucketAlreadyOwnedByYou", "own it", west);
        await Server.CreateBucketAsync("bucket");
    }

    [Theory]
    [InlineData("crc32", "NhCmhg==")]
    [InlineData("crc32c", "mnG7TA==")]
    [InlineData("crc64nvme", "M3eFcAZSQlc=")]
    [InlineData("sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")]
    [InlineData("sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")]
    public async Task A_trailing_checksum_is_verified_and_kept(string name, string value)
    {
        var header = "x-amz-checksum-" + name;
        using var put = await ChunkedAsync("/bucket/k", "hello", header, $"{header}:{value}\r\n");
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        Assert.Equal(value, put.Headers.GetValues(header).Single());
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k", headers: [("x-amz-checksum-mode", "ENABLED")]);
        Assert.Equal(value, read.Headers.GetValues(header).Single());
        Assert.Empty(read.Content.Headers.ContentEncoding);

        using var wrong = await ChunkedAsync("/bucket/wrong", "hellO", header, $"{header}:{value}\r\n");
        await AssertErrorAsync(wrong, 400, "BadDigest", value);
        using var absent = await ChunkedAsync("/bucket/absent", "hello", header, "");
        await AssertErrorAsync(absent, 400, "MalformedTrailerError", header);
        using var cut = await ChunkedAsync("/bucket/cut", "hello", header, null);
        await AssertErrorAsync(cut, 400, "IncompleteBody", "ends before");
        using var none = await Server.SendS3Async(HttpMethod.Get, "/bucket/wrong");
        await AssertErrorAsync(none, 404, "NoSuchKey", "wrong");
    }

    [Fact]
    public async Task A_changed_body_is_refused_and_leaves_nothing()
    {
        var hash = Signer.HashOf("hello"u8);
        using var put = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", "", null, new ByteArrayContent("hellO"u8.ToArray()), hash, Server.Signer);
        await AssertErrorAsync(put, 400, "XAmzContentSHA256Mismatch", hash);
        using var none = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        await AssertErrorAsync(none, 404, "NoSuchKey", "'k'");

        var id = await UploadAsync("big");
        var tag = await PartAsync("big", id, 1, "part");
        using var complete = await Server.SendS3Async(
            HttpMethod.Post, "/bucket/big", $"uploadId={id}", null, new StringContent(Complete((1, tag)) + " "),
            Signer.HashOf(Encoding.UTF8.GetBytes(Complete((1, tag)))), Server.Signer);
        await AssertErrorAsync(complete, 400, "XAmzContentSHA256Mismatch", "computed");
    }

    [Fact]
    public async Task Signatures_that_are_wrong_have_their_codes()
    {
        await RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 403, "InvalidAccessKeyId", "AKIANONE", Server.Signer with { AccessKeyId = "AKIANONE" });
        await RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 403, "SignatureDoesNotMatch", "does not match", Server.Signer with { Secret = "wrong" });
        await RefusedAsync(
            HttpMethod.Get, "/bucket/k", "", null, 403, "RequestTimeTooSkewed", "Signature expired",
            Server.Signer with { ClockError = TimeSpan.FromMinutes(-6) });
        await RefusedAsync(
            HttpMethod.Get, "/bucket/k", "", null, 403, "RequestTimeTooSkewed", "not yet current", Server.Signer with { ClockError = TimeSpan.FromMinutes(6) });
        using var unsigned = Server.S3Request(HttpMethod.Get, "/bucket/k");
        using var anonymous = await Server.Client.SendAsync(unsigned, Cancel);
        await AssertErrorAsync(anonymous, 403, "AccessDenied", "Missing");
        using var added = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/k", "", [("x-amz-meta-colour", "blue")], new ByteArrayContent([]), Signer.HashOf([]),
            Server.Signer with { LeftOut = ["x-amz-meta-colour"] });
        await AssertErrorAsync(added, 403, "AccessDenied", "'x-amz-meta-colour'");
        using var token = await Server.SendS3Async(HttpMethod.Get, "/bucket/k", headers: [("x-amz-security-token", "abc")]);
        await AssertErrorAsync(token, 400, "InvalidToken", "3 characters");
        using var form = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", "", null, new ByteArrayContent([]), "none", Server.Signer);
        await AssertErrorAsync(form, 400, "InvalidArgument", "'none'");
    }

    [Fact]
    public async Task Links_read_and_write_until_they_expire()
    {
        var signer = Server.Signer;
        var target = Signer.Raw($"{Server.BaseAddress.GetLeftPart(UriPartial.Authority)}/bucket/{Signer.Path("a b+ö")}");
        using var put = await Server.Client.PutAsync(signer.Presign(HttpMethod.Put, target, "60"), new ByteArrayContent("hello"u8.ToArray()), Cancel);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        var shown = Signer.Raw(
            target.OriginalString + "?response-content-disposition=attachment%3B%20filename%3D%22x.txt%22&response-content-type=text%2Fplain");
        using var read = await Server.Client.GetAsync(signer.Presign(HttpMethod.Get, shown, "604800"), Cancel);
        Assert.Equal("hello", await read.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("attachment", read.Content.Headers.ContentDisposition!.DispositionType);
        Assert.Equal("text/plain", read.Content.Headers.ContentType!.MediaType);

        // Another method, another key, a time past and bounds.
        using var post = await Server.Client.DeleteAsync(signer.Presign(HttpMethod.Get, target, "60"), Cancel);
        await AssertErrorAsync(post, 403, "SignatureDoesNotMatch", "does not match");
        using var expired = await Server.Client.GetAsync(
            (signer with { ClockError = TimeSpan.FromSeconds(-62) }).Presign(HttpMethod.Get, target, "60"), Cancel);
        await AssertErrorAsync(expired, 403, "AccessDenied", "has expired");
        foreach (var expires in new[] { "0", "604801", "-1", "week" })
        {
            using var bounds = await Server.Client.GetAsync(signer.Presign(HttpMethod.Get, target, expires), Cancel);
            await AssertErrorAsync(bounds, 400, "AuthorizationQueryParametersError", $"'{expires}'");
        }

        // A header of S3's own that the link does not cover.
        using var request = new HttpRequestMessage(HttpMethod.Put, signer.Presign(HttpMethod.Put, target, "60")) { Content = new ByteArrayContent([]) };
        request.Headers.TryAddWithoutValidation("x-amz-meta-colour", "blue");
        using var added = await Server.Client.SendAsync(request, Cancel);
        await AssertErrorAsync(added, 403, "AccessDenied", "x-amz-meta-colour");

        // A parameter of the link that stands for a header.
        var hoisted = Signer.Raw(target.OriginalString + "?x-amz-meta-colour=blue");
        using var described = await Server.Client.PutAsync(signer.Presign(HttpMethod.Put, hoisted, "60"), new ByteArrayContent([]), Cancel);
        Assert.Equal(HttpStatusCode.OK, described.StatusCode);
        using var head = await Server.SendS3Async(HttpMethod.Head, target.AbsolutePath);
        Assert.Equal("blue", head.Headers.GetValues("x-amz-meta-colour").Single());
    }

    [Fact]
    public async Task Parts_and_uploads_are_listed_in_pages_and_an_abort_forgets_them()
    {
        var second = await UploadAsync("b c");
        var first = await UploadAsync("a");
        foreach (var number in new[] { 3, 1, 2 })
        {
            await PartAsync("a", first, number, "part " + number.ToString(CultureInfo.InvariantCulture));
        }

        var page = await OkAsync(HttpMethod.Get, "/bucket/a", $"max-parts=2&uploadId={first}");
        Assert.Equal(
            ("true", "2", "2"),
            (page.Element(Ns + "IsTruncated")!.Value, page.Element(Ns + "NextPartNumberMarker")!.Value, page.Element(Ns + "MaxParts")!.Value));
        Assert.Equal(["1", "2"], page.Elements(Ns + "Part").Select(p => p.Element(Ns + "PartNumber")!.Value));
        var rest = await OkAsync(HttpMethod.Get, "/bucket/a", $"part-number-marker=2&uploadId={first}");
        Assert.Equal(
            [("3", "6", "false")],
            rest.Elements(Ns + "Part")
                .Select(p => (p.Element(Ns + "PartNumber")!.Value, p.Element(Ns + "Size")!.Value, rest.Element(Ns + "IsTruncated")!.Value)));

        var uploads = await OkAsync(HttpMethod.Get, "/bucket", "encoding-type=url&max-uploads=1&uploads=");
        Assert.Equal([("a", first)], Uploads(uploads));
        Assert.Equal(
            ("true", "a", first),
            (uploads.Element(Ns + "IsTruncated")!.Value, uploads.Element(Ns + "NextKeyMarker")!.Value, uploads.Element(Ns + "NextUploadIdMarker")!.Value));
        var next = await OkAsync(HttpMethod.Get, "/bucket", $"encoding-type=url&key-marker=a&upload-id-marker={first}&uploads=");
        Assert.Equal([("b%20c", second)], Uploads(next));
        Assert.Equal([("b c", second)], Uploads(await OkAsync(HttpMethod.Get, "/bucket", "prefix=b&uploads=")));

        await Server.RestartAsync();
        using var aborted = await Server.SendS3Async(HttpMethod.Delete, "/bucket/a", $"uploadId={first}");
        Assert.Equal(HttpStatusCode.NoContent, aborted.StatusCode);
        await RefusedAsync(HttpMethod.Get, "/bucket/a", $"uploadId={first}", null, 404, "NoSuchUpload", "does not exist");
        await RefusedAsync(HttpMethod.Put, "/bucket/a", $"partNumber=1&uploadId={first}", "x", 404, "NoSuchUpload", "does not exist");
        await RefusedAsync(HttpMethod.Delete, "/bucket/a", "uploadId=..%2F..", null, 404, "NoSuchUpload", "does not exist");
        Assert.Equal([("b c", second)], Uploads(await OkAsync(HttpMethod.Get, "/bucket", "uploads=")));
        Assert.Single(Directory.GetDirectories(Path.Combine(Server.DataPath, "objects", "bucket", ".uploads")));

        static IEnumerable<(string, string)> Uploads(XElement xml) =>
            xml.Elements(Ns + "Upload").Select(u => (u.Element(Ns + "Key")!.Value, u.Element(Ns + "UploadId")!.Value));
    }

    [Fact]
    public async Task A_part_is_copied_from_a_range_and_a_wrong_completion_is_refused()
    {
        await PutAsync("source ö", new string('a', 6 << 20) + "0123456789");
        var id = await UploadAsync("joined");
        var source = ("x-amz-copy-source", "/bucket/" + Signer.Path("source ö"));
        using var copied = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/joined", $"partNumber=1&uploadId={id}", [source, ("x-amz-copy-source-range", $"bytes=0-{(5 << 20) - 1}")]);
        var one = (await TestServer.XmlAsync(copied)).Element(Ns + "ETag")!.Value;
        using var tail = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/joined", $"partNumber=2&uploadId={id}", [source, ("x-amz-copy-source-range", $"bytes={6 << 20}-{(6 << 20) + 9}")]);
        var two = (await TestServer.XmlAsync(tail)).Element(Ns + "ETag")!.Value;
        foreach (var (range, code) in new[]
        {
            ("bytes=1-", "InvalidArgument"),
            ("0-1", "InvalidArgument"),
            ("bytes=5-4", "InvalidArgument"),
            ($"bytes=0-{(6 << 20) + 10}", "InvalidRange"),
        })
        {
            using var refused = await Server.SendS3Async(
                HttpMethod.Put, "/bucket/joined", $"partNumber=3&uploadId={id}", [source, ("x-amz-copy-source-range", range)]);
            await AssertErrorAsync(refused, code == "InvalidRange" ? 416 : 400, code, range);
        }

        await RefusedAsync(HttpMethod.Put, "/bucket/joined", $"partNumber=0&uploadId={id}", "x", 400, "InvalidArgument", "received '0'");
        await RefusedAsync(HttpMethod.Put, "/bucket/joined", $"partNumber=10001&uploadId={id}", "x", 400, "InvalidArgument", "received '10001'");
        await RefusedAsync(HttpMethod.Post, "/bucket/joined", $"uploadId={id}", Complete((1, one), (3, two)), 400, "InvalidPart", "part 3");
        await RefusedAsync(HttpMethod.Post, "/bucket/joined", $"uploadId={id}", Complete((1, two), (2, two)), 400, "InvalidPart", "part 1");
        await RefusedAsync(HttpMethod.Post, "/bucket/joined", $"uploadId={id}", "<CompleteMultipartUpload/>", 400, "MalformedXML", "at least one Part");
        using var size = await Server.SendS3Async(
            HttpMethod.Post, "/bucket/joined", $"uploadId={id}", [("x-amz-mp-object-size", "5")], Encoding.UTF8.GetBytes(Complete((1, one), (2, two))));
        await AssertErrorAsync(size, 400, "InvalidRequest", "5242890");
        await OkAsync(HttpMethod.Post, "/bucket/joined", $"uploadId={id}", Complete((1, one), (2, two)));
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/joined", headers: [("Range", "bytes=-12")]);
        Assert.Equal("aa0123456789", await read.Content.ReadAsStringAsync(Cancel));

        var small = await UploadAsync("small");
        var tags = new[] { await PartAsync("small", small, 1, "x"), await PartAsync("small", small, 2, "y") };
        await RefusedAsync(HttpMethod.Post, "/bucket/small", $"uploadId={small}", Complete((1, tags[0]), (2, tags[1])), 400, "EntityTooSmall", "smaller");
    }

    [Fact]
    public async Task Checksums_of_a_completed_upload_are_held_against_its_parts()
    {
        using var begun = await Server.SendS3Async(HttpMethod.Post, "/bucket/sums", "uploads=", [("x-amz-checksum-algorithm", "CRC32")]);
        var id = (await TestServer.XmlAsync(begun)).Element(Ns + "UploadId")!.Value;
        using var part = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/sums", $"partNumber=1&uploadId={id}", [("x-amz-checksum-crc32", "NhCmhg==")], "hello"u8.ToArray());
        var tag = part.Headers.ETag!.Tag;
        string Body(string sum) =>
            new XElement(
                "CompleteMultipartUpload", new XElement("Part", new XElement("PartNumber", 1), new XElement("ETag", tag), new XElement("ChecksumCRC32", sum)))
                .ToString();
        await RefusedAsync(HttpMethod.Post, "/bucket/sums", $"uploadId={id}", Body("AAAAAA=="), 400, "InvalidPart", "part 1");
        using var wrong = await Server.SendS3Async(
            HttpMethod.Post, "/bucket/sums", $"uploadId={id}", [("x-amz-checksum-crc32", "AAAAAA==-1")], Encoding.UTF8.GetBytes(Body("NhCmhg==")));
        await AssertErrorAsync(wrong, 400, "BadDigest", "AAAAAA==-1");
        var xml = await OkAsync(HttpMethod.Post, "/bucket/sums", $"uploadId={id}", Body("NhCmhg=="));
        Assert.EndsWith("-1", xml.Element(Ns + "ChecksumCRC32")!.Value, StringComparison.Ordinal);
        Assert.Equal("COMPOSITE", xml.Element(Ns + "ChecksumType")!.Value);
        using var unknown = await Server.SendS3Async(HttpMethod.Post, "/bucket/sums", "uploads=", [("x-amz-checksum-algorithm", "MD4")]);
        await AssertErrorAsync(unknown, 400, "InvalidRequest", "'md4'");
    }

    [Fact]
    public async Task A_write_on_condition_keeps_what_another_wrote()
    {
        using var absent = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("If-Match", "\"0\"")], body: "x"u8.ToArray());
        await AssertErrorAsync(absent, 404, "NoSuchKey", "not exist");
        using var first = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("If-None-Match", "*")], body: "one"u8.ToArray());
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var again = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("If-None-Match", "*")], body: "two"u8.ToArray());
        await AssertErrorAsync(again, 412, "PreconditionFailed", "preconditions");
        using var match = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("If-Match", first.Headers.ETag!.Tag)], body: "three"u8.ToArray());
        Assert.Equal(HttpStatusCode.OK, match.StatusCode);
        using var stale = await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("If-Match", first.Headers.ETag!.Tag)], body: "four"u8.ToArray());
        await AssertErrorAsync(stale, 412, "PreconditionFailed", "preconditions");
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal("three", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_copy_takes_or_replaces_the_metadata()
    {
        using var put = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/from", headers: [("x-amz-meta-colour", "blau-ö"), ("Content-Type", "image/png"), ("Cache-Control", "no-cache")],
            body: "hello"u8.ToArray());
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        var source = ("x-amz-copy-source", "bucket/from");
        using var copied = await Server.SendS3Async(HttpMethod.Put, "/bucket/copied", headers: [source]);
        Assert.Equal("\"5d41402abc4b2a76b9719d911017c592\"", (await TestServer.XmlAsync(copied)).Element(Ns + "ETag")!.Value);
        using var head = await Server.SendS3Async(HttpMethod.Head, "/bucket/copied");
        Assert.Equal(("image/png", "no-cache"), (head.Content.Headers.ContentType!.MediaType, head.Headers.CacheControl!.ToString()));
        Assert.Equal("=?UTF-8?B?" + Convert.ToBase64String("blau-ö"u8) + "?=", head.Headers.GetValues("x-amz-meta-colour").Single());
        using var replaced = await Server.SendS3Async(
            HttpMethod.Put, "/bucket/from",
            headers: [source, ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-size", "5"), ("Content-Type", "text/plain")]);
        Assert.Equal(HttpStatusCode.OK, replaced.StatusCode);
        using var after = await Server.SendS3Async(HttpMethod.Get, "/bucket/from");
        Assert.Equal("hello", await after.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(
            ("text/plain", "5", false),
            (after.Content.Headers.ContentType!.MediaType, after.Headers.GetValues("x-amz-meta-size").Single(), after.Headers.Contains("x-amz-meta-colour")));

        foreach (var (headers, status, code) in new (List<(string, string)>, int, string)[]
        {
            ([source], 400, "InvalidRequest"),
            ([source, ("x-amz-metadata-directive", "MERGE")], 400, "InvalidArgument"),
            ([("x-amz-copy-source", "bucket")], 400, "InvalidArgument"),
            ([("x-amz-copy-source", "bucket/none")], 404, "NoSuchKey"),
            ([("x-amz-copy-source", "absent/from")], 404, "NoSuchBucket"),
            ([source, ("x-amz-copy-source-if-match", "\"0\"")], 412, "PreconditionFailed"),
        })
        {
            using var refused = await Server.SendS3Async(HttpMethod.Put, "/bucket/from", headers: headers);
            await AssertErrorAsync(refused, status, code, "");
        }

        using var large = await Server.SendS3Async(HttpMethod.Put, "/bucket/large", headers: [("x-amz-meta-a", new string('x', 2048))]);
        await AssertErrorAsync(large, 400, "MetadataTooLarge", "2049 bytes");
    }

    [Fact]
    public async Task Odd_keys_come_back_as_they_were_in_pages_of_one()
    {
        string[] keys =
        [
            " ", "+", "%", "%2F", "%41", "../x", "./y", "a b+c%20d&e=f?g#h", "a//b", "/lead", "trail/", "ö", "\U0001F600", "<&>\"'", "tab\tline\n",
            new string('k', 1024), string.Concat(Enumerable.Repeat("ö", 512)),
        ];
        foreach (var key in keys)
        {
            await Server.PutObjectAsync("bucket", key, Encoding.UTF8.GetBytes(key));
        }

        await Server.RestartAsync();
        var inOrder = keys.OrderBy(k => Convert.ToHexString(Encoding.UTF8.GetBytes(k)), StringComparer.Ordinal).ToList();
        var seen = new List<string>();
        for (string? token = null; seen.Count < 100;)
        {
            var page = await OkAsync(
                HttpMethod.Get, "/bucket",
                (token is null ? "" : $"continuation-token={Uri.EscapeDataString(token)}&") + "encoding-type=url&list-type=2&max-keys=1");
            seen.AddRange(page.Elements(Ns + "Contents").Select(c => Uri.UnescapeDataString(c.Element(Ns + "Key")!.Value)));
            if ((token = page.Element(Ns + "NextContinuationToken")?.Value) is null)
            {
                break;
            }
        }

        Assert.Equal(inOrder, seen);
        foreach (var key in keys)
        {
            using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/" + Signer.Path(key));
            Assert.Equal(key, await read.Content.ReadAsStringAsync(Cancel));
        }

        var after = await OkAsync(HttpMethod.Get, "/bucket", "encoding-type=url&list-type=2&start-after=" + Uri.EscapeDataString(inOrder[4]));
        Assert.Equal(inOrder.Skip(5), after.Elements(Ns + "Contents").Select(c => Uri.UnescapeDataString(c.Element(Ns + "Key")!.Value)));
        var marked = await OkAsync(HttpMethod.Get, "/bucket", "encoding-type=url&marker=" + Uri.EscapeDataString(inOrder[4]));
        Assert.Equal(inOrder.Skip(5), marked.Elements(Ns + "Contents").Select(c => Uri.UnescapeDataString(c.Element(Ns + "Key")!.Value)));
        await RefusedAsync(HttpMethod.Get, "/bucket", "continuation-token=%21&list-type=2", null, 400, "InvalidArgument", "'!'");
        await RefusedAsync(HttpMethod.Get, "/bucket", "list-type=2&max-keys=many", null, 400, "InvalidArgument", "'many'");
        await RefusedAsync(HttpMethod.Get, "/bucket", "encoding-type=gzip&list-type=2", null, 400, "InvalidArgument", "'gzip'");
        await RefusedAsync(HttpMethod.Put, "/bucket/" + string.Concat(Enumerable.Repeat("%C3%B6", 513)), "", "x", 400, "KeyTooLongError", "too long");
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        await PutAsync("empty", "");
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/empty");
        Assert.Equal((HttpStatusCode.OK, 0L), (read.StatusCode, read.Content.Headers.ContentLength));
        Assert.Equal("\"d41d8cd98f00b204e9800998ecf8427e\"", read.Headers.ETag!.Tag);
        using var range = await Server.SendS3Async(HttpMethod.Get, "/bucket/empty", headers: [("Range", "bytes=0-0")]);
        await AssertErrorAsync(range, 416, "InvalidRange", "");
        using var chunked = await ChunkedAsync("/bucket/chunked", "", "x-amz-checksum-crc32", "x-amz-checksum-crc32:AAAAAA==\r\n");
        Assert.Equal(HttpStatusCode.OK, chunked.StatusCode);
    }

    private static string Location(string region) => new XElement(Ns + "CreateBucketConfiguration", new XElement(Ns + "LocationConstraint", region)).ToString();

    private static string Complete(params (int Number, string ETag)[] parts) => new XElement("CompleteMultipartUpload",
        parts.Select(p => new XElement("Part", new XElement("PartNumber", p.Number), new XElement("ETag", p.ETag)))).ToString(SaveOptions.DisableFormatting);

    private Task PutAsync(string key, string content) => Server.PutObjectAsync("bucket", key, Encoding.UTF8.GetBytes(content));

    private async Task<string> UploadAsync(string key) =>
        (await OkAsync(HttpMethod.Post, "/bucket/" + Signer.Path(key), "uploads=")).Element(Ns + "UploadId")!.Value;

    private async Task<string> PartAsync(string key, string id, int number, string content)
    {
        using var response = await SendAsync(
            HttpMethod.Put, "/bucket/" + Signer.Path(key), string.Create(CultureInfo.InvariantCulture, $"partNumber={number}&uploadId={id}"), content);
        return response.Headers.ETag!.Tag;
    }

    private Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string query, string? body, Signer? signer = null) =>
        Server.SendTextAsync(method, path, query, body, signer);

    private Task<XElement> OkAsync(HttpMethod method, string path, string query, string? body = null) => Server.OkAsync(method, path, query, body);

    private Task RefusedAsync(HttpMethod method, string path, string query, string? body, int status, string code, string said, Signer? signer = null) =>
        Server.RefusedAsync(method, path, query, body, status, code, said, signer);

    /// <summary>A body as today's SDKs send it: one unsigned chunk and a trailing checksum; null leaves the end out.</summary>
    private async Task<HttpResponseMessage> ChunkedAsync(string path, string content, string announced, string? trailer)
    {
        var length = Encoding.UTF8.GetByteCount(content);
        var text = (length == 0 ? "" : $"{length:x}\r\n{content}\r\n") + (trailer is null ? "" : $"0\r\n{trailer}\r\n");
        return await Server.SendS3Async(HttpMethod.Put, path, "",
            [
                ("Content-Encoding", "aws-chunked"), ("x-amz-decoded-content-length", length.ToString(CultureInfo.InvariantCulture)),
                ("x-amz-trailer", announced),
            ],
            new ByteArrayContent(Encoding.UTF8.GetBytes(text)), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", Server.Signer);
    }
}
