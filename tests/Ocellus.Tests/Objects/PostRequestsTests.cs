using System.Globalization;
using System.Net;
using System.Text;
using Ocellus.Tests.Identity;
using Ocellus.Tests.Wire.SigV2;
using Ocellus.Wire.AwsJson;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>Uploads from forms of web pages.</summary>
public sealed class PostRequestsTests : BucketTests
{
    [Fact]
    public async Task A_form_that_its_policy_allows_stores_the_file()
    {
        using var posted = await PostAsync("""["starts-with","$key","user/"],["starts-with","$Content-Type","image/"],{"x-amz-meta-colour":"blue"},{"success_action_status":"201"},["content-length-range",1,10]""",
            "hello", ("key", "user/${filename}"), ("Content-Type", "image/png"), ("x-amz-meta-colour", "blue"), ("success_action_status", "201"));
        Assert.Equal(HttpStatusCode.Created, posted.StatusCode);
        var answer = await TestServer.XmlAsync(posted);
        Assert.Equal(
            ("bucket", "user/a b.png", "\"5d41402abc4b2a76b9719d911017c592\""),
            (answer.Element("Bucket")!.Value, answer.Element("Key")!.Value, answer.Element("ETag")!.Value));
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/user/a%20b.png");
        Assert.Equal(
            ("hello", "image/png", "blue"),
            (await read.Content.ReadAsStringAsync(Cancel), read.Content.Headers.ContentType!.MediaType, read.Headers.GetValues("x-amz-meta-colour").Single()));
    }

    [Fact]
    public async Task Headers_beside_the_form_say_nothing_of_the_object()
    {
        Server.Client.DefaultRequestHeaders.Add("Cache-Control", "max-age=0");
        Server.Client.DefaultRequestHeaders.Add("x-amz-meta-colour", "red");
        using var posted = await PostAsync("""{"key":"k"}""", "x", ("key", "k"));
        Assert.Equal(HttpStatusCode.NoContent, posted.StatusCode);
        Server.Client.DefaultRequestHeaders.Clear();
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal((HttpStatusCode.OK, null, false), (read.StatusCode, read.Headers.CacheControl, read.Headers.Contains("x-amz-meta-colour")));
    }

    [Fact]
    public async Task The_answer_is_204_or_a_redirect_with_what_was_stored()
    {
        using var plain = await PostAsync("""{"key":"k"}""", "x", ("key", "k"));
        Assert.Equal(HttpStatusCode.NoContent, plain.StatusCode);
        using var redirected = await PostAsync(
            """{"key":"k"},["starts-with","$success_action_redirect",""]""", "x", ("key", "k"), ("success_action_redirect", "http://example.com/done?a=1"));
        Assert.Equal(HttpStatusCode.SeeOther, redirected.StatusCode);
        Assert.Equal("http://example.com/done?a=1&bucket=bucket&key=k&etag=%229dd4e461268c8034f5c8564e155c67a6%22", redirected.Headers.Location!.AbsoluteUri);
    }

