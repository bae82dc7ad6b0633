using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Datasets;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>
/// The five operations that page, over HTTP: everything once, in one order, whatever the page's size; a token belongs to its call and its filters.
/// </summary>
public sealed class PagingTests
{
    private const int Things = 5;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_of_any_size_give_everything_once_and_tokens_belong_to_their_call()
    {
        await using var server = await TestServer.StartAsync();
        var project = await CreateAsync(server, "CreateProject", "ProjectArn", new { ProjectName = "pages-0" });
        var dataset = await CreateAsync(server, "CreateDataset", "DatasetArn", new { ProjectArn = project, DatasetType = "TRAIN" });
        await UntilAsync("CREATE_COMPLETE");
        var lines = string.Concat(Enumerable.Range(0, Things).Select(i => TestDatasets.Line($"{i}.jpg", $"label-{i}") + "\n"));
        await server.CallAsync("UpdateDatasetEntries", Json(new { DatasetArn = dataset, Changes = new { GroundTruth = Encoding.UTF8.GetBytes(lines) } }));
        await UntilAsync("UPDATE_COMPLETE");
        var versions = server.Services.GetRequiredService<VersionCatalog>();
        for (var i = 0; i < Things; i++)
        {
            await versions.CreateAsync(
                server.Caller(), new NewVersion(project, $"v{i}", ProjectVersionStatus.TRAINING_COMPLETED, Guid.NewGuid().ToString("N"), "bucket", ""),
                Cancel);
            await server.CallAsync("PutProjectPolicy", Json(new { ProjectArn = project, PolicyName = $"p{i}", PolicyDocument = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"rekognition:CopyProjectVersion","Resource":"*"}]}""" }));
            if (i > 0)
            {
                await CreateAsync(server, "CreateProject", "ProjectArn", new { ProjectName = $"pages-{i}" });
            }
        }

        (string Operation, string List, Dictionary<string, object> Request)[] calls =
        [
            ("DescribeProjects", "ProjectDescriptions", []),
            ("DescribeProjectVersions", "ProjectVersionDescriptions", new() { ["ProjectArn"] = project }),
            ("ListDatasetEntries", "DatasetEntries", new() { ["DatasetArn"] = dataset }),
            ("ListDatasetLabels", "DatasetLabelDescriptions", new() { ["DatasetArn"] = dataset }),
            ("ListProjectPolicies", "ProjectPolicies", new() { ["ProjectArn"] = project }),
        ];
        var tokens = new List<(string Operation, string Token)>();
        foreach (var (operation, list, request) in calls)
        {
            var whole = (await PagesAsync(server, operation, list, request, null)).Single();
            Assert.Equal(Things, whole.Items.Count);
            Assert.Equal(Things, whole.Items.Distinct().Count());
            foreach (var (size, pages) in ((int, int)[])[(1, 5), (2, 3), (Things, 1)])
            {
                var got = await PagesAsync(server, operation, list, request, size);
                Assert.Equal(whole.Items, got.SelectMany(p => p.Items));
                Assert.Equal(pages, got.Count);
                Assert.All(got.SkipLast(1), p => Assert.Equal(size, p.Items.Count));
                Assert.Equal(got.Count - 1, got.Select(p => p.Token).OfType<string>().Distinct().Count());
                tokens.AddRange(got.Select(p => p.Token).OfType<string>().Take(1).Select(t => (operation, t)));
            }
        }

        // Of another call; and of the same call with another filter.
        foreach (var (operation, _, request) in calls)
        {
            foreach (var token in tokens.Where(t => t.Operation != operation).Select(t => t.Token))
            {
                await RefusedAsync(operation, request, token);
            }
        }

        await RefusedAsync(
            "ListDatasetEntries", new() { ["DatasetArn"] = dataset, ["Labeled"] = true }, tokens.First(t => t.Operation == "ListDatasetEntries").Token);
        await RefusedAsync(
            "DescribeProjectVersions", new() { ["ProjectArn"] = project, ["VersionNames"] = new[] { "v1", "v2" } },
            tokens.First(t => t.Operation == "DescribeProjectVersions").Token);

        async Task RefusedAsync(string operation, Dictionary<string, object> request, string token)
        {
            var answer = await server.CallAsync(operation, Json(new Dictionary<string, object>(request) { ["NextToken"] = token }));
            Assert.True(
                answer.Status == 400 && answer.Body.GetProperty("__type").GetString() == "InvalidPaginationTokenException", $"{operation}: {answer.Body}");
        }

        Task UntilAsync(string status) => HostedVersions.UntilAsync(
            async () => (await server.CallAsync("DescribeDataset", Json(new { DatasetArn = dataset }))).Body.GetProperty("DatasetDescription")
                .GetProperty("Status").GetString() == status,
            () => $"the dataset does not become {status}");
    }

    private static async Task<List<(List<string> Items, string? Token)>> PagesAsync(
        TestServer server, string operation, string list, Dictionary<string, object> request, int? size)
    {
        var pages = new List<(List<string> Items, string? Token)>();
        do
        {
            var asked = new Dictionary<string, object>(request);
            if (size is { } most)
            {
                asked["MaxResults"] = most;
            }

            if (pages.Count > 0)
            {
                asked["NextToken"] = pages[^1].Token!;
            }

            var answer = await server.CallAsync(operation, Json(asked));
            Assert.True(answer.Status == 200, answer.Body.ToString());
            pages.Add(
                ([.. answer.Body.GetProperty(list).EnumerateArray().Select(e => e.GetRawText())], answer.Body.TryGetProperty("NextToken", out var token)
                    ? token.GetString()
                    : null));
        }
        while (pages[^1].Token is not null && pages.Count <= 2 * Things);

        return pages;
    }

    private static async Task<string> CreateAsync(TestServer server, string operation, string member, object request)
    {
        var answer = await server.CallAsync(operation, Json(request));
        Assert.True(answer.Status == 200, answer.Body.ToString());
        return answer.Body.GetProperty(member).GetString()!;
    }

    private static string Json(object request) => JsonSerializer.Serialize(request);
}
