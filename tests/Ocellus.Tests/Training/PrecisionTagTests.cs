using System.Text.Json;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Training;

/// <summary>The tag <c>ocellus:precision</c>, with the real training process.</summary>
public sealed class PrecisionTagTests
{
    [Fact]
    public async Task A_version_that_asks_for_8_bits_has_both_files_says_how_the_test_went_and_runs()
    {
        await using var server = await TestServer.StartAsync();
        await TrainingTests.PutImagesAsync(server, 8);
        await server.PutObjectAsync("images", "train.manifest", TrainingTests.Manifest(8));
        var project = await TrainingTests.ProjectAsync(server);
        var refused = await CreateAsync("refused", "int4");
        Assert.Equal("InvalidParameterException", refused.Error);
        Assert.Contains("The tag ocellus:precision is 'int4'; it takes 'int8'", refused.Message, StringComparison.Ordinal);

        Assert.Equal(200, (await CreateAsync("small", TrainingTags.Int8)).Status);
        var version = await TrainingTests.WaitAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", version.GetProperty("Status").GetString());
        Assert.Contains("The 8-bit model may be served: F1 ", version.GetProperty("StatusMessage").GetString(), StringComparison.Ordinal);
        var arn = version.GetProperty("ProjectVersionArn").GetString()!;
        var folder = await server.ModelFolderOfAsync(arn);
        var json = await File.ReadAllBytesAsync(Path.Combine(folder, ModelFiles.Description), TestContext.Current.CancellationToken);
        var description = ModelDescription.FromJson(json);
        Assert.Empty(ServedModel.Damages(folder, description));
        Assert.Equal(description.Labels.Count, description.EightBit!.Thresholds.Count);

        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        Assert.Contains(Int8Speed.Here.Gains ? "with 8 bits" : "in float", (await server.VersionAsync(arn))!.Message, StringComparison.Ordinal);

        Task<ApiAnswer> CreateAsync(string name, string precision) => server.CallAsync("CreateProjectVersion", JsonSerializer.Serialize(new
        {
            ProjectArn = project,
            VersionName = name,
            OutputConfig = new { S3Bucket = "images" },
            TrainingData = new { Assets = new[] { new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "train.manifest" } } } } },
            TestingData = new { AutoCreate = true },
            Tags = new Dictionary<string, string> { [TrainingTags.Recipe] = TrainingTags.Quick, [TrainingTags.Precision] = precision },
        }));
    }
}
