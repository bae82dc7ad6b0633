using System.Text.Json;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Hosting;

public sealed class StartProjectVersionTests
{
    [Fact]
    public async Task What_cannot_be_started_is_refused_with_the_reason()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        await Refused("ValidationException", "greater than or equal to 1", arn, 0);
        await Refused("InvalidParameterException", "must not be below", arn, 3, 2);
        await Refused("LimitExceededException", "InferenceUnitsPerModel", arn, 6);
        await Refused("LimitExceededException", "InferenceUnitsPerModel", arn, 1, 6);
        await Refused("ResourceNotFoundException", "exists", arn[..^1] + (arn[^1] == '1' ? '2' : '1'), 1);
        Assert.Equal(ProjectVersionStatus.TRAINING_COMPLETED, (await server.VersionAsync(arn))!.Status);

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        await Refused("ResourceInUseException", "RUNNING", arn, 1);

        var second = await server.RunningVersionAsync();
        var third = await server.TrainedVersionAsync();
        await Refused("LimitExceededException", "RunningModels", third, 1);
        await server.StopVersionAsync(second);
        await server.WaitForStatusAsync(second, ProjectVersionStatus.STOPPED);
        await server.StartVersionAsync(third);

        async Task Refused(string error, string reason, string version, int min, int? max = null)
        {
            object request = max is null
                ? new { ProjectVersionArn = version, MinInferenceUnits = min }
                : new { ProjectVersionArn = version, MinInferenceUnits = min, MaxInferenceUnits = max };
            var answer = await server.CallAsync("StartProjectVersion", JsonSerializer.Serialize(request));
            Assert.Equal(error, answer.Error);
            Assert.Contains(reason, answer.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_waiter_that_looks_once_after_a_start_and_once_after_a_stop_has_waited()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.TrainedVersionAsync();
        await server.StartVersionAsync(arn);
        Assert.Equal("RUNNING", await SeenAsync());
        await server.StopVersionAsync(arn);
        Assert.Equal("STOPPED", await SeenAsync());

        // Only a second is waited for, and a busy machine may need longer: then the next look is the one that counts.
        async Task<string?> SeenAsync()
        {
            var request = JsonSerializer.Serialize(
                new { ProjectArn = (await server.VersionAsync(arn))!.ProjectArn, VersionNames = new[] { Arn.Parse(arn).Name } });
            while (true)
            {
                var answer = await server.CallAsync("DescribeProjectVersions", request);
                var status = answer.Body.GetProperty("ProjectVersionDescriptions")[0].GetProperty("Status").GetString();
                if (status is not ("STARTING" or "STOPPING"))
                {
                    return status;
                }
            }
        }
    }
}
