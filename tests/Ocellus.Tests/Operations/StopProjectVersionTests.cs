using Ocellus.Projects;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Operations;

public sealed class StopProjectVersionTests
{
    [Fact]
    public async Task Only_what_runs_can_be_stopped()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        var never = await server.StopVersionAsync(arn);
        Assert.Equal("ResourceInUseException", never.Error);
        Assert.Contains("TRAINING_COMPLETED", never.Message, StringComparison.Ordinal);
        Assert.Equal("ResourceNotFoundException", (await server.StopVersionAsync(arn[..^1] + (arn[^1] == '1' ? '2' : '1'))).Error);

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.Equal(200, (await server.StopVersionAsync(arn)).Status);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
        Assert.Contains("STOPPED", (await server.StopVersionAsync(arn)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_many_stops_at_once_one_is_taken()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.StopVersionAsync(arn)));
        Assert.Single(answers, a => a.Status == 200);
        Assert.All(answers.Where(a => a.Status != 200), a => Assert.Equal("ResourceInUseException", a.Error));
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }
}
