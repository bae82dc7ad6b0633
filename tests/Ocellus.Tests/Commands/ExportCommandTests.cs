using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Inference;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Commands;

public sealed class ExportCommandTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_model_is_taken_out_while_its_server_runs_and_after_it_has_ended()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("results");
        await server.PutObjectAsync("results", "a b/summary.json", Encoding.UTF8.GetBytes("""{"Version":1}"""));
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var arn = project.Replace("project/p/", "project/p/version/v/", StringComparison.Ordinal);
        await AddVersionAsync(server, project, arn, """{"F1Score":1,"Summary":{"S3Object":{"Bucket":"results","Name":"a b/summary.json"}}}""");

        var end = await CommandLineTests.RunAsync(_top, "export", arn, "--data", server.DataPath, "--out", "running.zip", "--json");
        Assert.Equal((0, ""), (end.Code, end.Errors));
        Assert.Equal(Path.Combine(_top, "running.zip"), (string?)JsonNode.Parse(end.Output)!["model"]);
        using (var archive = ZipFile.OpenRead(Path.Combine(_top, "running.zip")))
        {
            Assert.Equal(
                ["model.onnx", "model.json", "predict.py", "read_picture.py", "srgb.icc", "cmyk.icc", "evaluation.json"],
                archive.Entries.Select(e => e.Name));
            using var evaluation = new StreamReader(archive.Entries.Single(e => e.Name == "evaluation.json").Open());
            Assert.Equal("""{"Version":1}""", await evaluation.ReadToEndAsync(Cancel));
        }

        Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}")).Status);
        end = await CommandLineTests.RunAsync(
            _top, "export", arn.Replace("/v/", "/w/", StringComparison.Ordinal), "--data", server.DataPath, "--out", "other.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains(arn, end.Errors, StringComparison.Ordinal);

        string? problem = null;
        await server.RestartAsync(whileStopped: () =>
        {
            var stopped = CommandLineTests.RunAsync(_top, "export", arn, "--data", server.DataPath, "--out", "stopped.zip").GetAwaiter().GetResult();
            problem = stopped.Code == 0 ? null : stopped.Errors;
        });
        Assert.Null(problem);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_top, "running.zip")).Length, File.ReadAllBytes(Path.Combine(_top, "stopped.zip")).Length);
    }

    [Fact]
    public async Task The_evaluation_comes_from_the_outside_store_that_the_server_uses()
    {
        await using var store = await TestServer.StartAsync();
        await store.CreateBucketAsync("results");
        await store.PutObjectAsync("results", "summary.json", Encoding.UTF8.GetBytes("""{"Version":2}"""));
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        var arn = project.Replace("project/p/", "project/p/version/v/", StringComparison.Ordinal);
        await AddVersionAsync(server, project, arn, """{"F1Score":1,"Summary":{"S3Object":{"Bucket":"results","Name":"summary.json"}}}""");
        string[] export = ["export", arn, "--data", server.DataPath, "--out", "m.zip"];

        var without = await CommandLineTests.RunAsync(_top, export);
        Assert.Equal(0, without.Code);
        Assert.Contains("--s3-endpoint", without.Errors, StringComparison.Ordinal);
        var keyless = await CommandLineTests.RunAsync(_top, [.. export, "--s3-endpoint", store.BaseAddress.ToString()]);
        Assert.Equal(1, keyless.Code);
        Assert.Contains("Ocellus__S3__AccessKey", keyless.Errors, StringComparison.Ordinal);

        Environment.SetEnvironmentVariable("Ocellus__S3__AccessKey", store.Signer.AccessKeyId);
        Environment.SetEnvironmentVariable("Ocellus__S3__SecretKey", store.Signer.Secret);
        try
        {
            var with = await CommandLineTests.RunAsync(_top, [.. export, "--force", "--s3-endpoint", store.BaseAddress.ToString()]);
            Assert.Equal((0, ""), (with.Code, with.Errors));
        }
        finally
        {
            Environment.SetEnvironmentVariable("Ocellus__S3__AccessKey", null);
            Environment.SetEnvironmentVariable("Ocellus__S3__SecretKey", null);
        }

        using var archive = ZipFile.OpenRead(Path.Combine(_top, "m.zip"));
        using var evaluation = new StreamReader(archive.Entries.Single(e => e.Name == "evaluation.json").Open());
        Assert.Equal("""{"Version":2}""", await evaluation.ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task What_is_no_data_directory_or_no_version_is_refused()
    {
        var end = await CommandLineTests.RunAsync(
            _top, "export", "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1", "--data", _top, "--out", "m.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains("is not a server's data directory", end.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_top));
        end = await CommandLineTests.RunAsync(_top, "export", "arn:aws:rekognition:us-east-1:123456789012:project/p/1", "--data", _top, "--out", "m.zip");
        Assert.Equal(1, end.Code);
        Assert.Contains("/version/", end.Errors, StringComparison.Ordinal);
    }

    private static async Task AddVersionAsync(TestServer server, string project, string arn, string evaluation)
    {
        var data = server.Services.GetRequiredService<DataDirectory>();
        ModelFiles.Save(
            data.ModelFolder("123456789012", "folder"), [1, 2, 3],
            new ModelDescription(ModelKinds.Classification, ["a", "b"], 224, 224, "squash", "linear-head", new Dictionary<string, string>()));
        await using var connection = await data.ConnectAsync(Cancel);
        await connection.ExecuteAsync(
            """
            INSERT INTO project_versions (arn, project_arn, account_id, region, name, created_ms, updated_ms, status, message, output_bucket, folder, evaluation_result)
            VALUES (@arn, @project, '123456789012', 'us-east-1', 'v', 1, 1, 'TRAINING_COMPLETED', '', 'results', 'folder', @evaluation)
            """,
            new { arn, project, evaluation });
    }
}
