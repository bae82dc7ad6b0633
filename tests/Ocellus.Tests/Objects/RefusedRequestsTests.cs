using System.Net;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>What the store would forget, or what would take its memory, is refused by header, link and form alike.</summary>
public sealed class RefusedRequestsTests : BucketTests
{
    [Theory]
    [InlineData("x-amz-server-side-encryption", "AES256", "NotImplemented")]
    [InlineData("x-amz-server-side-encryption-aws-kms-key-id", "k", "NotImplemented")]
    [InlineData("x-amz-server-side-encryption-context", "e30=", "NotImplemented")]
    [InlineData("x-amz-server-side-encryption-bucket-key-enabled", "true", "NotImplemented")]
    [InlineData("x-amz-server-side-encryption-customer-key", "AAAA", "NotImplemented")]
    [InlineData("x-amz-server-side-encryption-customer-key-MD5", "AAAA", "NotImplemented")]
    [InlineData("x-amz-copy-source-server-side-encryption-customer-key", "AAAA", "NotImplemented")]
    [InlineData("x-amz-storage-class", "GLACIER", "InvalidStorageClass")]
    [InlineData("x-amz-expected-bucket-owner", "999999999999", "AccessDenied")]
    public async Task What_the_store_would_forget_is_refused_in_every_request(string header, string value, string code)
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        var said = code == "NotImplemented" ? header : value;
        var status = code switch { "NotImplemented" => 501, "AccessDenied" => 403, _ => 400 };
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/new", "", "x", status, code, said, headers: (header, value));
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/new", "", null, status, code, said, null, ("x-amz-copy-source", "bucket/k"), (header, value));
        await Server.RefusedAsync(HttpMethod.Post, "/bucket/new", "uploads=", null, status, code, said, headers: (header, value));
        if (code != "AccessDenied")
        {
            using var form = await Server.PostAsync(("key", "new"), (header, value));
            await AssertErrorAsync(form, status, code, said);
        }

        using var link = await Server.Client.PutAsync(Server.Link(HttpMethod.Put, "/bucket/new", (header, value)), new ByteArrayContent([]), Cancel);
        // A parameter of a link becomes a header in lower case.
        await AssertErrorAsync(link, status, code, said == header ? said.ToLowerInvariant() : said);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/new", "", null, 404, "NoSuchKey", "'new'");
    }

    [Fact]
    public async Task A_form_is_bounded_in_its_fields_and_their_names()
    {
        using var many = await Server.PostAsync([.. Enumerable.Range(0, 5000).Select(i => ($"x-ignore-{i}", "")), ("key", "k")]);
        await AssertErrorAsync(many, 400, "MaxPostPreDataLengthExceeded", "20 KB");
        using var wrong = new MultipartFormDataContent { { new ByteArrayContent([.. "a"u8, 0xF6]), "key" }, { new StringContent("x"), "file", "f" } };
        using var answer = await Server.Client.SendAsync(Server.S3Request(HttpMethod.Post, "/bucket", content: wrong), Cancel);
        await AssertErrorAsync(answer, 400, "InvalidArgument", "UTF-8");
    }
}
