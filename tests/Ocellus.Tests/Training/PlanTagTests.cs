using System.Text.Json;
using Ocellus.Projects;

namespace Ocellus.Tests.Training;

/// <summary>The tag <c>ocellus:plan</c>, with the real training process.</summary>
public sealed class PlanTagTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_tag_of_a_plan_trains_the_same_model_again()
    {
        await using var server = await TestServer.StartAsync();
        await TrainingTests.PutImagesAsync(server, 8);
        await server.PutObjectAsync("images", "train.manifest", TrainingTests.Manifest(8));
        var project = await TrainingTests.ProjectAsync(server);
        await TrainingTests.TrainExternallyAsync(server, project, "train.manifest");
        var first = await TrainingTests.WaitAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", first.GetProperty("Status").GetString());
        var arn = first.GetProperty("ProjectVersionArn").GetString()!;
        var description = Models(server, "model.json").Single();

        await RefusedAsync("seven", "takes the ARN of the model version");
        await RefusedAsync(project, "takes the ARN of the model version");
        await RefusedAsync(arn.Replace("/version/v/", "/version/other/", StringComparison.Ordinal), "no such version");
        Assert.Equal(200, (await CreateAsync("again", arn)).Status);
        var second = await TrainingTests.WaitAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", second.GetProperty("Status").GetString());
        Assert.Equal("again", Arn.Parse(second.GetProperty("ProjectVersionArn").GetString()!).Name);
        var models = Models(server, "model.onnx");
        Assert.Equal(2, models.Length);
        Assert.Equal(await File.ReadAllBytesAsync(models[0], Cancel), await File.ReadAllBytesAsync(models[1], Cancel));

        // A model of before there were plans.
        var text = await File.ReadAllTextAsync(description, Cancel);
        await File.WriteAllTextAsync(description, text.Replace("\"plan\"", "\"old\"", StringComparison.Ordinal), Cancel);
        await RefusedAsync(arn, "has no plan");
        File.Delete(description);
        await RefusedAsync(arn, "TRAINING_COMPLETED and has no model");

        Task<ApiAnswer> CreateAsync(string name, string plan) => server.CallAsync("CreateProjectVersion", JsonSerializer.Serialize(new
        {
            ProjectArn = project,
            VersionName = name,
            OutputConfig = new { S3Bucket = "images" },
            TrainingData = new { Assets = new[] { new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "train.manifest" } } } } },
            TestingData = new { AutoCreate = true },
            Tags = new Dictionary<string, string> { [TrainingTags.Plan] = plan },
        }));

        async Task RefusedAsync(string plan, string says)
        {
            var answer = await CreateAsync("refused", plan);
            Assert.Equal("InvalidParameterException", answer.Error);
            Assert.Contains(says, answer.Message, StringComparison.Ordinal);
        }
    }

    private static string[] Models(TestServer server, string name) =>
        Directory.GetFiles(Path.Combine(server.DataPath, "models"), name, SearchOption.AllDirectories);
}
