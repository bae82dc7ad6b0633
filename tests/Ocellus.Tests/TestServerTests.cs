using System.Net;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests;

public sealed class TestServerTests
{
    [Fact]
    public async Task A_project_and_an_object_are_there_after_a_restart()
    {
        await using var server = await TestServer.StartAsync();
        var made = await server.CallAsync("CreateProject", """{"ProjectName":"fruit"}""");
        Assert.Equal(200, made.Status);
        await server.CreateBucketAsync("images");
        await server.PutObjectAsync("images", "a b/ö+.jpg", "x"u8.ToArray());
        await server.RestartAsync();
        var described = await server.CallAsync("DescribeProjects", "{}");
        Assert.Equal(
            made.Body.GetProperty("ProjectArn").GetString(), described.Body.GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString());
        using var read = await server.SendS3Async(HttpMethod.Get, "/images/" + Signer.Path("a b/ö+.jpg"));
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
        Assert.Equal("x", await read.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
