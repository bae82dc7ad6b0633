using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Tests;
using Ocellus.Tests.Hosting;

namespace Ocellus.Console.Tests;

/// <summary>Projects to show.</summary>
internal static class Samples
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Calls an operation that must succeed.</summary>
    public static async Task<JsonElement> DoAsync(this TestServer server, string operation, object request)
    {
        var answer = await server.CallAsync(operation, JsonSerializer.Serialize(request));
        Assert.True(answer.Status == 200, $"{operation}: {answer.Body}");
        return answer.Body;
    }

    public static async Task<string> ProjectAsync(this TestServer server, string name, string kind = "one")
    {
        var made = await server.DoAsync(
            "CreateProject", new { ProjectName = name, Tags = new Dictionary<string, string> { ["ocellus:labels"] = kind } });
        return made.GetProperty("ProjectArn").GetString()!;
    }

    /// <summary>Gives a project a training set of small images in the bucket <c>images</c>.</summary>
    public static async Task ImagesAsync(this TestServer server, string projectArn, int count, int labelled, bool isImage = true)
    {
        if ((await server.SendS3Async(HttpMethod.Head, "/images")).StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            await server.CreateBucketAsync("images");
        }

        var prefix = Arn.Parse(projectArn).Project;
        var lines = new StringBuilder();
        for (var i = 0; i < count; i++)
        {
            var label = i % 2 == 0 ? "red" : "green";
            await server.PutObjectAsync(
                "images", $"{prefix}/{i}.png",
                isImage ? TestPng.Solid(64, 48, (byte)(i % 2 * 200), (byte)(200 - (i % 2 * 200)), (byte)(i * 10)) : "no image"u8.ToArray());
            lines.Append($$"""{"source-ref":"s3://images/{{prefix}}/{{i}}.png" """.TrimEnd());
            if (i < labelled)
            {
                lines.Append(
                    $$$""","kind":0,"kind-metadata":{"class-name":"{{{label}}}","confidence":1,"type":"groundtruth/image-classification","""
                        + "\"human-annotated\":\"yes\",\"creation-date\":\"2026-01-01T00:00:00\"}");
            }

            lines.Append("}\n");
        }

        await server.PutObjectAsync("images", $"{prefix}/train.manifest", Encoding.UTF8.GetBytes(lines.ToString()));
        var made = await server.DoAsync("CreateDataset", new
        {
            ProjectArn = projectArn,
            DatasetType = "TRAIN",
            DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = $"{prefix}/train.manifest" } } },
        });
        await HostedVersions.UntilAsync(
            async () => (await server.DoAsync("DescribeDataset", new { DatasetArn = made.GetProperty("DatasetArn").GetString() }))
                .GetProperty("DatasetDescription").GetProperty("Status").GetString() == "CREATE_COMPLETE",
            () => "the import does not end");
    }

    /// <summary>A version in any state, without the work that leads there. One with a model has the tiny one.</summary>
    public static async Task<string> VersionAsync(
        this TestServer server, string projectArn, string name, ProjectVersionStatus status, double? f1 = null, string? message = null)
    {
        var folder = Guid.NewGuid().ToString("N");
        var arn = (await server.Services.GetRequiredService<VersionCatalog>().CreateAsync(
            server.Caller(),
            new NewVersion(projectArn, name, ProjectVersionStatus.TRAINING_COMPLETED, folder, "images", "models")
            {
                Description = "Made for a <img src=x onerror=alert(1)> test",
                EvaluationResult = f1 is null ? null : $$"""{"F1Score":{{f1}}}""",
            }, Cancel)).ToString();
        TinyModel.Save(server.ModelFolder(folder), null);
        if (status != ProjectVersionStatus.TRAINING_COMPLETED)
        {
            await using var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
            await using var command = connection.CreateCommand();
            command.CommandText = "UPDATE project_versions SET status = $s, message = $m WHERE arn = $a";
            foreach (var (key, value) in new[] { ("$s", status.ToString()), ("$m", message ?? ProjectVersionStates.Message(status)), ("$a", arn) })
            {
                var parameter = command.CreateParameter();
                (parameter.ParameterName, parameter.Value) = (key, value);
                command.Parameters.Add(parameter);
            }

            await command.ExecuteNonQueryAsync(Cancel);
        }

        return arn;
    }
}
