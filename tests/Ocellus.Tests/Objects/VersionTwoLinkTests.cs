using System.Net;
using Ocellus.Tests.Identity;
using Ocellus.Tests.Wire.SigV2;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>Links with signatures of version 2, as boto3, the AWS CLI and s3cmd make them by default.</summary>
public sealed class VersionTwoLinkTests : BucketTests
{
    private static DateTimeOffset Soon => DateTimeOffset.UtcNow.AddMinutes(1);

    [Fact]
    public async Task A_link_puts_gets_and_deletes()
    {
        var put = Server.Signer.LinkV2(
            "PUT", Address("/bucket/a%20b"), Soon, type: "image/png", headers: [("x-amz-meta-colour", "light blue"), ("x-amz-tagging", "a=b")]);
        Assert.Equal(200, (int)(await SendAsync("PUT", put, "hello")).StatusCode);
        using var read = await SendAsync(
            "GET", Server.Signer.LinkV2("GET", Address("/bucket/a%20b?response-content-type=text/plain&response-expires=0"), Soon));
        Assert.Equal(
            ("hello", "text/plain", "light blue"),
            (await read.Content.ReadAsStringAsync(Cancel), read.Content.Headers.ContentType!.MediaType, read.Headers.GetValues("x-amz-meta-colour").Single()));
        using var stored = await Server.SendS3Async(HttpMethod.Get, "/bucket/a%20b");
        Assert.Equal(("image/png", "1"), (stored.Content.Headers.ContentType!.MediaType, stored.Headers.GetValues("x-amz-tagging-count").Single()));
        using var head = await SendAsync("HEAD", Server.Signer.LinkV2("HEAD", Address("/bucket/a%20b"), Soon));
        Assert.Equal(200, (int)head.StatusCode);
        using var deleted = await SendAsync("DELETE", Server.Signer.LinkV2("DELETE", Address("/bucket/a%20b"), Soon));
        Assert.Equal(204, (int)deleted.StatusCode);
    }

    [Theory]
    [InlineData("/bucket")]
    [InlineData("/bucket/")]
    public async Task A_link_lists_a_bucket_whether_its_signer_ends_the_path_in_a_slash_or_not(string path)
    {
        await Server.PutObjectAsync("bucket", "k", "hello"u8.ToArray());
        var link = Server.Signer.LinkV2("GET", Address(path), Soon).OriginalString.Replace("/bucket/?", "/bucket?", StringComparison.Ordinal);
        using var list = await SendAsync("GET", Signer.Raw(link + "&list-type=2&encoding-type=url"));
        Assert.Equal("k", (await TestServer.XmlAsync(list)).Element(Ns + "Contents")!.Element(Ns + "Key")!.Value);
        using var location = await SendAsync("GET", Server.Signer.LinkV2("GET", Address("/bucket?location"), Soon));
        Assert.Equal("LocationConstraint", (await TestServer.XmlAsync(location)).Name.LocalName);
        using var sign = await SendAsync("GET", Signer.Raw(Server.Signer.LinkV2("GET", Address("/bucket?location="), Soon).OriginalString));
        Assert.Equal(200, (int)sign.StatusCode);
    }

    [Fact]
    public async Task The_bucket_may_be_in_the_host_which_is_not_signed()
    {
        await Server.PutObjectAsync("bucket", "k", "hello"u8.ToArray());
        var link = Server.Signer.LinkV2("GET", Address("/k"), Soon, "bucket");
        using var byHost = await SendAsync("GET", link, host: "bucket.localhost");
        Assert.Equal("hello", await byHost.Content.ReadAsStringAsync(Cancel));
        using var other = await SendAsync("GET", link, host: "other.localhost");
        await AssertErrorAsync(other, 403, "SignatureDoesNotMatch", "does not match");
    }

    [Theory]
    [InlineData("&tagging", "SignatureDoesNotMatch")]
    [InlineData("&versionId=null", "SignatureDoesNotMatch")]
    [InlineData("&response-content-type=text/html", "SignatureDoesNotMatch")]
    [InlineData("&x-amz-meta-a=b", "SignatureDoesNotMatch")]
    [InlineData("&attributes", "AccessDenied")]
    [InlineData("&TAGGING", "AccessDenied")]
    [InlineData("&prefix=", "AccessDenied")]
    [InlineData("&publicAccessBlock", "AccessDenied")]
    public async Task What_a_link_does_not_cover_has_no_effect(string more, string code)
    {
        await Server.PutObjectAsync("bucket", "k", "hello"u8.ToArray());
        using var response = await SendAsync("GET", Signer.Raw(Server.Signer.LinkV2("GET", Address("/bucket/k"), Soon).OriginalString + more));
        await AssertErrorAsync(response, 403, code, code == "AccessDenied" ? "version 2 does not cover" : "does not match");
    }

