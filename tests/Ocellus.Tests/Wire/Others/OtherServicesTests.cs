using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;

namespace Ocellus.Tests.Wire.Others;

public sealed class OtherServicesTests
{
    private const string Identity = "Action=GetCallerIdentity&Version=2011-06-15";

    private static readonly XNamespace Names = "https://sts.amazonaws.com/doc/2011-06-15/";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_one_is_can_be_asked_as_everyone_does_first()
    {
        await using var server = await TestServer.StartAsync();
        using var answer = await SendAsync(server, server.Signer, "sts", Identity);
        var document = await ReadXmlAsync(answer);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("123456789012", document.Descendants(Names + "Account").Single().Value);
        Assert.StartsWith("arn:aws:iam::123456789012:user/", document.Descendants(Names + "Arn").Single().Value, StringComparison.Ordinal);
        Assert.Matches("^AIDA[A-Z2-7]{17}$", document.Descendants(Names + "UserId").Single().Value);
    }

    [Fact]
    public async Task A_wrong_secret_and_an_unknown_key_are_told_apart()
    {
        await using var server = await TestServer.StartAsync();
        await RefusedAsync(server.Signer with { Secret = "wrong" }, Identity, HttpStatusCode.Forbidden, "SignatureDoesNotMatch");
        await RefusedAsync(server.Signer with { AccessKeyId = "AKIAIOSFODNN7EXAMPLE" }, Identity, HttpStatusCode.Forbidden, "InvalidClientTokenId");
        await RefusedAsync(server.Signer, "Action=AssumeRole&Version=2011-06-15", HttpStatusCode.BadRequest, "InvalidAction");
        await RefusedAsync(server.Signer, "", HttpStatusCode.BadRequest, "InvalidAction");

        async Task RefusedAsync(Signer signer, string form, HttpStatusCode status, string code)
        {
            using var answer = await SendAsync(server, signer, "sts", form);
            Assert.Equal((status, code), (answer.StatusCode, (await ReadXmlAsync(answer)).Descendants(Names + "Code").Single().Value));
        }
    }

    [Fact]
    public async Task A_client_of_the_query_protocol_gets_its_kind_of_error()
    {
        await using var server = await TestServer.StartAsync();
        using var sns = await SendAsync(server, server.Signer, "sns", "Action=ListTopics&Version=2010-03-31");
        Assert.Equal("UnknownOperationException", (await ReadXmlAsync(sns)).Element("Error")!.Element("Code")!.Value);
        using var ec2 = await SendAsync(server, server.Signer, "ec2", "Action=DescribeInstances&Version=2016-11-15");
        Assert.Equal("UnknownOperationException", (await ReadXmlAsync(ec2)).Element("Errors")!.Element("Error")!.Element("Code")!.Value);
    }

    [Theory]
    [InlineData("dynamodb", "POST", "/", "application/x-amz-json-1.0")]
    [InlineData("lambda", "GET", "/2015-03-31/functions", null)]
    [InlineData("rekognition-other", "PUT", "/bucket/key", "image/jpeg")]
    public async Task A_client_of_a_JSON_protocol_gets_its_kind_of_error_and_stores_nothing(string service, string method, string path, string? type)
    {
        await using var server = await TestServer.StartAsync();
        (await server.SendS3Async(HttpMethod.Put, "/bucket")).Dispose();
        var body = Encoding.UTF8.GetBytes(type is null ? "" : "{}");
        using var request = server.S3Request(new HttpMethod(method), path, content: type is null ? null : new ByteArrayContent(body));
        if (type is not null)
        {
            request.Content!.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        server.Signer.Sign(request, service, Signer.HashOf(body));
        using var answer = await server.Client.SendAsync(request, Cancel);
        var error = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("UnknownOperationException", error.GetProperty("__type").GetString());
        Assert.Equal("UnknownOperationException", answer.Headers.GetValues("x-amzn-ErrorType").Single());
        Assert.Contains($"'{service}'", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        using var stored = await server.SendS3Async(HttpMethod.Head, "/bucket/key");
        Assert.Equal(HttpStatusCode.NotFound, stored.StatusCode);
    }

    private static async Task<HttpResponseMessage> SendAsync(TestServer server, Signer signer, string service, string form)
    {
        var body = Encoding.UTF8.GetBytes(form);
        using var request = new HttpRequestMessage(HttpMethod.Post, server.BaseAddress) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded; charset=utf-8");
        signer.Sign(request, service, Signer.HashOf(body));
        return await server.Client.SendAsync(request, Cancel);
    }

    private static async Task<XElement> ReadXmlAsync(HttpResponseMessage answer)
    {
        Assert.Equal("text/xml", answer.Content.Headers.ContentType?.MediaType);
        return XElement.Parse(await answer.Content.ReadAsStringAsync(Cancel));
    }
}
