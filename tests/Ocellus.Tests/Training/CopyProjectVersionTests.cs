using System.Text.Json;
using Dapper;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Training;

public sealed class CopyProjectVersionTests
{
    [Fact]
    public async Task A_copy_is_a_version_of_its_own_that_outlives_its_source()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        var source = await server.TrainedVersionAsync();
        var target = await ProjectAsync(server, "target");

        var answer = await CopyAsync(server, source, target);

        Assert.Equal(200, answer.Status);
        var copy = answer.Body.GetProperty("ProjectVersionArn").GetString()!;
        await server.WaitForStatusAsync(copy, ProjectVersionStatus.COPYING_COMPLETED);
        var described = (await server.CallAsync(
            "DescribeProjectVersions", $$"""{"ProjectArn":"{{target}}"}""")).Body.GetProperty("ProjectVersionDescriptions")[0];
        Assert.Equal(source, described.GetProperty("SourceProjectVersionArn").GetString());
        Assert.False(described.TryGetProperty("BillableTrainingTimeInSeconds", out _));
        Assert.Equal("ResourceInUseException", (await CopyAsync(server, source, target)).Error);

        await server.CallAsync("DeleteProjectVersion", $$"""{"ProjectVersionArn":"{{source}}"}""");
        await server.StartVersionAsync(copy);
        await server.WaitForStatusAsync(copy, ProjectVersionStatus.RUNNING);
        Assert.Equal(["red"], (await server.DetectAsync(copy, TinyModel.Png(0))).Names());
    }

    [Fact]
    public async Task A_bucket_of_the_source_s_name_that_is_elsewhere_now_gives_no_files()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        using var created = await server.SendS3Async(
            HttpMethod.Put, "/evaluations",
            body: "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"u8.ToArray());
        Assert.True(created.IsSuccessStatusCode);
        await server.PutObjectAsync("evaluations", "summary.json", "theirs"u8.ToArray());
        var source = await server.TrainedVersionAsync();
        using (var connection = TestDatabase.Connect(server.DataPath))
        {
            connection.Execute(
                "UPDATE project_versions SET evaluation_result = @text WHERE arn = @source",
                new { source, text = """{"F1Score":1,"Summary":{"S3Object":{"Bucket":"evaluations","Name":"summary.json"}}}""" });
        }

        var copy = (await CopyAsync(server, source, await ProjectAsync(server, "target"))).Body.GetProperty("ProjectVersionArn").GetString()!;

        await server.WaitForStatusAsync(copy, ProjectVersionStatus.COPYING_COMPLETED);
        using var listed = await server.SendS3Async(HttpMethod.Get, "/results");
        Assert.DoesNotContain(
            "EvaluationResultSummary", await listed.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_output_bucket_a_copy_fails_with_the_reason()
    {
        await using var server = await TestServer.StartAsync();
        var source = await server.TrainedVersionAsync();

        var answer = await CopyAsync(server, source, await ProjectAsync(server, "target"));

        var copy = answer.Body.GetProperty("ProjectVersionArn").GetString()!;
        await server.WaitForStatusAsync(copy, ProjectVersionStatus.COPYING_FAILED);
        Assert.Equal(
            "InvalidParameterException", (await server.CallAsync("StartProjectVersion", $$"""{"ProjectVersionArn":"{{copy}}","MinInferenceUnits":1}""")).Error);
    }

    [Fact]
    public async Task A_Deny_of_the_source_project_denies_in_the_words_of_AWS()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        var source = await server.TrainedVersionAsync();
        var policy = """{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"rekognition:CopyProjectVersion","Resource":"*"}}""";
        Assert.Equal(
            200,
            (await server.CallAsync(
                "PutProjectPolicy",
                JsonSerializer.Serialize(new { ProjectArn = await ProjectOfAsync(server, source), PolicyName = "no", PolicyDocument = policy }))).Status);

        var answer = await CopyAsync(server, source, await ProjectAsync(server, "target"));

        Assert.Equal("AccessDeniedException", answer.Error);
        Assert.StartsWith("User: arn:aws:iam::123456789012:user/", answer.Message, StringComparison.Ordinal);
        Assert.Contains($"is not authorized to perform: rekognition:CopyProjectVersion on resource: {source}", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_an_earlier_version_accepted_and_this_does_not_understand_gives_nothing()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        var source = await server.TrainedVersionAsync();
        var policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"rekognition:CopyProjectVersion","Resource":"*"}}""";
        Assert.Equal(
            200,
            (await server.CallAsync(
                "PutProjectPolicy",
                JsonSerializer.Serialize(new { ProjectArn = await ProjectOfAsync(server, source), PolicyName = "old", PolicyDocument = policy }))).Status);
        using (var connection = TestDatabase.Connect(server.DataPath))
        {
            Assert.Equal(
                1, connection.Execute("UPDATE project_policies SET document = replace(document, '\"Resource\":\"*\"', '\"Resource\":\"*\",\"Other\":1')"));
        }

        var answer = await CopyAsync(server, source, await ProjectAsync(server, "target"));

        Assert.Equal("AccessDeniedException", answer.Error);
        Assert.Contains("is not understood", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    // Principal, resource and effect decide; a Deny wins over any Allow.
    [InlineData("""{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Resource":"*"}""", nameof(PolicyVerdict.Allowed))]
    [InlineData("""{"Effect":"ALLOW","Principal":{"AWS":["999999999999","arn:aws:iam::111122223333:root"]},"Resource":"arn:aws:rekognition:us-east-1:123456789012:project/cells/version/*"}""", nameof(PolicyVerdict.Allowed))]
    [InlineData("""{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/ann"},"Resource":"arn:aws:rekognition:us-east-1:123456789012:project/cells/version/o?e/1"}""", nameof(PolicyVerdict.Allowed))]
    [InlineData("""{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Resource":"*"}""", nameof(PolicyVerdict.NoMatch))]
    [InlineData("""{"Effect":"Allow","Principal":"*","Resource":"arn:aws:rekognition:us-east-1:123456789012:project/other/version/*"}""", nameof(PolicyVerdict.NoMatch))]
    [InlineData(
        """{"Effect":"Allow","Principal":"*","Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/a*"} } }""",
        nameof(PolicyVerdict.Allowed))]
    [InlineData(
        """{"Effect":"Allow","Principal":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"} } }""",
        nameof(PolicyVerdict.NoMatch))]
    [InlineData("""{"Effect":"Allow","Principal":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Resource":"*"}""", nameof(PolicyVerdict.Denied))]
    public void A_policy_says_what_its_statements_say_together(string statements, string verdict)
    {
        var document = $$"""{"Version":"2012-10-17","Statement":[{{statements.Replace("\"Resource\"", "\"Action\":\"rekognition:CopyProjectVersion\",\"Resource\"", StringComparison.Ordinal)}}]}""";
        PolicyDocument.Check(
            document, $"arn:aws:rekognition:us-east-1:123456789012:project/{(statements.Contains("/other/", StringComparison.Ordinal) ? "other" : "cells")}/1");

        Assert.Equal(
            verdict,
            PolicyDocument.Evaluate(
                [document], new Caller("111122223333", "us-east-1", "ann", "k"), "arn:aws:rekognition:us-east-1:123456789012:project/cells/version/one/1",
                out var notUnderstood)
                .ToString());
        Assert.Null(notUnderstood);
    }

    private static async Task<ApiAnswer> CopyAsync(TestServer server, string source, string target) =>
        await server.CallAsync(
            "CopyProjectVersion",
            JsonSerializer.Serialize(
                new
                {
                    SourceProjectArn = await ProjectOfAsync(server, source),
                    SourceProjectVersionArn = source,
                    DestinationProjectArn = target,
                    VersionName = "copy",
                    OutputConfig = new { S3Bucket = "results", S3KeyPrefix = "out" },
                }));

    private static async Task<string> ProjectAsync(TestServer server, string name) =>
        (await server.CallAsync("CreateProject", $$"""{"ProjectName":"{{name}}"}""")).Body.GetProperty("ProjectArn").GetString()!;

    private static async Task<string> ProjectOfAsync(TestServer server, string versionArn) => (await server.VersionAsync(versionArn))!.ProjectArn;
}
