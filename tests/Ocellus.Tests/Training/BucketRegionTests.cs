using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Objects.Files;
using Ocellus.Projects;
using Ocellus.Tests.Identity;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Training;

/// <summary>A bucket of another region than the request's serves neither manifests nor images nor output.</summary>
public sealed class BucketRegionTests
{
    private const string Line = """{"source-ref":"s3://west/a.png","c":1,"c-metadata":{"class-name":"red","confidence":1,"type":"groundtruth/image-classification","job-name":"j","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"}}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dataset_takes_no_manifest_of_another_region()
    {
        await using var server = await TestServer.StartAsync();
        server.Services.GetRequiredService<ObjectStore>().CreateBucket("west", "123456789012", "eu-west-1");
        await server.PutObjectAsync("west", "m", Encoding.UTF8.GetBytes(Line));
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;

        var answer = await server.CallAsync(
            "CreateDataset",
            JsonSerializer.Serialize(
                new
                {
                    ProjectArn = project,
                    DatasetType = "TRAIN",
                    DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "west", Name = "m" } } },
                }));

        Assert.Equal("InvalidS3ObjectException", answer.Error);
    }

    [Theory]
    [InlineData("us-east-1", true)]
    [InlineData("eu-west-1", false)]
    [InlineData(null, true)]
    public async Task Images_and_output_need_a_bucket_of_the_versions_region(string? region, bool usable)
    {
        const string arn = "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1";
        var objects = new UnreachableObjects { Region = region };
        Assert.Equal(usable, await OutputLocation.IsWritableAsync(objects, new VersionRow { Arn = arn, OutputBucket = "west" }, Cancel));

        var folder = new JobFolder(Directory.CreateTempSubdirectory("ocellus-region-").FullName);
        try
        {
            await File.WriteAllTextAsync(folder.TrainingManifest, Line, Cancel);
            var rights = new CallerRights(
                new Caller("123456789012", "us-east-1", "t", "t"),
                [IdentityPolicy.Parse("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}""")], DateTimeOffset.UnixEpoch);
            Assert.Null(
                await new ImageFetch(objects)
                    .RunAsync(
                        folder, new JobDescription { ProjectVersionArn = arn, ProjectName = "p", VersionName = "v", AutoSplit = true }, "123456789012", rights,
                        Cancel));
            Assert.Equal(usable ? null : JobImage.NoBucket, Assert.Single(folder.ReadImages()!).Problem);
        }
        finally
        {
            Directory.Delete(folder.Path, recursive: true);
        }
    }
}
