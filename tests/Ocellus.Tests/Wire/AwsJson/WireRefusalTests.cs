using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>Bad input over HTTP: each refusal has the right name, and says what was received.</summary>
public sealed class WireRefusalTests : IAsyncLifetime
{
    private TestServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("DetectFaces")]
    [InlineData("createproject")]
    [InlineData("")]
    public async Task An_operation_that_is_none_is_named_in_the_refusal(string operation) =>
        Refused(await _server.CallAsync(operation, "{}"), "UnknownOperationException", $"'RekognitionService.{operation}'");

    [Fact]
    public async Task A_missing_target_is_an_unknown_operation() =>
        Refused(await _server.CallAsync(null, "{}"u8.ToArray(), _server.Signer), "UnknownOperationException", "X-Amz-Target is ''");

    [Fact]
    public async Task Another_services_target_is_an_unknown_operation()
    {
        using var request = _server.ApiRequest(null, "{}"u8.ToArray());
        request.Headers.TryAddWithoutValidation("X-Amz-Target", "DynamoDB_20120810.ListTables");
        _server.Signer.Sign(request, "rekognition", Signer.HashOf("{}"u8));
        Refused(await _server.AnswerAsync(request), "UnknownOperationException", "DynamoDB_20120810.ListTables");
    }

    [Theory]
    [InlineData("CreateProject", """{"ProjectName":""", "15 bytes")]
    [InlineData("CreateProject", "[]", "2 bytes")]
    [InlineData("CreateProject", "null", "null")]
    [InlineData("CreateProject", """{"ProjectName":5}""", "$.ProjectName")]
    [InlineData("DescribeProjects", """{"MaxResults":"5"}""", "$.MaxResults")]
    [InlineData("DescribeProjects", """{"MaxResults":99999999999}""", "$.MaxResults")]
    [InlineData("DescribeProjects", """{"ProjectNames":"fruit"}""", "$.ProjectNames")]
    [InlineData("DetectCustomLabels", """{"ProjectVersionArn":"x","Image":{"Bytes":"%%%"}}""", "$.Image.Bytes")]
    [InlineData("DetectCustomLabels", """{"ProjectVersionArn":"x","Image":{"Bytes":"abc"}}""", "$.Image.Bytes")]
    [InlineData("DetectCustomLabels", """{"ProjectVersionArn":"x","Image":{"Bytes":[1,2]}}""", "$.Image.Bytes")]
    public async Task A_body_of_another_form_is_refused_where_it_is_wrong(string operation, string json, string said) =>
        Refused(await _server.CallAsync(operation, json), "SerializationException", said);

    [Theory]
    [InlineData("CreateProject", "{}", "Value null at 'projectName'")]
    [InlineData("CreateProject", "", "Value null at 'projectName'")]
    [InlineData("CreateProject", """{"ProjectName":null}""", "Value null at 'projectName'")]
    [InlineData("CreateProject", """{"ProjectName":"a b"}""", "Value 'a b' at 'projectName'")]
    [InlineData(
        "CreateProject", """{"ProjectName":""}""",
        "Value '' at 'projectName' failed to satisfy constraint: Member must have length greater than or equal to 1")]
    [InlineData(
        "DescribeProjects", """{"MaxResults":0}""",
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1")]
    [InlineData(
        "DescribeProjects", """{"MaxResults":101}""",
        "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100")]
    [InlineData("DescribeProjects", """{"Features":["FACES"]}""", "Value 'FACES' at 'features.1.member'")]
    [InlineData("DescribeDataset", """{"DatasetArn":"arn:aws:s3:::bucket/and/more"}""", "at 'datasetArn'")]
    [InlineData("DetectCustomLabels", """{"Image":{}}""", "Value null at 'projectVersionArn'")]
    public async Task A_broken_constraint_names_its_member(string operation, string json, string said) =>
        Refused(await _server.CallAsync(operation, json), "ValidationException", said);

    [Fact]
    public async Task An_over_long_name_is_cut_in_the_refusal()
    {
        var answer = await _server.CallAsync("CreateProject", $$"""{"ProjectName":"{{new string('n', 5000)}}"}""");
        Refused(answer, "ValidationException", "Member must have length less than or equal to 255");
        Assert.Contains("(5000 characters)", answer.Message, StringComparison.Ordinal);
        Assert.True(answer.Message.Length < 2000);
    }

    [Fact]
    public async Task Six_megabytes_of_image_are_a_validation_error_of_image_bytes()
    {
        var arn = "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1690474772815";
        var image = Convert.ToBase64String(new byte[6_000_000]);
        var answer = await _server.CallAsync("DetectCustomLabels", JsonSerializer.Serialize(new { ProjectVersionArn = arn, Image = new { Bytes = image } }));
        Refused(
            answer, "ValidationException",
            "Value '<6000000 bytes>' at 'image.bytes' failed to satisfy constraint: Member must have length less than or equal to");
    }

    [Theory]
    [InlineData("CreateProject", true)]
    [InlineData("CreateProject", false)]
    [InlineData("DetectCustomLabels", true)]
    [InlineData("DetectCustomLabels", false)]
    public async Task A_body_over_the_limit_of_its_operation_is_refused_unread(string operation, bool announced)
    {
        var most = _server.Services.GetRequiredService<OperationTable>().Find(operation)!.BodyBytesMax;
        var body = new byte[most + 1];
        using var request = _server.ApiRequest(operation, body);
        request.Headers.TransferEncodingChunked = !announced;
        _server.Signer.Sign(request, "rekognition", Signer.HashOf(body));
        var answer = await _server.AnswerAsync(request);
        Assert.Equal(413, answer.Status);
        Assert.Null(answer.Error);
        Assert.Contains($"{most} bytes", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_arn_that_differs_in_account_region_or_time_is_not_found()
    {
        var arn = (await _server.CallAsync("CreateProject", """{"ProjectName":"fruit"}""")).Body.GetProperty("ProjectArn").GetString()!;
        foreach (var other in new[]
        {
            arn.Replace("123456789012", "210987654321", StringComparison.Ordinal),
            arn.Replace("us-east-1", "eu-west-1", StringComparison.Ordinal),
            arn + "0",
            arn.Replace("/fruit/", "/pears/", StringComparison.Ordinal),
        })
        {
            Refused(await _server.CallAsync("DeleteProject", $$"""{"ProjectArn":"{{other}}"}"""), "ResourceNotFoundException", other);
            Refused(await _server.CallAsync("ListProjectPolicies", $$"""{"ProjectArn":"{{other}}"}"""), "ResourceNotFoundException", other);
            Refused(await _server.CallAsync("ListTagsForResource", $$"""{"ResourceArn":"{{other}}"}"""), "ResourceNotFoundException", other);
            var dataset = other.Insert(other.LastIndexOf('/'), "/dataset/train");
            Refused(await _server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{dataset}}"}"""), "ResourceNotFoundException", dataset);
        }

        // A caller of another region does not see it either.
        Refused(
            await _server.CallAsync("DeleteProject", Encoding.UTF8.GetBytes($$"""{"ProjectArn":"{{arn}}"}"""), _server.Signer with { Region = "eu-west-1" }),
            "ResourceNotFoundException", arn);
        Assert.Equal(200, (await _server.CallAsync("DeleteProject", $$"""{"ProjectArn":"{{arn}}"}""")).Status);
    }

    [Fact]
    public async Task An_unknown_key_and_a_wrong_secret_are_told_apart()
    {
        Refused(
            await _server.CallAsync("DescribeProjects", "{}"u8.ToArray(), _server.Signer with { AccessKeyId = "AKIAAAAAAAAAAAAAAAAA" }),
            "UnrecognizedClientException", "AKIAAAAAAAAAAAAAAAAA");
        Refused(
            await _server.CallAsync("DescribeProjects", "{}"u8.ToArray(), _server.Signer with { Secret = new string('x', 40) }), "InvalidSignatureException",
            _server.Signer.AccessKeyId);
    }

    [Theory]
    [InlineData(-6, "Signature expired")]
    [InlineData(6, "Signature not yet current")]
    public async Task A_wrong_clock_is_told_the_servers_time(int minutes, string said)
    {
        var now = DateTimeOffset.UtcNow.ToString("yyyyMMdd'T'HH", System.Globalization.CultureInfo.InvariantCulture);
        var answer = await _server.CallAsync("DescribeProjects", "{}"u8.ToArray(), _server.Signer with { ClockError = TimeSpan.FromMinutes(minutes) });
        Refused(answer, "InvalidSignatureException", said);
        Assert.Contains($"The server's time is {now}", answer.Message, StringComparison.Ordinal);
        Assert.Equal(
            200,
            (await _server.CallAsync(
                "DescribeProjects", "{}"u8.ToArray(), _server.Signer with { ClockError = TimeSpan.FromMinutes(minutes - Math.Sign(minutes) * 2) })).Status);
    }

    [Fact]
    public async Task A_changed_body_or_target_is_refused()
    {
        using var changed = _server.ApiRequest("CreateProject", """{"ProjectName":"mine"}"""u8.ToArray());
        _server.Signer.Sign(changed, "rekognition", Signer.HashOf("""{"ProjectName":"yours"}"""u8));
        Refused(await _server.AnswerAsync(changed), "InvalidSignatureException", "does not match");

        using var retargeted = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        (_server.Signer with { LeftOut = ["x-amz-target"] }).Sign(retargeted, "rekognition", Signer.HashOf("{}"u8));
        Refused(await _server.AnswerAsync(retargeted), "InvalidSignatureException", "not signed: 'x-amz-target'");
        Assert.Empty((await _server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").EnumerateArray());
    }

    [Fact]
    public async Task Missing_broken_and_foreign_signatures_have_their_names()
    {
        using var unsigned = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        Refused(await _server.AnswerAsync(unsigned), "MissingAuthenticationTokenException", "Missing Authentication Token");

        using var broken = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        broken.Headers.TryAddWithoutValidation("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA");
        Refused(await _server.AnswerAsync(broken), "IncompleteSignatureException", "AKIA");

        using var basic = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        basic.Headers.TryAddWithoutValidation("Authorization", "Basic YWRtaW46YWRtaW4=");
        Refused(await _server.AnswerAsync(basic), "IncompleteSignatureException", "'Basic'");

        using var otherService = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        _server.Signer.Sign(otherService, "dynamodb", Signer.HashOf("{}"u8));
        Refused(await _server.AnswerAsync(otherService), "InvalidSignatureException", "dynamodb");

        using var session = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        session.Headers.TryAddWithoutValidation("X-Amz-Security-Token", "a-token-of-somewhere");
        _server.Signer.Sign(session, "rekognition", Signer.HashOf("{}"u8));
        Refused(await _server.AnswerAsync(session), "UnrecognizedClientException", "session token of 20 characters");
    }

    [Fact]
    public async Task A_refusal_has_a_request_id_and_no_error_type_header()
    {
        using var request = _server.ApiRequest("None", "{}"u8.ToArray());
        using var response = await _server.Client.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.True(Guid.TryParse(Assert.Single(response.Headers.GetValues("x-amzn-RequestId")), out _));
        Assert.Equal("application/x-amz-json-1.1", response.Content.Headers.ContentType!.MediaType);
        Assert.NotNull(response.Headers.Date);
    }

    private static void Refused(ApiAnswer answer, string error, string said)
    {
        Assert.Equal((400, error), (answer.Status, answer.Error));
        Assert.Contains(said, answer.Message, StringComparison.Ordinal);
        Assert.NotEqual(JsonValueKind.Undefined, answer.Body.ValueKind);
    }
}
