using System.Text.Json;
using CsCheck;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire;

/// <summary>
/// Whatever is sent to whichever operation: the answer is an error of the model or a success, it comes soon, and a refusal leaves nothing behind.
/// </summary>
/// <remarks>A failure prints the seed; give it to <c>Sample</c> as <c>seed:</c> to see it again.</remarks>
public sealed class AnyRequestTests(RunningServer running) : IClassFixture<RunningServer>
{
    /// <summary>Far above any honest answer, below a client's read timeout.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>The framework's errors that a signed request to a known operation may meet.</summary>
    private static readonly string[] s_framework = ["ValidationException", "SerializationException"];

    private TestServer Server => running.Server;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Any_body_into_any_operation_is_answered_as_the_model_says_and_a_refusal_leaves_nothing_behind()
    {
        var (lasting, doomed) = (await MadeAsync(), await MadeAsync());
        var image = Convert.ToBase64String(TestPng.Solid(64, 64, 200, 10, 10));
        const string Policy = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"rekognition:CopyProjectVersion","Resource":"*"}]}""";
        var line = """{"source-ref":"s3://images/a.jpg","class":0,"class-metadata":{"class-name":"red","confidence":1,"type":"groundtruth/image-classification","job-name":"x","human-annotated":"yes","creation-date":"2024-01-01T00:00:00"}}"""u8;
        var lines = Convert.ToBase64String(line);
        string[] Known(string operation, string shape)
        {
            // What is deleted is not what the others are asked about, and the running version runs on, so that images reach it.
            var made = operation.StartsWith("Delete", StringComparison.Ordinal) ? doomed : lasting;
            return shape switch
            {
                "ProjectArn" => Texts(made.Project),
                "ProjectVersionArn" => Texts(operation is "DetectCustomLabels" ? running.Arn : made.Version),
                "DatasetArn" => Texts(made.Dataset, made.Dataset, made.Dataset.Replace("/train/", "/test/", StringComparison.Ordinal)),
                "ResourceArn" => Texts(made.Version, made.Dataset, made.Project),
                "ImageBlob" => Texts(image, image[..40], "AAAA"),
                "GroundTruthBlob" => Texts(lines, lines[..40], "AAAA"),
                "ProjectPolicyDocument" => Texts(Policy, Policy[..60]),
                _ => [],
            };
        }

        var answers = new Dictionary<string, int>();

        await new AnyRequest(Known).All().SampleAsync(
            async request =>
            {
                var before = await RowsAsync();
                var answer = await SendAsync(request);
                answers[answer.Error ?? "200"] = answers.GetValueOrDefault(answer.Error ?? "200") + 1;
                if (answer.Status != 200)
                {
                    // Deletions of before may go on meanwhile; nothing may come.
                    Assert.All(
                        before.Zip(await RowsAsync()),
                        pair =>
                            Assert.True(
                                pair.Second.Count <= pair.First.Count,
                                $"{pair.First.Name} grew from {pair.First.Count} to {pair.Second.Count} by a refused {request}"));
                }
            },
            iter: 800,
            threads: 1,
            print: r => r.ToString());

        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", answers.OrderByDescending(a => a.Value).Select(a => $"{a.Key} {a.Value}")));
        // The draw is no good if all of it ends at the door.
        Assert.All(
            ["200", "ValidationException", "SerializationException", "InvalidParameterException", "ResourceNotFoundException"],
            name => Assert.True(answers.GetValueOrDefault(name) > 0, name + " was never seen"));
        Assert.Equal(200, (await Server.CallAsync("DescribeProjects", "{}")).Status);
    }

    [Fact]
    public async Task A_refused_CreateProject_makes_no_project_and_an_answered_one_makes_one()
    {
        await using var server = await TestServer.StartAsync();
        await new AnyRequest((_, _) => []).Of("CreateProject").SampleAsync(
            async request =>
            {
                var answer = await SendAsync(request, server);
                var listed = (await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").EnumerateArray()
                    .Select(p => p.GetProperty("ProjectArn").GetString()!).ToArray();
                Assert.Equal(answer.Status == 200 ? [answer.Body.GetProperty("ProjectArn").GetString()!] : [], listed);
                foreach (var arn in listed)
                {
                    Assert.Equal(200, (await server.CallAsync("DeleteProject", JsonSerializer.Serialize(new { ProjectArn = arn }))).Status);
                    await HostedVersions.UntilAsync(
                        async () => !(await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").EnumerateArray().Any(),
                        () => $"{arn} stays");
                }
            },
            iter: 120,
            threads: 1,
            print: r => r.ToString());
    }

    /// <summary>A project with a trained version and a TRAIN dataset.</summary>
    private async Task<(string Project, string Version, string Dataset)> MadeAsync()
    {
        var version = await Server.TrainedVersionAsync();
        var project = (await Server.VersionAsync(version))!.ProjectArn;
        var made = await Server.CallAsync("CreateDataset", JsonSerializer.Serialize(new { ProjectArn = project, DatasetType = "TRAIN" }));
        return (project, version, made.Body.GetProperty("DatasetArn").GetString()!);
    }

    private static string[] Texts(params string[] values) => [.. values.Select(v => JsonSerializer.Serialize(v))];

    private async Task<ApiAnswer> SendAsync(DrawnRequest request, TestServer? other = null)
    {
        var server = other ?? Server;
        var answer = await server.CallAsync(request.Operation, request.Body, server.Signer).WaitAsync(s_patience, Cancel);
        if (answer.Status != 200)
        {
            Assert.Equal(400, answer.Status);
            Assert.True(
                s_framework.Contains(answer.Error) || AnyRequest.ErrorsOf(request.Operation).Contains(answer.Error!),
                $"{answer.Error} is no error of {request.Operation}: {answer.Message}");
            Assert.NotEmpty(answer.Message);
            Assert.True(answer.Message.Length < 10_000, "the message repeats what was sent");
        }

        return answer;
    }

    private async Task<(string Name, long Count)[]> RowsAsync()
    {
        await using var connection = await Server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
        var counts = await connection.QuerySingleAsync<(long, long, long, long, long, long, long)>(
            """
            SELECT (SELECT COUNT(*) FROM projects), (SELECT COUNT(*) FROM datasets), (SELECT COUNT(*) FROM project_versions), (SELECT COUNT(*) FROM project_policies),
                (SELECT COUNT(*) FROM tags), (SELECT COUNT(*) FROM training_jobs), (SELECT COUNT(*) FROM dataset_jobs)
            """);
        return
        [
            ("projects", counts.Item1), ("datasets", counts.Item2), ("project_versions", counts.Item3), ("project_policies", counts.Item4),
            ("tags", counts.Item5), ("training_jobs", counts.Item6), ("dataset_jobs", counts.Item7),
        ];
    }
}
