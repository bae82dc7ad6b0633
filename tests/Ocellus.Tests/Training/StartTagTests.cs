using System.Text.Json;
using Ocellus.Projects;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Training;

/// <summary>The tags <c>ocellus:start-from</c> and <c>ocellus:recipe</c>, with the real training process.</summary>
public sealed class StartTagTests
{
    [Fact]
    public async Task A_training_goes_on_from_the_version_that_its_tag_names()
    {
        await using var server = await TestServer.StartAsync();
        await TrainingTests.PutImagesAsync(server, 8);
        await server.PutObjectAsync("images", "train.manifest", TrainingTests.Manifest(8));
        var project = await TrainingTests.ProjectAsync(server);
        var quick = new Dictionary<string, string> { [TrainingTags.Recipe] = TrainingTags.Quick };
        Assert.Equal(200, (await CreateAsync("first", quick)).Status);
        var first = await TrainingTests.WaitAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", first.GetProperty("Status").GetString());
        Assert.Contains("This is the quick recipe", first.GetProperty("StatusMessage").GetString(), StringComparison.Ordinal);
        var arn = first.GetProperty("ProjectVersionArn").GetString()!;

        await RefusedAsync(From("seven"), "takes the ARN of the model version");
        await RefusedAsync(From(arn.Replace("/version/first/", "/version/other/", StringComparison.Ordinal)), "no such version");
        await RefusedAsync(new(From(arn)) { [TrainingTags.MaxAnswerMilliseconds] = "60" }, "exclude each other");
        await RefusedAsync(new(quick) { [TrainingTags.Plan] = arn }, "exclude each other");
        await RefusedAsync(new() { [TrainingTags.Recipe] = "best" }, "it takes 'quick'");

        // Who may train but not copy models gets none of their weights.
        var key = await server.KeyAsync("trainer", """{"Effect":"Allow","Action":["rekognition:Create*","rekognition:Tag*","s3:*"],"Resource":"*"}""");
        var refused = await server.CallAsync(key, "CreateProjectVersion", Request("refused", From(arn)));
        Assert.Equal("InvalidParameterException", refused.Error);
        Assert.Contains("no such version in this account and region that you may copy", refused.Message, StringComparison.Ordinal);

        Assert.Equal(200, (await CreateAsync("second", From(arn))).Status);
        var second = await TrainingTests.WaitAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", second.GetProperty("Status").GetString());
        Assert.Contains("It went on from a model that knew ", second.GetProperty("StatusMessage").GetString(), StringComparison.Ordinal);

        Task<ApiAnswer> CreateAsync(string name, Dictionary<string, string> tags) => server.CallAsync("CreateProjectVersion", Request(name, tags));

        async Task RefusedAsync(Dictionary<string, string> tags, string says)
        {
            var answer = await CreateAsync("refused", tags);
            Assert.Equal("InvalidParameterException", answer.Error);
            Assert.Contains(says, answer.Message, StringComparison.Ordinal);
        }

        string Request(string name, Dictionary<string, string> tags) => JsonSerializer.Serialize(new
        {
            ProjectArn = project,
            VersionName = name,
            OutputConfig = new { S3Bucket = "images" },
            TrainingData = new { Assets = new[] { new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "train.manifest" } } } } },
            TestingData = new { AutoCreate = true },
            Tags = tags,
        });
    }

    private static Dictionary<string, string> From(string arn) => new() { [TrainingTags.StartFrom] = arn };
}
