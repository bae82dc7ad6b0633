using System.Text.Json;
using Dapper;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Identity;

/// <summary>A policy that speaks of nobody or nothing is refused: as a Deny it would do nothing, and nobody would notice.</summary>
public sealed class PolicyReachTests
{
    private const string Everything = "\"*\"";

    [Fact]
    public async Task A_project_policy_for_nobody_is_refused_and_the_message_names_it()
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"cells"}""")).Body.GetProperty("ProjectArn").GetString()!;
        (string Principal, string Named)[] nobody =
        [
            ("""{"AWS":"arn:aws:iam::123456789012:user/te*"}""", "ArnLike on aws:PrincipalArn"),
            ("""{"AWS":["123456789012","arn:aws:iam::123456789012:user/t?m"]}""", "user/t?m"),
            ("""{"AWS":"arn:aws:iam::123456789012:role/app"}""", "role/app"),
            ("""{"AWS":"arn:aws:sts::123456789012:assumed-role/app/session"}""", "assumed-role"),
            ("""{"AWS":"arn:aws:iam::123456789012:user/team/tess"}""", "user/team/tess"),
            ("""{"AWS":"arn:aws:iam::123456789012:user/"}""", "user/"),
            ("""{"AWS":"arn:aws-cn:iam::123456789012:root"}""", "arn:aws-cn"),
            ("""{"AWS":"arn:aws:iam::123456789012:group/all"}""", "group/all"),
            ("""{"AWS":"12345678901"}""", "twelve digits"),
            ("""{"AWS":"tess"}""", "'tess'"),
            ("""{"AWS":""}""", "''"),
            ("""{"Federated":"cognito-identity.amazonaws.com"}""", "'Federated'"),
            ("""{"Service":"rekognition.amazonaws.com"}""", "'Service'"),
            ("""{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}""", "'CanonicalUser'"),
            ("""{"AWS":"*","Service":"ec2.amazonaws.com"}""", "'Service'"),
            ("""{"aws":"*"}""", "'aws'"),
        ];
        foreach (var (principal, named) in nobody)
        {
            await RefusedAsync(server, project, principal, Everything, "{}", named);
        }

        await RefusedAsync(server, project, Everything, "\"arn:aws:rekognition:us-east-1:123456789012:project/other/version/*\"", "{}", "project/cells/version/*");
        await RefusedAsync(server, project, Everything, $"\"{project}\"", "{}", "no model version");
        await RefusedAsync(server, project, Everything, "\"arn:aws:rekognition:us-east-1:123456789012:project/cells/version/one\"", "{}", "no model version");
        await RefusedAsync(
            server, project, Everything, Everything, """{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/te*"}}""", "StringLike");
        await RefusedAsync(server, project, Everything, Everything, """{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/*"}}""", "role/*");
        await RefusedAsync(server, project, Everything, Everything, """{"StringNotEquals":{"aws:PrincipalAccount":"tess"}}""", "'tess'");
        Assert.Empty(
            (await server.CallAsync("ListProjectPolicies", $$"""{"ProjectArn":"{{project}}"}""")).Body.GetProperty("ProjectPolicies").EnumerateArray());

        string[] somebody =
        [
            Everything, """{"AWS":"*"}""", """{"AWS":"999999999999"}""",
            """{"AWS":["arn:aws:iam::999999999999:root","arn:aws:iam::123456789012:user/te+s_t=1,.@-"]}""",
        ];
        foreach (var (number, principal) in somebody.Index())
        {
            var resource = number % 2 == 0 ? Everything : """["arn:aws:rekognition:*:123456789012:project/cells/version/o?e/*","arn:aws:rekognition:us-east-1:123456789012:project/cell*"]""";
            var answer = await PutAsync(server, project, $"p{number}", principal, resource, """{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/te*"}}""");
            Assert.True(answer.Status == 200, $"{principal}: {answer.Body}");
        }
    }

    [Theory]
    [InlineData("Deny", "is not understood")]
    // An Allow for nobody never allowed anything; within the account the caller's own rights go on to suffice.
    [InlineData("Allow", null)]
    public async Task A_policy_for_nobody_that_an_earlier_version_took_denies_if_it_is_a_Deny(string effect, string? refused)
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        var source = await server.TrainedVersionAsync();
        var project = (await server.VersionAsync(source))!.ProjectArn;
        Assert.Equal(200, (await PutAsync(server, project, "old", """{"AWS":"arn:aws:iam::123456789012:user/te"}""", Everything, "{}", effect)).Status);
        using (var connection = TestDatabase.Connect(server.DataPath))
        {
            Assert.Equal(1, connection.Execute("UPDATE project_policies SET document = replace(document, 'user/te', 'user/te*')"));
        }

        var target = (await server.CallAsync("CreateProject", """{"ProjectName":"target"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var answer = await server.CallAsync(
            "CopyProjectVersion",
            JsonSerializer.Serialize(
                new
                {
                    SourceProjectArn = project,
                    SourceProjectVersionArn = source,
                    DestinationProjectArn = target,
                    VersionName = "copy",
                    OutputConfig = new { S3Bucket = "results", S3KeyPrefix = "out" },
                }));

        Assert.Equal(refused is null ? null : "AccessDeniedException", answer.Error);
        Assert.True(refused is null || answer.Message.Contains(refused, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"arn:aws:rekogniton:*:*:project/cells/*"}""", "rekogniton")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"arn:aws-cn:s3:::images/*"}""", "arn:aws-cn")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:us-east-1:123456789012:images/*"}""", "arn:aws:s3:::bucket/*")]
    // A project's ARN ends with its time.
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"arn:aws:rekognition:us-east-1:123456789012:project/cells"}""", "project/name/*")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"arn:aws:rekognition:us-east-1:tess:project/cells/*"}""", "tess")]
    [InlineData("""{"Effect":"Allow","Action":"*","NotResource":"arn:aws:rekognition:us-east-1:123456789012:projects/cells/*"}""", "projects/cells")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"te*"}}}""", "StringLike")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-*"}}}""", "'eu-*'")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceIp":"203.0.113.0/24"}}}""", "203.0.113.0/24")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SecureTransport":"False"}}}""", "'False'")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SourceIp":"true"}}}""", "Bool does not apply to aws:SourceIp")]
    [InlineData(
        """{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:CurrentTime":"203.0.113.0/24"}}}""", "NotIpAddress does not apply")]
    [InlineData(
        """{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NumericLessThanIfExists":{"aws:CurrentTime":"7"}}}""", "NumericLessThan does not apply")]
    [InlineData(
        """{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnLike":{"aws:username":"arn:aws:iam::123456789012:user/tess"}}}""",
        "ArnLike does not apply")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:assumed-role/*"}}}""", "assumed-role")]
    public void A_policy_of_a_key_that_speaks_of_nothing_is_refused_when_it_is_attached(string statement, string named)
    {
        var document = AccessKeys.Document(statement);

        var refusal = Assert.Throws<RefusedException>(() => NamedPolicy.Of("own", document));

        Assert.Equal(RefusalKind.MalformedPolicy, refusal.Kind);
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
        // One that is in use goes on as it was.
        Assert.Equal(document, IdentityPolicy.Parse(document).Document);
    }

    [Theory]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":["arn:aws:rekognition:*:*:project/line-3/*","arn:aws:s3:::images/*","arn:aws:s3:::*","arn:*:*:*:*:*"]}""")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":["arn:aws:rekognition:us-east-1:123456789012:project/*/version/*/*","arn:aws:rekognition:us-?ast-1:1234*:project/c*"]}""")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":["arn:aws:rekognition:us-east-1:123456789012:project/cells/dataset/train/17","arn:aws:rekognition:us-east-1:123456789012:collection/faces"]}""")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:username":["te*","*"]},"StringEqualsIgnoreCase":{"aws:RequestedRegion":"US-East-1"}}}""")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceIp":"203.0.113.7","aws:SecureTransport":"false","aws:ResourceTag/team":"la*","s3:prefix":"*"}}}""")]
    [InlineData("""{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NumericGreaterThan":{"s3:max-keys":"10","aws:EpochTime":"1769846400"},"DateLessThan":{"aws:EpochTime":"2026-01-31"},"Null":{"aws:SourceIp":"true"}}}""")]
    public void A_policy_that_a_request_can_meet_is_taken(string statement) => Assert.NotEmpty(NamedPolicy.Of("own", AccessKeys.Document(statement)).Document);

    [Fact]
    public void What_every_operation_requires_can_be_granted()
    {
        foreach (var resource in new[]
        {
            "arn:aws:rekognition:us-east-1:123456789012:project/c.e-l_s/1",
            "arn:aws:rekognition:us-east-1:123456789012:project/c/version/o/1",
            "arn:aws:rekognition:us-east-1:123456789012:project/c/dataset/test/1",
            Permission.S3Arn("b"),
            Permission.S3Arn("b", "k/é*?"),
            Permission.S3Arn("*"),
        })
        {
            Assert.Null(PolicyReach.Resource(resource));
        }
    }

    private static async Task RefusedAsync(TestServer server, string project, string principal, string resource, string condition, string named)
    {
        foreach (var effect in new[] { "Allow", "Deny" })
        {
            var answer = await PutAsync(server, project, "p", principal, resource, condition, effect);
            Assert.True(answer.Error == "MalformedPolicyDocumentException", $"{principal} {resource} {condition}: {answer.Body}");
            Assert.Contains(named, answer.Message, StringComparison.Ordinal);
        }
    }

    private static Task<ApiAnswer> PutAsync(
        TestServer server, string project, string name, string principal, string resource, string condition, string effect = "Allow") =>
        server.CallAsync("PutProjectPolicy", JsonSerializer.Serialize(new
        {
            ProjectArn = project,
            PolicyName = name,
            PolicyDocument = $$"""{"Version":"2012-10-17","Statement":[{"Effect":"{{effect}}","Principal":{{principal}},"Action":"rekognition:CopyProjectVersion","Resource":{{resource}},"Condition":{{condition}}}]}""",
        }));
}
