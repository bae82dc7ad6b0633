using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Tests.Commands;

namespace Ocellus.Tests.Transfer;

/// <summary>Tags of a project that is pulled to where it is already.</summary>
public sealed class TagPullTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_project_that_is_here_gets_the_tags_that_it_lacks_and_keeps_its_own()
    {
        await using var other = await TestServer.StartAsync();
        await using var server = await TestServer.StartAsync();
        await other.CallAsync("CreateProject", """{"ProjectName":"p","Tags":{"site":"line 4","team":"a"}}""");
        var here = (await server.CallAsync("CreateProject", """{"ProjectName":"p","Tags":{"site":"mine","own":"x"}}""")).Body
            .GetProperty("ProjectArn").GetString()!;
        var end = await PullAsync(other, server);
        Assert.Equal(["own=x", "site=mine", "team=a"], await TagsAsync(server, here));
        Assert.Equal(1, (int)end["tags"]!);
        Assert.Contains(
            "The tags site of the project have other values here than there and were left as they are; --update replaces them.",
            end["missing"]!.AsArray().Select(m => (string?)m));

        end = await PullAsync(other, server, "--update");
        Assert.Equal(["own=x", "site=line 4", "team=a"], await TagsAsync(server, here));
        Assert.DoesNotContain("site", end["missing"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(0, (int)(await PullAsync(other, server))["tags"]!);
    }

    private static async Task<List<string>> TagsAsync(TestServer server, string arn) =>
    [
        .. (await server.CallAsync("ListTagsForResource", JsonSerializer.Serialize(new { ResourceArn = arn }))).Body.GetProperty("Tags").EnumerateObject()
            .Select(t => $"{t.Name}={t.Value}").Order(StringComparer.Ordinal),
    ];

    private async Task<JsonNode> PullAsync(TestServer other, TestServer server, params string[] more)
    {
        var end = await CommandLineTests.RunAsync(
            _top,
            [
                "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--data", server.DataPath, "--url",
                server.BaseAddress.ToString(), "--json", .. more,
            ]);
        Assert.True(end.Code == 0, end.Errors);
        return JsonNode.Parse(end.Output)!["projects"]![0]!;
    }
}
