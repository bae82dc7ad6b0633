using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Storage;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Datasets;

public sealed class DatasetOperationsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_call_after_an_update_sees_an_update_state_and_then_the_new_counts()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var dataset = await DatasetAsync(server, project, "TRAIN", TestDatasets.Line("a.jpg", "ripe"), TestDatasets.Line("b.jpg", "unripe"));

        Assert.Equal("{}", (await UpdateAsync(server, dataset, TestDatasets.Line("c.jpg", "green"))).Body.GetRawText());

        Assert.Contains(Text(await DescribeAsync(server, dataset), "Status"), (string[])["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
        var described = await AtRestAsync(server, dataset);
        Assert.Equal("UPDATE_COMPLETE", Text(described, "Status"));
        Assert.Equal("""{"LabeledEntries":3,"TotalEntries":3,"TotalLabels":3,"ErrorEntries":0}""", described.GetProperty("DatasetStats").GetRawText());
        Assert.True(described.GetProperty("LastUpdatedTimestamp").GetDouble() >= described.GetProperty("CreationTimestamp").GetDouble());
    }

    [Fact]
    public async Task The_call_after_a_distribution_sees_update_states_of_both_and_then_the_new_counts()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var train = await DatasetAsync(
            server, project, "TRAIN", [.. Enumerable.Range(0, 10).Select(i => TestDatasets.Line($"{i}.jpg", i % 2 == 0 ? "ripe" : "unripe"))]);
        var test = await DatasetAsync(server, project, "TEST");

        Assert.Equal("{}", (await DistributeAsync(server, train, test)).Body.GetRawText());

        foreach (var (arn, entries) in ((string, int)[])[(train, 8), (test, 2)])
        {
            Assert.Contains(Text(await DescribeAsync(server, arn), "Status"), (string[])["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
            Assert.Equal("UPDATE_COMPLETE", Text(await AtRestAsync(server, arn), "Status"));
            Assert.Equal(entries, (await DescribeAsync(server, arn)).GetProperty("DatasetStats").GetProperty("TotalEntries").GetInt32());
        }
    }

    [Fact]
    public async Task What_is_wrong_with_a_change_is_said_by_name()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var train = await DatasetAsync(server, project, "TRAIN", TestDatasets.Line("a.jpg", "ripe"), TestDatasets.Line("b.jpg", "ripe"));
        var test = await DatasetAsync(server, project, "TEST", TestDatasets.Line("c.jpg", "ripe"));

        Assert.Equal("ValidationException", (await UpdateAsync(server, train, "")).Error);
        Assert.Equal("ValidationException", (await UpdateAsync(server, train, new string(' ', 5_242_881))).Error);
        Assert.Equal(
            "ValidationException",
            (await server.CallAsync("UpdateDatasetEntries", """{"DatasetArn":"ARN","Changes":{}}""".Replace("ARN", train, StringComparison.Ordinal))).Error);
        Assert.Equal(
            "SerializationException",
            (await server.CallAsync("UpdateDatasetEntries", $$$"""{"DatasetArn":"{{{train}}}","Changes":{"GroundTruth":"%%"}}""")).Error);
        Assert.Equal("ResourceNotFoundException", (await UpdateAsync(server, train.Replace("/train/", "/test/", StringComparison.Ordinal), "{}")).Error);
        Assert.Equal("ValidationException", (await server.CallAsync("DistributeDatasetEntries", $$"""{"Datasets":[{"Arn":"{{train}}"}]}""")).Error);
        Assert.Equal("InvalidParameterException", (await DistributeAsync(server, train, train)).Error);
        Assert.Equal("InvalidParameterException", (await DistributeAsync(server, train, test)).Error);
        Assert.Equal("UPDATE_COMPLETE UPDATE_COMPLETE", string.Join(' ', await StatusesAfterUpdateAsync()));

        async Task<string[]> StatusesAfterUpdateAsync()
        {
            await UpdateAsync(server, train, TestDatasets.Line("d.jpg"));
            await AtRestAsync(server, train);
            await UpdateAsync(server, test, TestDatasets.Line("d.jpg"));
            return [Text(await AtRestAsync(server, train), "Status"), Text(await AtRestAsync(server, test), "Status")];
        }
    }

    [Fact]
    public async Task A_dataset_in_a_job_refuses_what_the_job_stands_in_the_way_of()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var train = await DatasetAsync(server, project, "TRAIN", TestDatasets.Line("a.jpg", "ripe"));
        var test = await DatasetAsync(server, project, "TEST");
        foreach (var (status, update, distribute, list, delete, copy) in ((string, string?, string?, string?, string?, string?)[])
            [
                ("CREATE_IN_PROGRESS", "ResourceInUseException", "ResourceNotReadyException", "ResourceNotReadyException", "ResourceInUseException", "InvalidParameterException"),
                ("UPDATE_IN_PROGRESS", "ResourceInUseException", "ResourceNotReadyException", "ResourceNotReadyException", "ResourceInUseException", "InvalidParameterException"),
                ("CREATE_FAILED", "ResourceInUseException", "ResourceNotReadyException", "ResourceNotReadyException", null, "InvalidParameterException"),
                ("DELETE_IN_PROGRESS", "ResourceInUseException", "ResourceNotFoundException", "ResourceInUseException", null, "InvalidParameterException"),
            ])
        {
            await SetAsync(status);
            Assert.Equal(update, (await UpdateAsync(server, train, "{}")).Error);
            Assert.Equal(distribute, (await DistributeAsync(server, train, test)).Error);
            Assert.Equal(list, (await server.CallAsync("ListDatasetEntries", Body(train))).Error);
            Assert.Equal(list, (await server.CallAsync("ListDatasetLabels", Body(train))).Error);
            var target = await ProjectAsync(server, "copy" + status);
            Assert.Equal(copy, (await server.CallAsync("CreateDataset", $$$"""{"ProjectArn":"{{{target}}}","DatasetType":"TEST","DatasetSource":{"DatasetArn":"{{{train}}}"}}""")).Error);
            if (delete is not null)
            {
                Assert.Equal(delete, (await server.CallAsync("DeleteDataset", Body(train))).Error);
            }
        }

        // The last state is the one that the deletion itself makes, and it ends.
        Assert.Equal("{}", (await server.CallAsync("DeleteDataset", Body(train))).Body.GetRawText());
        for (var i = 0; i < 200 && (await server.CallAsync("DescribeDataset", Body(train))).Error is null; i++)
        {
            await Task.Delay(25, Cancel);
        }

        Assert.Equal("ResourceNotFoundException", (await server.CallAsync("DescribeDataset", Body(train))).Error);

        // The worker looks at statuses when it is woken; nothing here wakes it before the deletion does.
        async Task SetAsync(string status)
        {
            await using var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
            await connection.ExecuteAsync("UPDATE datasets SET status = @status WHERE arn = @train", new { status, train });
        }
    }

    [Fact]
    public async Task A_dataset_is_made_of_another_with_its_tags_and_refused_where_there_is_none()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var train = await DatasetAsync(server, project, "TRAIN", TestDatasets.Line("a.jpg", "ripe"), TestDatasets.Line("b.jpg"));

        var answer = await server.CallAsync(
            "CreateDataset",
            $$$"""{"ProjectArn":"{{{project}}}","DatasetType":"TEST","DatasetSource":{"DatasetArn":"{{{train}}}"},"Tags":{"team":"orchard"}}""");
        var test = answer.Body.GetProperty("DatasetArn").GetString()!;
        Assert.Equal("CREATE_COMPLETE", Text(await AtRestAsync(server, test), "Status"));
        Assert.Equal(
            (await server.CallAsync("ListDatasetEntries", Body(train))).Body.GetRawText(),
            (await server.CallAsync("ListDatasetEntries", Body(test))).Body.GetRawText());
        Assert.Equal("""{"Tags":{"team":"orchard"}}""", (await server.CallAsync("ListTagsForResource", $$"""{"ResourceArn":"{{test}}"}""")).Body.GetRawText());

        Assert.Equal("ResourceAlreadyExistsException", (await CreateAsync(project, "TRAIN", "")).Error);
        Assert.Equal("ResourceNotFoundException", (await CreateAsync(project[..^1] + (project[^1] == '1' ? "2" : "1"), "TRAIN", "")).Error);
        var other = await ProjectAsync(server, "other");
        Assert.Equal(
            "ResourceNotFoundException",
            (await CreateAsync(other, "TEST", $$""","DatasetSource":{"DatasetArn":"{{test[..^1] + (test[^1] == '1' ? "2" : "1")}}"}""")).Error);
        Assert.Equal("InvalidParameterException", (await CreateAsync(other, "TEST", ""","DatasetSource":{}""")).Error);
        Assert.Equal(
            "InvalidS3ObjectException",
            (await CreateAsync(other, "TEST", ""","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"nowhere","Name":"a.manifest"}}}""")).Error);
        Assert.Equal(
            "InvalidS3ObjectException",
            (await CreateAsync(
                other, "TEST",
                ""","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"manifests","Name":"TRAIN.manifest","Version":"abc"}}}""")).Error);
        await using (var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel))
        {
            await connection.ExecuteAsync("UPDATE projects SET status = 'DELETING' WHERE arn = @other", new { other });
        }

        Assert.Equal("ResourceNotFoundException", (await CreateAsync(other, "TEST", "")).Error);

        Task<ApiAnswer> CreateAsync(string projectArn, string type, string more) =>
            server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{projectArn}}","DatasetType":"{{type}}"{{more}}}""");
    }

    [Fact]
    public async Task A_server_that_stops_in_the_middle_of_an_import_finishes_it_at_its_next_start()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        await server.CreateBucketAsync("manifests");
        await server.PutObjectAsync(
            "manifests", "a",
            Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 20_000).Select(i => TestDatasets.Line($"{i:d5}.jpg", $"l{i % 5}")))));
        var dataset = await CreateAsync(server, project, "TRAIN", ("manifests", "a"));

        await server.RestartAsync();
        await server.RestartAsync();

        var described = await AtRestAsync(server, dataset);
        Assert.Equal("CREATE_COMPLETE", Text(described, "Status"));
        Assert.Equal("""{"LabeledEntries":20000,"TotalEntries":20000,"TotalLabels":5,"ErrorEntries":0}""", described.GetProperty("DatasetStats").GetRawText());
    }

    [Fact]
    public async Task A_change_waits_for_no_import_of_other_datasets()
    {
        await using var server = await TestServer.StartAsync();
        var small = await DatasetAsync(server, await ProjectAsync(server, "small"), "TRAIN", TestDatasets.Line("a.jpg", "ripe"));
        await server.PutObjectAsync(
            "manifests", "large",
            Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 30_000).Select(i => TestDatasets.Line($"{i:d5}.jpg", $"l{i % 5}")))));
        var large = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            large.Add(await CreateAsync(server, await ProjectAsync(server, $"large{i}"), "TRAIN", ("manifests", "large")));
        }

        await UpdateAsync(server, small, TestDatasets.Line("b.jpg", "ripe"));
        Assert.Equal("UPDATE_COMPLETE", Text(await AtRestAsync(server, small), "Status"));

        Assert.Equal("CREATE_IN_PROGRESS", Text(await DescribeAsync(server, large[2]), "Status"));
    }

    private static string Body(string dataset) => $$"""{"DatasetArn":"{{dataset}}"}""";

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static async Task<string> ProjectAsync(TestServer server, string name = "fruit") =>
        Text((await server.CallAsync("CreateProject", $$"""{"ProjectName":"{{name}}"}""")).Body, "ProjectArn");

    private static async Task<string> DatasetAsync(TestServer server, string project, string type, params string[] lines)
    {
        if (lines.Length > 0)
        {
            using var made = await server.SendS3Async(HttpMethod.Put, "/manifests");
            await server.PutObjectAsync("manifests", type + ".manifest", Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        }

        var arn = await CreateAsync(server, project, type, lines.Length > 0 ? ("manifests", type + ".manifest") : null);
        Assert.Equal("CREATE_COMPLETE", Text(await AtRestAsync(server, arn), "Status"));
        return arn;
    }

    private static async Task<string> CreateAsync(TestServer server, string project, string type, (string Bucket, string Key)? manifest)
    {
        var source = manifest is { } m
            ? $$$$""","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"{{{{m.Bucket}}}}","Name":"{{{{m.Key}}}}"}}}"""
            : "";
        var answer = await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"{{type}}"{{source}}}""");
        return answer.Error is null ? Text(answer.Body, "DatasetArn") : throw new InvalidOperationException(answer.Message);
    }

    private static Task<ApiAnswer> UpdateAsync(TestServer server, string dataset, string lines) =>
        server.CallAsync(
            "UpdateDatasetEntries",
            $$$"""{"DatasetArn":"{{{dataset}}}","Changes":{"GroundTruth":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(lines))}}}"}}""");

    private static Task<ApiAnswer> DistributeAsync(TestServer server, string first, string second) =>
        server.CallAsync("DistributeDatasetEntries", $$"""{"Datasets":[{"Arn":"{{first}}"},{"Arn":"{{second}}"}]}""");

    private static async Task<JsonElement> DescribeAsync(TestServer server, string dataset) =>
        (await server.CallAsync("DescribeDataset", Body(dataset))).Body.GetProperty("DatasetDescription");

    private static async Task<JsonElement> AtRestAsync(TestServer server, string dataset)
    {
        for (var i = 0; i < 1200; i++)
        {
            var described = await DescribeAsync(server, dataset);
            if (!Text(described, "Status").EndsWith("IN_PROGRESS", StringComparison.Ordinal))
            {
                return described;
            }

            await Task.Delay(25, Cancel);
        }

        throw new TimeoutException($"{dataset} is still in progress after 30 s.");
    }
}
