using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Identity;

public sealed class AuthorizationTests
{
    private const string Absent = "arn:aws:rekognition:us-east-1:123456789012:project/none/version/none/1";

    [Fact]
    public async Task An_inference_key_may_detect_and_may_not_stop()
    {
        await using var server = await TestServer.StartAsync();
        var version = await server.TrainedVersionAsync();
        await server.StartVersionAsync(version);
        await server.WaitForStatusAsync(version, ProjectVersionStatus.RUNNING);
        var key = await server.KeyAsync("app", "inference");

        var answer = await server.CallAsync(
            key, "DetectCustomLabels", $$$"""{"ProjectVersionArn":"{{{version}}}","Image":{"Bytes":"{{{Convert.ToBase64String(TinyModel.Png(0))}}}"}}""");
        Assert.Equal(200, answer.Status);
        var stop = await server.CallAsync(key, "StopProjectVersion", $$"""{"ProjectVersionArn":"{{version}}"}""");
        Assert.Equal(400, stop.Status);
        Assert.Equal("AccessDeniedException", stop.Error);
        Assert.Equal(
            $"User: arn:aws:iam::123456789012:user/app is not authorized to perform: rekognition:StopProjectVersion on resource: {version} because no "
                + $"identity-based policy allows the rekognition:StopProjectVersion action",
            stop.Message);
        Assert.Equal(ProjectVersionStatus.RUNNING, (await server.VersionAsync(version))!.Status);

        // On an object: the right to the model is not a right to the bucket, there or not.
        var image = await server.CallAsync(
            key, "DetectCustomLabels", $$$$"""{"ProjectVersionArn":"{{{{version}}}}","Image":{"S3Object":{"Bucket":"images","Name":"a.png"}}}""");
        Assert.Equal("InvalidS3ObjectException", image.Error);
        Assert.Contains("s3:GetObject on resource: arn:aws:s3:::images/a.png", image.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_right_what_is_not_there_is_denied_all_the_same()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("app", "inference");
        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "StopProjectVersion", $$"""{"ProjectVersionArn":"{{Absent}}"}""")).Error);
        Assert.Equal(
            "ResourceNotFoundException",
            (await server.CallAsync(key, "DetectCustomLabels", $$$"""{"ProjectVersionArn":"{{{Absent}}}","Image":{"Bytes":"AA=="}}""")).Error);
        Assert.Equal("ValidationException", (await server.CallAsync(key, "StopProjectVersion", "{}")).Error);
    }

    [Fact]
    public async Task A_Deny_of_one_policy_wins_over_the_Allow_of_another_and_says_so()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("ops", "administrator", """{"Effect":"Deny","Action":"rekognition:StopProjectVersion","Resource":"*"}""");
        var answer = await server.CallAsync(key, "StopProjectVersion", $$"""{"ProjectVersionArn":"{{Absent}}"}""");
        Assert.EndsWith($"on resource: {Absent} with an explicit deny in an identity-based policy", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task New_changed_and_revoked_keys_count_from_the_next_request_on()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("app");
        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "DescribeProjects", "{}")).Error);
        await server.AttachAsync(key, "inference");
        Assert.Equal(200, (await server.CallAsync(key, "DescribeProjects", "{}")).Status);
        await server.RevokeAsync(key);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync(key, "DescribeProjects", "{}")).Error);
        using var s3 = await server.SendS3Async(key, HttpMethod.Get, "/");
        Assert.Equal("InvalidAccessKeyId", (await TestServer.XmlAsync(s3)).Element("Code")!.Value);
    }

    [Fact]
    public async Task Tags_of_the_resource_and_of_the_request_decide()
    {
        await using var server = await TestServer.StartAsync();
        var lab = (await server.CallAsync("CreateProject", """{"ProjectName":"lab","Tags":{"team":"lab"}}""")).Body.GetProperty("ProjectArn").GetString()!;
        var other = (await server.CallAsync("CreateProject", """{"ProjectName":"other"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var key = await server.KeyAsync(
            "ann",
            """{"Effect":"Allow","Action":"rekognition:DeleteProject","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"lab"}}}""",
            """{"Effect":"Allow","Action":"rekognition:CreateProject","Resource":"arn:aws:rekognition:*:*:project/ann-*"}""",
            """{"Effect":"Allow","Action":"rekognition:TagResource","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"lab"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}""");

        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "DeleteProject", $$"""{"ProjectArn":"{{other}}"}""")).Error);
        Assert.Equal(200, (await server.CallAsync(key, "DeleteProject", $$"""{"ProjectArn":"{{lab}}"}""")).Status);
        // A project pattern counts for CreateProject, and tags need TagResource.
        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "CreateProject", """{"ProjectName":"bob-1"}""")).Error);
        Assert.Equal(200, (await server.CallAsync(key, "CreateProject", """{"ProjectName":"ann-1","Tags":{"team":"lab"}}""")).Status);
        var tags = await server.CallAsync(key, "CreateProject", """{"ProjectName":"ann-2","Tags":{"team":"lab","cost":"1"}}""");
        Assert.Contains("rekognition:TagResource", tags.Message, StringComparison.Ordinal);
        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "TagResource", $$$"""{"ResourceArn":"{{{other}}}","Tags":{"team":"zoo"}}""")).Error);
        Assert.Equal(200, (await server.CallAsync(key, "TagResource", $$$"""{"ResourceArn":"{{{other}}}","Tags":{"team":"lab"}}""")).Status);
    }

    [Theory]
    // What is yet to be made has no tags: those of the project count, so that having none neither opens nor closes anything.
    [InlineData(
        """{"Effect":"Allow","Action":"rekognition:CreateDataset","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceTag/env":"prod"}}}""", false)]
    [InlineData("""{"Effect":"Allow","Action":"rekognition:CreateDataset","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}""", true)]
    [InlineData("""{"Effect":"Allow","Action":"rekognition:*","Resource":"*"},{"Effect":"Deny","Action":"rekognition:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceTag/env":"prod"}}}""", true)]
    // And only the project is tried against NotResource: the ARN of what is made differs from it, and would never be an exception.
    [InlineData("""{"Effect":"Allow","Action":"rekognition:*","NotResource":"arn:aws:rekognition:*:*:project/line/1*"}""", false)]
    [InlineData("""{"Effect":"Allow","Action":"rekognition:*","Resource":"*"},{"Effect":"Deny","Action":"rekognition:*","NotResource":"arn:aws:rekognition:*:*:project/line/1*"}""", true)]
    public async Task What_is_yet_to_be_made_is_judged_as_the_project_it_is_made_in(string statements, bool allowed)
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"line","Tags":{"env":"prod"}}""")).Body.GetProperty("ProjectArn").GetString()!;
        var key = await server.KeyAsync("ann", statements);

        var answer = await server.CallAsync(key, "CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TRAIN"}""");

        Assert.Equal(allowed ? null : "AccessDeniedException", answer.Error);
    }

    [Fact]
    public async Task A_copied_dataset_needs_the_right_to_list_its_source()
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var source = (await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TRAIN"}""")).Body.GetProperty("DatasetArn")
            .GetString()!;
        var key = await server.KeyAsync("ann", """{"Effect":"Allow","Action":"rekognition:CreateDataset","Resource":"*"}""");
        var answer = await server.CallAsync(
            key, "CreateDataset", $$$"""{"ProjectArn":"{{{project}}}","DatasetType":"TEST","DatasetSource":{"DatasetArn":"{{{source}}}"}}""");
        Assert.Contains($"rekognition:ListDatasetEntries on resource: {source}", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_that_the_caller_may_not_read_ends_the_import_whether_it_is_there_or_not()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("ann", """{"Effect":"Allow","Action":"rekognition:*","Resource":"*"}""");
        var project = (await server.CallAsync(key, "CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var answer = await server.CallAsync(key, "CreateDataset", $$$$$"""{"ProjectArn":"{{{{{project}}}}}","DatasetType":"TRAIN","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"secret","Name":"m"}}}}""");
        var dataset = answer.Body.GetProperty("DatasetArn").GetString()!;
        JsonElement described;
        var limit = DateTime.UtcNow.AddSeconds(20);
        do
        {
            described = (await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{dataset}}"}""")).Body.GetProperty("DatasetDescription");
        }
        while (described.GetProperty("Status").GetString() == "CREATE_IN_PROGRESS" && DateTime.UtcNow < limit);
        Assert.Equal("CREATE_FAILED", described.GetProperty("Status").GetString());
        Assert.Equal(
            "ERROR_INVALID_PERMISSIONS_MANIFEST_S3_BUCKET: The S3 bucket permissions are incorrect.", described.GetProperty("StatusMessage").GetString());
    }

    [Fact]
    public async Task Accounts_do_not_see_each_other()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("mine");
        await server.PutObjectAsync("mine", "k", [1]);
        var version = await server.TrainedVersionAsync();
        var project = (await server.VersionAsync(version))!.ProjectArn;
        var dataset = (await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TRAIN"}""")).Body.GetProperty("DatasetArn")
            .GetString()!;
        var other = await server.KeyAsync("eve", "111122223333", ["administrator"]);

        Assert.Equal(0, (await server.CallAsync(other, "DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").GetArrayLength());
        foreach (var (operation, body) in Requests(project, version, dataset))
        {
            var answer = await server.CallAsync(other, operation, body);
            Assert.True(
                answer.Error is "ResourceNotFoundException" || (operation == "CopyProjectVersion" && answer.Error == "AccessDeniedException"),
                $"{operation}: {answer.Status} {answer.Error}");
        }

        // And the requests above are whole: their owner gets another answer.
        Assert.NotEqual("ResourceNotFoundException", (await server.CallAsync("ListDatasetLabels", $$"""{"DatasetArn":"{{dataset}}"}""")).Error);
        using var buckets = await server.SendS3Async(other, HttpMethod.Get, "/");
        Assert.DoesNotContain("mine", await buckets.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        foreach (var (method, path, query) in new[]
        {
            (HttpMethod.Get, "/mine", ""),
            (HttpMethod.Head, "/mine", ""),
            (HttpMethod.Get, "/mine/k", ""),
            (HttpMethod.Put, "/mine/k", ""),
            (HttpMethod.Delete, "/mine/k", ""),
            (HttpMethod.Delete, "/mine", ""),
            (HttpMethod.Post, "/mine/k", "uploads="),
            (HttpMethod.Get, "/mine", "location="),
            (HttpMethod.Get, "/mine", "uploads="),
        })
        {
            using var answer = await server.SendS3Async(other, method, path, query);
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        }

        using var made = await server.SendS3Async(other, HttpMethod.Put, "/theirs");
        using var copied = await server.SendS3Async(other, HttpMethod.Put, "/theirs/k", headers: [("x-amz-copy-source", "/mine/k")]);
        Assert.Equal(HttpStatusCode.Forbidden, copied.StatusCode);
        using var taken = await server.SendS3Async(other, HttpMethod.Put, "/mine");
        Assert.Equal(HttpStatusCode.Conflict, taken.StatusCode);
    }

    [Fact]
    public async Task Every_operation_of_the_table_is_denied_to_a_key_without_policies()
    {
        await using var server = await TestServer.StartAsync();
        var version = await server.TrainedVersionAsync();
        var project = (await server.VersionAsync(version))!.ProjectArn;
        var dataset = (await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TRAIN"}""")).Body.GetProperty("DatasetArn")
            .GetString()!;
        var key = await server.KeyAsync("nobody");
        var requests = Requests(project, version, dataset).Append(("CreateProject", """{"ProjectName":"x"}""")).Append(("DescribeProjects", "{}")).ToList();
        Assert.Equal(Operations.All.Select(o => o.Name).Order(), requests.Select(r => r.Item1).Order());
        foreach (var (operation, body) in requests)
        {
            var answer = await server.CallAsync(key, operation, body);
            Assert.True(answer.Error == "AccessDeniedException", $"{operation}: {answer.Status} {answer.Error}");
            Assert.Contains($"not authorized to perform: rekognition:{operation} on resource: ", answer.Message, StringComparison.Ordinal);
            Assert.True(KnownActions.Has($"rekognition:{operation}"));
        }
    }

    [Fact]
    public async Task A_project_policy_lets_another_account_copy_which_its_own_policy_must_allow_too()
    {
        await using var server = await TestServer.StartAsync();
        var source = await server.TrainedVersionAsync();
        var project = (await server.VersionAsync(source))!.ProjectArn;
        var eve = await server.KeyAsync("eve", "111122223333", ["administrator"]);
        var weak = await server.KeyAsync("weak", "111122223333", ["inference"]);
        using var bucket = await server.SendS3Async(eve, HttpMethod.Put, "/theirs");
        var target = (await server.CallAsync(eve, "CreateProject", """{"ProjectName":"target"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var copy = JsonSerializer.Serialize(
            new
            {
                SourceProjectArn = project,
                SourceProjectVersionArn = source,
                DestinationProjectArn = target,
                VersionName = "copy",
                OutputConfig = new { S3Bucket = "theirs", S3KeyPrefix = "" },
            });

        var refused = await server.CallAsync(eve, "CopyProjectVersion", copy);
        Assert.EndsWith("because no resource-based policy allows the rekognition:CopyProjectVersion action", refused.Message, StringComparison.Ordinal);
        var policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"rekognition:CopyProjectVersion","Resource":"*"}}""";
        Assert.Equal(
            200,
            (await server.CallAsync(
                "PutProjectPolicy", JsonSerializer.Serialize(new { ProjectArn = project, PolicyName = "give", PolicyDocument = policy }))).Status);
        Assert.EndsWith(
            "because no identity-based policy allows the rekognition:CopyProjectVersion action",
            (await server.CallAsync(weak, "CopyProjectVersion", copy)).Message, StringComparison.Ordinal);
        var answer = await server.CallAsync(eve, "CopyProjectVersion", copy);
        Assert.Equal(200, answer.Status);
        await server.WaitForStatusAsync(answer.Body.GetProperty("ProjectVersionArn").GetString()!, ProjectVersionStatus.COPYING_COMPLETED);
    }

    private static (string Operation, string Body)[] Requests(string project, string version, string dataset) =>
    [
        ("CopyProjectVersion", $$$"""{"SourceProjectArn":"{{{project}}}","SourceProjectVersionArn":"{{{version}}}","DestinationProjectArn":"{{{project}}}","VersionName":"c","OutputConfig":{"S3Bucket":"mine","S3KeyPrefix":""}}"""),
        ("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TEST"}"""),
        ("CreateProjectVersion", $$$"""{"ProjectArn":"{{{project}}}","VersionName":"v","OutputConfig":{"S3Bucket":"mine","S3KeyPrefix":""}}"""),
        ("DeleteDataset", $$"""{"DatasetArn":"{{dataset}}"}"""),
        ("DeleteProject", $$"""{"ProjectArn":"{{project}}"}"""),
        ("DeleteProjectPolicy", $$"""{"ProjectArn":"{{project}}","PolicyName":"p"}"""),
        ("DeleteProjectVersion", $$"""{"ProjectVersionArn":"{{version}}"}"""),
        ("DescribeDataset", $$"""{"DatasetArn":"{{dataset}}"}"""),
        ("DescribeProjectVersions", $$"""{"ProjectArn":"{{project}}"}"""),
        ("DetectCustomLabels", $$$"""{"ProjectVersionArn":"{{{version}}}","Image":{"Bytes":"AA=="}}"""),
        ("DistributeDatasetEntries", $$$"""{"Datasets":[{"Arn":"{{{dataset}}}"},{"Arn":"{{{dataset}}}"}]}"""),
        ("ListDatasetEntries", $$"""{"DatasetArn":"{{dataset}}"}"""),
        ("ListDatasetLabels", $$"""{"DatasetArn":"{{dataset}}"}"""),
        ("ListProjectPolicies", $$"""{"ProjectArn":"{{project}}"}"""),
        ("ListTagsForResource", $$"""{"ResourceArn":"{{project}}"}"""),
        ("PutProjectPolicy", $$"""{"ProjectArn":"{{project}}","PolicyName":"p","PolicyDocument":"{}"}"""),
        ("StartProjectVersion", $$"""{"ProjectVersionArn":"{{version}}","MinInferenceUnits":1}"""),
        ("StopProjectVersion", $$"""{"ProjectVersionArn":"{{version}}"}"""),
        ("TagResource", $$$"""{"ResourceArn":"{{{dataset}}}","Tags":{"a":"b"}}"""),
        ("UntagResource", $$"""{"ResourceArn":"{{version}}","TagKeys":["a"]}"""),
        ("UpdateDatasetEntries", $$$"""{"DatasetArn":"{{{dataset}}}","Changes":{"GroundTruth":"AA=="}}"""),
    ];
}
