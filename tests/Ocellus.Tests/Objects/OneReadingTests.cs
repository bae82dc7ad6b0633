using System.Net;
using System.Net.Sockets;
using System.Text;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>What was signed is what is done: signature and operation follow from one reading of the request.</summary>
public sealed class OneReadingTests : BucketTests
{
    [Theory]
    [InlineData("GET", "/bucket/k", "tagging=")]
    [InlineData("GET", "/bucket", "prefix=none")]
    [InlineData("PUT", "/bucket/k", "partNumber=1&uploadId=u")]
    [InlineData("DELETE", "/bucket/k", "tagging=")]
    [InlineData("DELETE", "/bucket", "tagging=")]
    public async Task A_link_for_one_operation_is_none_for_another_with_a_second_question_mark(string method, string path, string query)
    {
        await Server.PutObjectAsync("bucket", "k", "kept"u8.ToArray());
        var link = Server.Signer.Presign(new(method), Server.S3Request(HttpMethod.Get, path, query).RequestUri!, "60");
        foreach (var marks in new[] { "??", "???", "?&?", "?%3F" })
        {
            using var request = new HttpRequestMessage(new(method), Signer.Raw(First(link.OriginalString, marks)));
            using var response = await Server.Client.SendAsync(request, Cancel);
            await AssertErrorAsync(response, 403, "SignatureDoesNotMatch", "does not match");
        }

        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal("kept", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_signed_header_request_is_none_for_another_with_a_second_question_mark()
    {
        await Server.PutObjectAsync("bucket", "k", "kept"u8.ToArray());
        foreach (var (method, path, query) in new[]
        {
            (HttpMethod.Get, "/bucket/k", "tagging="),
            (HttpMethod.Delete, "/bucket/k", "tagging="),
            (HttpMethod.Post, "/", "delete="),
        })
        {
            using var request = Server.S3Request(method, path, query);
            Server.Signer.Sign(request, "s3", Signer.HashOf([]));
            request.RequestUri = Signer.Raw(First(request.RequestUri!.OriginalString, "??"));
            using var response = await Server.Client.SendAsync(request, Cancel);
            Assert.Contains((int)response.StatusCode, new[] { 400, 403 });
        }

        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket/k"));
    }

    [Theory]
    [InlineData("GET", "/bucket", "prefix=a&prefix=b", "'prefix'")]
    [InlineData("PUT", "/bucket/k", "partNumber=1&uploadId=a&uploadId=b", "'uploadId'")]
    [InlineData("GET", "/bucket/k", "versionId=null&version%49d=null", "'versionId'")]
    public async Task A_parameter_given_twice_is_refused_whatever_its_order(string method, string path, string query, string named) =>
        await Server.RefusedAsync(new(method), path, query, null, 400, "InvalidArgument", $"The parameter {named} is given more than once");

    [Fact]
    public async Task Names_of_parameters_have_one_spelling()
    {
        await Server.PutObjectAsync("bucket", "k", "hello"u8.ToArray());
        using var other = await Server.SendS3Async(HttpMethod.Get, "/bucket/k", "Tagging=");
        Assert.Equal("hello", await other.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("Tagging", (await Server.OkAsync(HttpMethod.Get, "/bucket/k", "tagging=")).Name.LocalName);
        using var encoded = Server.S3Request(HttpMethod.Get, "/bucket/k", "tagging=");
        Server.Signer.Sign(encoded, "s3", Signer.HashOf([]));
        encoded.RequestUri = Signer.Raw(encoded.RequestUri!.OriginalString.Replace("tagging", "tagg%69ng", StringComparison.Ordinal));
        using var same = await Server.Client.SendAsync(encoded, Cancel);
        Assert.Equal("Tagging", (await TestServer.XmlAsync(same)).Name.LocalName);
        using var semicolon = await Server.SendS3Async(HttpMethod.Get, "/bucket/k", "a=1%3Btagging");
        Assert.Equal("hello", await semicolon.Content.ReadAsStringAsync(Cancel));
    }

    [Theory]
    [InlineData("/bucket/%FF", "")]
    [InlineData("/bucket", "prefix=%F0%9F")]
    public async Task Text_that_is_not_UTF_8_is_refused_and_not_replaced(string path, string query) =>
        await Server.RefusedAsync(HttpMethod.Get, path, query, null, 400, "InvalidURI", "UTF-8");

    [Fact]
    public async Task A_question_mark_of_a_key_stays_its_own()
    {
        await Server.PutObjectAsync("bucket", "k?tagging", "odd"u8.ToArray());
        await Server.PutObjectAsync("bucket", "k", "plain"u8.ToArray());
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k%3Ftagging");
        Assert.Equal("odd", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task One_request_has_one_signature()
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        var link = Server.Signer.Presign(HttpMethod.Get, Server.S3Request(HttpMethod.Get, "/bucket/k").RequestUri!, "60");
        using var both = new HttpRequestMessage(HttpMethod.Get, link);
        Server.Signer.Sign(both, "s3", Signer.HashOf([]));
        using var refused = await Server.Client.SendAsync(both, Cancel);
        await AssertErrorAsync(refused, 400, "InvalidArgument", "Only one");
    }

    [Fact]
    public async Task What_a_link_and_a_header_say_differently_is_refused()
    {
        var target = Server.S3Request(HttpMethod.Put, "/bucket/k", "x-amz-meta-colour=red").RequestUri!;
        var link = Server.Signer.Presign(HttpMethod.Put, target, "60", ("x-amz-meta-colour", "blue"));
        using var request = new HttpRequestMessage(HttpMethod.Put, link) { Content = new ByteArrayContent([1]) };
        request.Headers.Add("x-amz-meta-colour", "blue");
        using var refused = await Server.Client.SendAsync(request, Cancel);
        await AssertErrorAsync(refused, 400, "AuthorizationQueryParametersError", "'x-amz-meta-colour'");
    }

    [Theory]
    [InlineData("x-amz-meta-a%20b=1", "not a valid header name")]
    [InlineData("x-amz-meta-a=1%0D%0A2", "control characters")]
    [InlineData("x-amz-meta-a=1&X-Amz-Meta-A=1", "more than once")]
    public async Task A_parameter_that_stands_for_a_header_must_be_able_to_be_one(string query, string said)
    {
        var link = Server.Signer.Presign(HttpMethod.Put, Server.S3Request(HttpMethod.Put, "/bucket/k", query).RequestUri!, "60");
        using var request = new HttpRequestMessage(HttpMethod.Put, link) { Content = new ByteArrayContent([1]) };
        using var refused = await Server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains(said, await refused.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_of_signed_headers_are_tokens()
    {
        var link = Server.Signer.Presign(
            HttpMethod.Get, Server.S3Request(HttpMethod.Get, "/bucket/k").RequestUri!,
            "60").OriginalString.Replace("SignedHeaders=host", "SignedHeaders=host%3Ba%0Ab", StringComparison.Ordinal);
        using var response = await Server.Client.GetAsync(Signer.Raw(link), Cancel);
        await AssertErrorAsync(response, 400, "AuthorizationQueryParametersError", "SignedHeaders");
    }

    [Fact]
    public async Task A_header_that_names_another_method_means_nothing()
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        using var response = await Server.SendS3Async(
            HttpMethod.Get, "/bucket/k",
            headers: [
                ("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "DELETE"), ("X-Original-URL", "/bucket/other"), ("X-Rewrite-URL", "/bucket/other")]);
        Assert.Equal("x", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket/k"));
    }

    [Theory]
    [InlineData("http://HOST/bucket/k", "HTTP/1.1 200")]
    [InlineData("http://HOST/bucket/k?", "HTTP/1.1 200")]
    [InlineData("http://HOST/bucket/other", "HTTP/1.1 403")]
    [InlineData("http://elsewhere/bucket/k", "HTTP/1.1 400")]
    [InlineData("http://HOST", "HTTP/1.1 403")]
    [InlineData("*", "HTTP/1.1 4")]
    public async Task The_absolute_form_of_a_target_is_the_same_target(string target, string status)
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        Assert.StartsWith(
            status, await StatusLineAsync(target.Replace("HOST", Server.BaseAddress.Authority, StringComparison.Ordinal), ""), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "200")]
    [InlineData("Authorization: AWS4-HMAC-SHA256 Credential=a\r\n", "400")]
    [InlineData("Authorization: more=1\r\n", "400")]
    [InlineData("Host: elsewhere\r\n", "400")]
    [InlineData("x-amz-date: 20200101T000000Z\r\n", "400")]
    public async Task A_header_of_the_signature_that_is_there_twice_is_refused(string more, string status)
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        Assert.StartsWith("HTTP/1.1 " + status, await StatusLineAsync("/bucket/k", more), StringComparison.Ordinal);
    }

    /// <summary>What a request for the object k, signed in its header, is answered with another target or more headers.</summary>
    private async Task<string?> StatusLineAsync(string target, string more)
    {
        using var signed = Server.S3Request(HttpMethod.Get, "/bucket/k");
        Server.Signer.Sign(signed, "s3", Signer.HashOf([]));
        var headers = string.Concat(signed.Headers.NonValidated.Select(h => $"{h.Key}: {h.Value}\r\n"));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Server.BaseAddress.Port, Cancel);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: {Server.BaseAddress.Authority}\r\nConnection: close\r\n{headers}{more}\r\n"), Cancel);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(Cancel);
    }

    private static string First(string text, string marks)
    {
        var question = text.IndexOf('?', StringComparison.Ordinal);
        return text[..question] + marks + text[(question + 1)..];
    }
}
