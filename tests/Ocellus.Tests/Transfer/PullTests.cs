using System.Text;
using System.Text.Json.Nodes;
using Ocellus.Tests.Commands;

namespace Ocellus.Tests.Transfer;

/// <summary><c>ocellus pull</c> as a shell sees it: from recorded answers of AWS, and from a second server.</summary>
public sealed class PullTests : IDisposable
{
    private const string Source = "arn:aws:rekognition:eu-west-1:111122223333:project/parts/1700000000000";
    private const string Train = "arn:aws:rekognition:eu-west-1:111122223333:project/parts/dataset/train/1700000000001";

    private const string Policy =
        """
        {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["rekognition:CopyProjectVersion"],
        "Resource":["arn:aws:rekognition:eu-west-1:111122223333:project/parts/version/*"]}]}
        """;

    private static readonly string[] _reads =
    [
        "DescribeProjects", "DescribeDataset", "ListDatasetEntries", "ListTagsForResource", "ListProjectPolicies", "DescribeProjectVersions", "GET",
    ];

    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_project_of_aws_comes_with_a_key_that_may_only_read_and_again_only_what_is_new()
    {
        await using var aws = await FakeAws.StartAsync();
        List<string> lines = [.. Enumerable.Range(0, 130).Select(i => Entry($"a b/{i:000}.png", i % 2 == 0 ? "good" : "bad"))];
        Record(aws, lines);
        aws.Throttled = 2;
        for (var i = 0; i < 129; i++)
        {
            aws.Objects[$"pictures-of-aws/a b/{i:000}.png"] = [1, 2, (byte)i];
        }

        await using var server = await TestServer.StartAsync();
        var first = await PullAsync(aws, server);
        Assert.True(first.Code == 0, first.Errors);
        var project = Answer(first.Output);
        var set = project["datasets"]!.AsArray().Single()!;
        Assert.Equal((130, 129, 1, 129), ((int)set["entries"]!, (int)set["written"]!, (int)set["withoutPicture"]!, (int)set["picturesCopied"]!));
        Assert.Equal(["v2", "v1"], project["models"]!.AsArray().Select(m => (string?)m!["version"]));
        var missing = string.Join('\n', project["missing"]!.AsArray().Select(m => (string?)m));
        Assert.Contains("s3://pictures-of-aws/a b/129.png", missing, StringComparison.Ordinal);
        Assert.Contains("aws:createdBy", missing, StringComparison.Ordinal);
        Assert.Empty(aws.Asked.Except(_reads));
        Assert.All(aws.Signatures, s => Assert.Contains("Credential=AKIDREADER", s.Authorization, StringComparison.Ordinal));
        Assert.All(aws.Signatures, s => Assert.Equal("a-token", s.Token));

        var here = await server.CallAsync("DescribeProjects", """{"ProjectNames":["parts"]}""");
        var found = JsonNode.Parse(here.Body.GetRawText())!["ProjectDescriptions"]![0]!;
        Assert.Equal((string?)project["projectArn"], (string?)found["ProjectArn"]);
        var listed = await ListAsync(server, (string)set["datasetArn"]!);
        Assert.Equal(lines[..100].Select(Plain), listed.Select(Plain));
        using (var picture = await server.SendS3Async(HttpMethod.Get, "/pictures-of-aws/" + Signer.Path("a b/007.png")))
        {
            Assert.Equal([1, 2, 7], await picture.Content.ReadAsByteArrayAsync(Cancel));
        }

        var tags = (await server.CallAsync("ListTagsForResource", $$"""{"ResourceArn":"{{project["projectArn"]}}"}""")).Body.GetProperty("Tags");
        Assert.Equal("line 4", tags.GetProperty("site").GetString());
        var policy = (await server.CallAsync("ListProjectPolicies", $$"""{"ProjectArn":"{{project["projectArn"]}}"}""")).Body
            .GetProperty("ProjectPolicies")[0].GetProperty("PolicyDocument").GetString()!;
        Assert.Contains(":project/parts/version/*", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("111122223333", policy, StringComparison.Ordinal);

        // The picture is there now, another has changed, and there is a new entry.
        lines.Add(Entry("new.png", "good"));
        aws.Objects["pictures-of-aws/a b/129.png"] = aws.Objects["pictures-of-aws/new.png"] = [5];
        aws.Objects["pictures-of-aws/a b/007.png"] = [9, 9];
        var second = await PullAsync(aws, server);
        set = Answer(second.Output)["datasets"]![0]!;
        Assert.Equal(
            (131, 2, 0, 3, 128),
            ((int)set["entries"]!, (int)set["written"]!, (int)set["withoutPicture"]!, (int)set["picturesCopied"]!, (int)set["picturesKept"]!));
        Assert.Equal(131, (int)set["total"]!);
    }

    [Fact]
    public async Task What_a_key_may_not_read_and_what_aws_does_not_hand_out_is_told_with_what_to_do()
    {
        await using var aws = await FakeAws.StartAsync();
        Record(aws, [Entry("1.png", "good")]);
        aws.Objects["pictures-of-aws/1.png"] = [1];
        aws.Answers.Remove("ListTagsForResource");
        aws.Answers.Remove("ListProjectPolicies");
        await using var server = await TestServer.StartAsync();
        var end = await RunAsync(aws, server, "--project", "parts", "--as", "mine", "--bucket", "all-of-it");
        Assert.Equal(0, end.Code);
        Assert.Contains("mine: arn:aws:rekognition:", end.Output, StringComparison.Ordinal);
        Assert.Contains("rekognition:ListTagsForResource", end.Errors, StringComparison.Ordinal);
        Assert.Contains("rekognition:ListProjectPolicies", end.Errors, StringComparison.Ordinal);
        Assert.Contains("2 models stay there: v2 (F1 0.910), v1", end.Errors, StringComparison.Ordinal);
        Assert.Contains("AWS hands out no weights", end.Errors, StringComparison.Ordinal);
        Assert.Contains("--train", end.Errors, StringComparison.Ordinal);
        using var picture = await server.SendS3Async(HttpMethod.Get, "/all-of-it/pictures-of-aws/1.png");
        Assert.Equal([1], await picture.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task Labels_that_were_corrected_here_stay_unless_told_otherwise()
    {
        await using var aws = await FakeAws.StartAsync();
        List<string> lines = [Entry("1.png", "good")];
        Record(aws, lines);
        aws.Objects["pictures-of-aws/1.png"] = [1];
        await using var server = await TestServer.StartAsync();
        var arn = (string)Answer((await PullAsync(aws, server)).Output)["datasets"]![0]!["datasetArn"]!;
        lines[0] = Entry("1.png", "better");
        var second = Answer((await PullAsync(aws, server)).Output);
        Assert.Equal(1, (int)second["datasets"]![0]!["differing"]!);
        Assert.Contains("good", (await ListAsync(server, arn))[0], StringComparison.Ordinal);
        var third = Answer((await PullAsync(aws, server, "--update")).Output);
        Assert.Equal((0, 1), ((int)third["datasets"]![0]!["differing"]!, (int)third["datasets"]![0]!["written"]!));
        Assert.Contains("better", (await ListAsync(server, arn))[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_that_is_no_copy_is_not_overwritten_unless_told_otherwise()
    {
        await using var aws = await FakeAws.StartAsync();
        Record(aws, [Entry("own.png", "good"), Entry("same.png", "good")]);
        aws.Objects["pictures-of-aws/own.png"] = [2, 2];
        aws.Objects["pictures-of-aws/same.png"] = [7];
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("pictures-of-aws");
        await server.PutObjectAsync("pictures-of-aws", "own.png", [1]);
        await server.PutObjectAsync("pictures-of-aws", "same.png", [7]);

        var pulled = Answer((await PullAsync(aws, server)).Output);
        var set = pulled["datasets"]![0]!;
        Assert.Equal((1, 1, 0, 1), ((int)set["taken"]!, (int)set["written"]!, (int)set["picturesCopied"]!, (int)set["picturesKept"]!));
        Assert.Contains(pulled["missing"]!.AsArray(), m => ((string)m!).Contains("--bucket NAME puts all pictures", StringComparison.Ordinal));
        Assert.Equal([1], await ReadAsync());

        set = Answer((await PullAsync(aws, server, "--update")).Output)["datasets"]![0]!;
        Assert.Equal((0, 1, 1, 1), ((int)set["taken"]!, (int)set["written"]!, (int)set["picturesCopied"]!, (int)set["picturesKept"]!));
        Assert.Equal([2, 2], await ReadAsync());

        async Task<byte[]> ReadAsync()
        {
            using var picture = await server.SendS3Async(HttpMethod.Get, "/pictures-of-aws/own.png");
            return await picture.Content.ReadAsByteArrayAsync(Cancel);
        }
    }

    [Theory]
    [InlineData("--project other", "has no project 'other' in eu-west-1. It has parts.")]
    [InlineData("", "--project NAME")]
    [InlineData("--all --as x", "--as names one project")]
    [InlineData("--project parts --from-data d", "--from-data is for another Ocellus")]
    public async Task A_wrong_wish_is_refused_with_what_would_be_right(string words, string sentence)
    {
        await using var aws = await FakeAws.StartAsync();
        Record(aws, []);
        await using var server = await TestServer.StartAsync();
        var end = await RunAsync(aws, server, words.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((1, ""), (end.Code, end.Output));
        Assert.Contains(sentence, end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Aws_is_contacted_for_from_aws_only_and_never_from_a_shell_that_leads_to_a_server()
    {
        var end = await CommandLineTests.RunAsync(_top, "pull", "--from", "https://rekognition.eu-west-1.amazonaws.com", "--project", "p");
        Assert.Equal(2, end.Code);
        Assert.Contains("--from aws", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunInAsync(
            _top, new() { ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9" }, "pull", "--from", "aws", "--project", "p");
        Assert.Equal(1, end.Code);
        Assert.Contains("Run this in a new shell", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunInAsync(
            _top, new() { ["AWS_ACCESS_KEY_ID"] = "a", ["AWS_SECRET_ACCESS_KEY"] = "b" }, "pull", "--from", "http://127.0.0.1:9", "--project", "p", "--url",
            "http://127.0.0.1:9/x");
        Assert.Equal(1, end.Code);
        Assert.Contains("http://127.0.0.1:9 does not answer", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_project_of_another_server_comes_whole_with_names_that_are_hard_for_paths()
    {
        await using var other = await TestServer.StartAsync();
        await using var server = await TestServer.StartAsync();
        string[] keys = ["😀 a+b%20.png", "../up/./x//y.png", "ü/ü.png", "q?a=1&b#c.png"];
        await other.CreateBucketAsync("photos");
        foreach (var key in keys)
        {
            await other.PutObjectAsync("photos", key, Encoding.UTF8.GetBytes(key));
        }

        await other.PutObjectAsync("photos", "m", Encoding.UTF8.GetBytes(string.Join('\n', keys.Select(k => Entry(k, "x", "photos")))));
        var arn = (await other.CallAsync("CreateProject", """{"ProjectName":"p","Tags":{"a":"b"}}""")).Body.GetProperty("ProjectArn").GetString()!;
        await other.CallAsync(
            "CreateDataset",
            $$"""{"ProjectArn":"{{arn}}","DatasetType":"TEST","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"photos","Name":"m"} } } }""");
        var end = (Code: 1, Output: "", Errors: "");
        for (var again = true; again;)
        {
            end = await CommandLineTests.RunAsync(
                _top, "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--data", server.DataPath, "--url",
                server.BaseAddress.ToString(), "--json");
            Assert.True(end.Code == 0, end.Errors);
            again = end.Output.Contains("IN_PROGRESS", StringComparison.Ordinal);
        }

        var set = Answer(end.Output)["datasets"]![0]!;
        Assert.Equal(("TEST", 4), ((string?)set["type"], (int)set["total"]!));
        foreach (var key in keys)
        {
            using var picture = await server.SendS3Async(HttpMethod.Get, "/photos/" + Signer.Path(key));
            Assert.Equal(key, await picture.Content.ReadAsStringAsync(Cancel));
        }

        end = await CommandLineTests.RunAsync(
            _top, "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--data", other.DataPath, "--url",
            other.BaseAddress.ToString());
        Assert.Contains("are the same", end.Errors, StringComparison.Ordinal);
    }

    private static JsonObject Answer(string output) => JsonNode.Parse(output)!["projects"]![0]!.AsObject();

    private static string Entry(string key, string label, string bucket = "pictures-of-aws") =>
        CommandLineTests.Line(key, label).Replace("s3://bucket/", $"s3://{bucket}/", StringComparison.Ordinal);

    /// <summary>A line without the spelling of its JSON.</summary>
    private static string Plain(string line)
    {
        var json = JsonNode.Parse(line)!.AsObject();
        json.Remove("cl-metadata");
        return json.ToJsonString();
    }

    private static void Record(FakeAws aws, List<string> lines)
    {
        aws.Answers["DescribeProjects"] = request => Read(
            request["ProjectNames"] is JsonArray names && names.All(n => (string?)n != "parts")
                ? """{"ProjectDescriptions":[]}"""
                : $$"""
                {"ProjectDescriptions":[{"ProjectArn":"{{Source}}","CreationTimestamp":1.7E9,"Status":"CREATED","Feature":"CUSTOM_LABELS",
                "Datasets":[{"CreationTimestamp":1.7E9,"DatasetType":"TRAIN","DatasetArn":"{{Train}}","Status":"CREATE_COMPLETE",
                "StatusMessage":"The dataset was successfully created.","StatusMessageCode":"SUCCESS"}]}]}
                """);
        aws.Answers["DescribeDataset"] = _ => Read(
            $$"""
            {"DatasetDescription":{"CreationTimestamp":1.7E9,"LastUpdatedTimestamp":1.7E9,"Status":"CREATE_COMPLETE","StatusMessage":"",
            "StatusMessageCode":"SUCCESS","DatasetStats":{"LabeledEntries":{{lines.Count}},"TotalEntries":{{lines.Count}},"TotalLabels":2,"ErrorEntries":0} } }
            """);
        aws.Answers["ListDatasetEntries"] = request =>
        {
            var skip = int.Parse((string?)request["NextToken"] ?? "0", System.Globalization.CultureInfo.InvariantCulture);
            var page = new JsonObject
            {
                ["DatasetEntries"] = new JsonArray(
                    [.. lines.Skip(skip).Take(50).Select(l => (JsonNode)$"{l[..^1]},\"cl-metadata\":{{\"is_labeled\":true}}}}")]),
            };
            if (skip + 50 < lines.Count)
            {
                page["NextToken"] = (skip + 50).ToString(System.Globalization.CultureInfo.InvariantCulture);
            }

            return page;
        };
        aws.Answers["ListTagsForResource"] = request =>
            Read((string?)request["ResourceArn"] == Source ? """{"Tags":{"site":"line 4","aws:createdBy":"someone"}}""" : """{"Tags":{}}""");
        aws.Answers["ListProjectPolicies"] = _ => new JsonObject
        {
            ["ProjectPolicies"] = new JsonArray(
                new JsonObject
                {
                    ["ProjectArn"] = Source,
                    ["PolicyName"] = "share",
                    ["PolicyRevisionId"] = "0123456789ABCDEF0123456789ABCDEF",
                    ["PolicyDocument"] = Policy,
                    ["CreationTimestamp"] = 1.7E9,
                    ["LastUpdatedTimestamp"] = 1.7E9,
                }),
        };
        aws.Answers["DescribeProjectVersions"] = _ => Read(
            """
            {"ProjectVersionDescriptions":[
            {"ProjectVersionArn":"arn:aws:rekognition:eu-west-1:111122223333:project/parts/version/v2/1700000000003","CreationTimestamp":1.7E9,
            "Status":"STOPPED","StatusMessage":"Stopped.","EvaluationResult":{"F1Score":0.91,"Summary":{"S3Object":{"Bucket":"out","Name":"e.json"}}}},
            {"ProjectVersionArn":"arn:aws:rekognition:eu-west-1:111122223333:project/parts/version/v1/1700000000002","Status":"TRAINING_FAILED"}]}
            """);
    }

    private static JsonObject Read(string json) => JsonNode.Parse(json)!.AsObject();

    private static async Task<List<string>> ListAsync(TestServer server, string arn) =>
        [.. (await server.CallAsync("ListDatasetEntries", $$"""{"DatasetArn":"{{arn}}","MaxResults":100}""")).Body.GetProperty("DatasetEntries")
            .EnumerateArray().Select(e => e.GetString()!)];

    private Task<(int Code, string Output, string Errors)> PullAsync(FakeAws aws, TestServer server, params string[] words) =>
        RunAsync(aws, server, ["--project", "parts", "--json", .. words]);

    private Task<(int Code, string Output, string Errors)> RunAsync(FakeAws aws, TestServer server, params string[] words)
    {
        var file = Path.Combine(_top, "aws-credentials");
        File.WriteAllText(
            file,
            "[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n[reader]\naws_access_key_id = AKIDREADER\n"
                + "aws_secret_access_key = secret\naws_session_token = a-token\nregion = eu-west-1\n");
        return CommandLineTests.RunInAsync(
            _top,
            new()
            {
                ["AWS_SHARED_CREDENTIALS_FILE"] = file,
                ["AWS_CONFIG_FILE"] = "/dev/null",
                ["AWS_ENDPOINT_URL_REKOGNITION"] = aws.Address,
                ["AWS_ENDPOINT_URL_S3"] = aws.Address + "/",
            },
            ["pull", "--from", "aws", "--profile", "reader", "--data", server.DataPath, "--url", server.BaseAddress.ToString(), .. words]);
    }
}