    [Theory]
    [InlineData("""{"key":"other"}""", "x", "AccessDenied", "Policy Condition failed: {\"key\":\"other\"}")]
    [InlineData("""["starts-with","$key","user/"]""", "x", "AccessDenied", "Policy Condition failed")]
    [InlineData("""["eq","$key","k"],["eq","$Content-Type","image/png"]""", "x", "AccessDenied", "the form has no value")]
    [InlineData("""["eq","$key","k"],{"bucket":"other-bucket"}""", "x", "AccessDenied", "'bucket'")]
    [InlineData("""["content-length-range",0,10]""", "x", "AccessDenied", "Extra input fields: key")]
    [InlineData("""{"key":"k"},["content-length-range",2,10]""", "x", "EntityTooSmall", "received 1 bytes")]
    [InlineData("""{"key":"k"},["content-length-range",0,4]""", "hello", "EntityTooLarge", "exceeds")]
    [InlineData("""{"key":"k"},["content-length-range",3,10],["content-length-range",0,10]""", "x", "EntityTooSmall", "requires 3")]
    [InlineData("""{"key":"k"},["content-length-range",0,10],["content-length-range",3,100]""", "x", "EntityTooSmall", "requires 3")]
    [InlineData("""{"key":"k"},["content-length-range",0,4],["content-length-range",0,100]""", "hello", "EntityTooLarge", "exceeds")]
    [InlineData("""{"key":"k"},["content-length-range",10,0]""", "x", "InvalidPolicyDocument", "above the maximum")]
    [InlineData("""{"key":"k"},{"key":"l"}""", "x", "AccessDenied", "Policy Condition failed: {\"key\":\"l\"}")]
    [InlineData("""{"key":"k"},["starts-with","$bucket","user-"]""", "x", "AccessDenied", "'bucket'")]
    [InlineData("""{"key":"k"}],"conditions":[{"bucket":"bucket"},{"key":"k"}""", "x", "InvalidPolicyDocument", "'conditions' is given more than once")]
    [InlineData("""{"key":"k"},["matches","$key","k"]""", "x", "InvalidPolicyDocument", "Invalid condition")]
    [InlineData("""{"key":"k"},{""", "x", "InvalidPolicyDocument", "Invalid JSON")]
    public async Task A_form_that_its_policy_does_not_allow_stores_nothing(string conditions, string content, string code, string said)
    {
        using var posted = await PostAsync(conditions, content, ("key", "k"));
        await AssertErrorAsync(posted, code == "AccessDenied" ? 403 : 400, code, said);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 404, "NoSuchKey", "'k'");
    }

    [Fact]
    public async Task A_policy_without_a_condition_for_the_bucket_is_good_for_none()
    {
        using var posted = await SendAsync(
            Server.Signer.SignPolicy(
                Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1)).Replace("""{"bucket":"bucket"},""", "", StringComparison.Ordinal)),
            "x", ("key", "k"));
        await AssertErrorAsync(posted, 403, "AccessDenied", "no condition for the bucket");
        using var second = await SendAsync(
            Server.Signer.SignPolicyV2(
                PolicyV2("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1)).Replace("""{"bucket":"bucket"},""", "", StringComparison.Ordinal)),
            "x", ("key", "k"));
        await AssertErrorAsync(second, 403, "AccessDenied", "no condition for the bucket");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 404, "NoSuchKey", "'k'");
    }

    [Fact]
    public async Task A_form_takes_no_parameters_in_its_address()
    {
        foreach (var query in new[] { "tagging", "delete", "acl", "x-amz-acl=public-read", "?x" })
        {
            using var posted = await SendAsync(
                "/bucket?" + query, Server.Signer.SignPolicy(Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1))), "x", ("key", "k"));
            await AssertErrorAsync(posted, 400, "InvalidArgument", "no parameters");
        }
    }

    [Fact]
    public async Task A_form_of_version_2_is_held_to_its_policy_too()
    {
        using var posted = await SendAsync(
            Server.Signer.SignPolicyV2(PolicyV2("""["starts-with","$key","user/"],["content-length-range",1,10]""", DateTimeOffset.UtcNow.AddMinutes(1))),
            "hello", ("key", "user/k"));
        Assert.Equal(HttpStatusCode.NoContent, posted.StatusCode);
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/user/k");
        Assert.Equal("hello", await read.Content.ReadAsStringAsync(Cancel));
        using var other = await SendAsync(Server.Signer.SignPolicyV2(PolicyV2("""{"key":"other"}""", DateTimeOffset.UtcNow.AddMinutes(1))), "x", ("key", "k"));
        await AssertErrorAsync(other, 403, "AccessDenied", "Policy Condition failed");
        using var extra = await SendAsync(
            Server.Signer.SignPolicyV2(PolicyV2("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1))), "x", ("key", "k"), ("x-amz-meta-a", "b"));
        await AssertErrorAsync(extra, 403, "AccessDenied", "Extra input fields: x-amz-meta-a");
        using var far = await SendAsync(Server.Signer.SignPolicyV2(PolicyV2("""{"key":"k"}""", DateTimeOffset.UtcNow.AddDays(8))), "x", ("key", "k"));
        await AssertErrorAsync(far, 403, "AccessDenied", "a week");
        using var wrong = await SendAsync(
            (Server.Signer with { Secret = "wrong" }).SignPolicyV2(PolicyV2("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1))), "x", ("key", "k"));
        await AssertErrorAsync(wrong, 403, "SignatureDoesNotMatch", "another key");
        var both = Server.Signer.SignPolicyV2(PolicyV2("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1)))
            .Concat(Server.Signer.SignPolicy("{}").Where(f => f.Key != "policy")).ToDictionary();
        using var two = await SendAsync(both, "x", ("key", "k"));
        await AssertErrorAsync(two, 400, "InvalidArgument", "Only one");
    }

    [Fact]
    public async Task A_policy_that_expired_was_altered_or_was_signed_by_another_is_refused()
    {
        using var expired = await SendAsync(Server.Signer.SignPolicy(Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddSeconds(-1))), "x", ("key", "k"));
        await AssertErrorAsync(expired, 403, "AccessDenied", "Policy expired");
        var fields = Server.Signer.SignPolicy(Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1)));
        fields["policy"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(Policy("""{"key":"other"}""", DateTimeOffset.UtcNow.AddMinutes(1))));
        using var altered = await SendAsync(fields, "x", ("key", "other"));
        await AssertErrorAsync(altered, 403, "SignatureDoesNotMatch", "changed");
        using var wrong = await SendAsync(
            (Server.Signer with { Secret = "wrong" }).SignPolicy(Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1))), "x", ("key", "k"));
        await AssertErrorAsync(wrong, 403, "SignatureDoesNotMatch", "another key");
        using var unsigned = await SendAsync([], "x", ("key", "k"));
        Assert.Equal(HttpStatusCode.BadRequest, unsigned.StatusCode);
    }

    [Fact]
    public async Task A_form_that_cannot_be_read_is_refused()
    {
        using var noFile = await SendAsync(Server.Signer.SignPolicy(Policy("""{"key":"k"}""", DateTimeOffset.UtcNow.AddMinutes(1))), null, ("key", "k"));
        await AssertErrorAsync(noFile, 400, "InvalidArgument", "'file'");
        using var long_ = await SendAsync([], "x", ("key", new string('k', 21 * 1024)));
        await AssertErrorAsync(long_, 400, "MaxPostPreDataLengthExceeded", "20 KB");
        using var request = Server.S3Request(HttpMethod.Post, "/bucket", content: new ByteArrayContent("--x\r\nrubbish"u8.ToArray()));
        request.Content!.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=x");
        using var rubbish = await Server.Client.SendAsync(request, Cancel);
        await AssertErrorAsync(rubbish, 400, "MalformedPOSTRequest", "not well-formed");
    }

    private static string Policy(string conditions, DateTimeOffset until) =>
        $$"""{"expiration":"{{until.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)}}","conditions":[{{conditions}},{{Bucket(conditions)}}["eq","$x-amz-algorithm","AWS4-HMAC-SHA256"],{"x-amz-credential":"CREDENTIAL"},{"x-amz-date":"DATE"}]}""";

    private static string PolicyV2(string conditions, DateTimeOffset until) =>
        $$"""{"expiration":"{{until.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}}","conditions":[{"bucket":"bucket"},{{conditions}}]}""";

    /// <summary>The condition for the bucket that every policy needs, where a test says nothing of it.</summary>
    private static string Bucket(string conditions) => conditions.Contains("bucket", StringComparison.Ordinal) ? "" : """{"bucket":"bucket"},""";

    private Task<HttpResponseMessage> PostAsync(string conditions, string content, params (string Name, string Value)[] fields) =>
        SendAsync(Server.Signer.SignPolicy(Policy(conditions, DateTimeOffset.UtcNow.AddMinutes(1))), content, fields);

    private Task<HttpResponseMessage> SendAsync(Dictionary<string, string> signed, string? content, params (string Name, string Value)[] fields) =>
        SendAsync("/bucket", signed, content, fields);

    private async Task<HttpResponseMessage> SendAsync(
        string target, Dictionary<string, string> signed, string? content, params (string Name, string Value)[] fields)
    {
        using var form = new MultipartFormDataContent();
        foreach (var (name, value) in fields.Concat(signed.Select(s => (s.Key, s.Value))))
        {
            form.Add(new StringContent(value), name);
        }

        if (content is not null)
        {
            form.Add(new StringContent(content), "file", "a b.png");
        }

        using var request = Server.S3Request(HttpMethod.Post, target, content: form);
        return await Server.Client.SendAsync(request, Cancel);
    }
}