    [Fact]
    public async Task Headers_beside_a_link_are_covered_or_refused()
    {
        var link = Server.Signer.LinkV2("PUT", Address("/bucket/k"), Soon);
        using var acl = await SendAsync("PUT", link, "x", headers: [("x-amz-acl", "private")]);
        await AssertErrorAsync(acl, 403, "SignatureDoesNotMatch", "x-amz-");
        using var type = await SendAsync("PUT", link, "x", headers: [("Content-Type", "text/html")]);
        await AssertErrorAsync(type, 403, "SignatureDoesNotMatch", "Content-Type 'text/html'");
        var typed = Server.Signer.LinkV2("PUT", Address("/bucket/k"), Soon, type: "text/plain");
        using var other = await SendAsync("PUT", typed, "x", headers: [("Content-Type", "text/html")]);
        await AssertErrorAsync(other, 400, "AuthorizationQueryParametersError", "Content-Type");
        using var same = await SendAsync("PUT", typed, "x", headers: [("Content-Type", "text/plain")]);
        Assert.Equal(200, (int)same.StatusCode);
    }

    [Fact]
    public async Task A_link_ends_with_its_time_its_week_and_its_key()
    {
        using var late = await SendAsync("GET", Server.Signer.LinkV2("GET", Address("/bucket/k"), DateTimeOffset.UtcNow.AddSeconds(-2)));
        await AssertErrorAsync(late, 403, "AccessDenied", "Request has expired");
        using var far = await SendAsync("GET", Server.Signer.LinkV2("GET", Address("/bucket/k"), DateTimeOffset.UtcNow.AddDays(8)));
        await AssertErrorAsync(far, 400, "AuthorizationQueryParametersError", "604800 s");
        using var wrong = await SendAsync("GET", (Server.Signer with { Secret = "wrong" }).LinkV2("GET", Address("/bucket/k"), Soon));
        await AssertErrorAsync(wrong, 403, "SignatureDoesNotMatch", "does not match");
    }

    [Fact]
    public async Task A_link_may_do_what_its_key_may()
    {
        await Server.PutObjectAsync("bucket", "open/a", "a"u8.ToArray());
        await Server.PutObjectAsync("bucket", "secret/b", "b"u8.ToArray());
        var key = await Server.KeyAsync("ann", """{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::bucket/open/*"}""",
            """{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}""");
        using var open = await SendAsync("GET", key.LinkV2("GET", Address("/bucket/open/a"), Soon));
        Assert.Equal("a", await open.Content.ReadAsStringAsync(Cancel));
        using var secret = await SendAsync("GET", key.LinkV2("GET", Address("/bucket/secret/b"), Soon));
        await AssertErrorAsync(secret, 403, "AccessDenied", "not authorized to perform: s3:GetObject");

        // A signature that names no region counts as made in the bucket's.
        Assert.Equal(
            200,
            await Server.StatusAsync(
                HttpMethod.Put, "/abroad", "", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"));
        var all = await Server.KeyAsync(
            "ben", """{"Effect":"Allow","Action":"s3:*","Resource":"*"}""",
            """{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}""");
        using var abroad = await SendAsync("GET", all.LinkV2("GET", Address("/abroad/k"), Soon));
        await AssertErrorAsync(abroad, 403, "AccessDenied", "explicit deny");
    }

    [Fact]
    public async Task A_header_of_version_2_is_refused_in_the_words_that_clients_look_for()
    {
        using var response = await SendAsync("GET", Address("/bucket/k"), headers: [("Authorization", "AWS AKID:signature")]);
        await AssertErrorAsync(response, 400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
    }

    [Theory]
    [InlineData("x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject", 200)]
    [InlineData("x-amz-checksum-sha256=47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D", 200)]
    [InlineData("x-amz-checksum-crc64nvme=rubbish", 200)]
    public async Task A_checksum_in_a_link_is_not_held_against_the_body(string query, int status)
    {
        var link = Server.Signer.Presign(HttpMethod.Put, Server.S3Request(HttpMethod.Put, "/bucket/k", query).RequestUri!, "60");
        using var put = await SendAsync("PUT", link, "hello");
        Assert.Equal((status, false), ((int)put.StatusCode, put.Headers.Any(h => h.Key.StartsWith("x-amz-checksum-", StringComparison.OrdinalIgnoreCase))));
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal("hello", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_signed_checksum_header_beside_a_link_counts()
    {
        var link = Server.Signer.Presign(HttpMethod.Put, Server.S3Request(HttpMethod.Put, "/bucket/k").RequestUri!, "60", ("x-amz-checksum-crc32", "AAAAAA=="));
        using var put = await SendAsync("PUT", link, "hello", headers: [("x-amz-checksum-crc32", "AAAAAA==")]);
        await AssertErrorAsync(put, 400, "BadDigest", "AAAAAA==");
    }

    private Uri Address(string target) => Signer.Raw(Server.BaseAddress.GetLeftPart(UriPartial.Authority) + target);

    private async Task<HttpResponseMessage> SendAsync(
        string method, Uri link, string? body = null, string? host = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), link)
        {
            Content = body is null ? null : new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body)),
        };
        request.Headers.Host = host;
        foreach (var (name, value) in headers)
        {
            if (name == "Content-Type")
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return await Server.Client.SendAsync(request, Cancel);
    }
}
