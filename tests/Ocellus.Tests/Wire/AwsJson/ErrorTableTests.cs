using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Ocellus.Datasets;
using Ocellus.Hosting;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Datasets;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Training;
using Ocellus.Training.Server;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>Every error that the service model gives an operation is answered by it over HTTP, or there is a reason why nothing here leads to it.</summary>
public sealed class ErrorTableTests
{
    private const string Looked = "What has the form of its ARN is looked up, and what has not is a ValidationException; no other member can be wrong "
        + "by itself.";

    private static readonly string s_account = "arn:aws:rekognition:us-east-1:123456789012:";

    /// <summary>
    /// Errors of the model that no request leads to here. Besides, only models have a throughput of their own: over an account's rate the answer is
    /// ThrottlingException.
    /// </summary>
    private static readonly Dictionary<(string Operation, string Error), string> s_never = new()
    {
        [("DescribeProjects", "InvalidParameterException")] = "Names and features that fit their form are always valid: unknown ones are absent from the list.",
        [("DeleteProject", "InvalidParameterException")] = Looked,
        [("DescribeProjectVersions", "InvalidParameterException")] = Looked,
        [("DeleteProjectVersion", "InvalidParameterException")] = Looked,
        [("StopProjectVersion", "InvalidParameterException")] = Looked,
        [("PutProjectPolicy", "InvalidParameterException")] = Looked,
        [("ListProjectPolicies", "InvalidParameterException")] = Looked,
        [("DeleteProjectPolicy", "InvalidParameterException")] = Looked,
        [("DeleteDataset", "LimitExceededException")] = "Deletions wait for one another and have no limit.",
        [("PutProjectPolicy", "ServiceQuotaExceededException")] = "One policy too many is a LimitExceededException, which the model has too.",
    };

    private readonly HashSet<(string Operation, string Error)> _provoked = [];

    /// <summary>What the page of compatibility says of these errors is made from here.</summary>
    internal static IReadOnlyDictionary<(string Operation, string Error), string> Never => s_never;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_error_of_every_operation_is_answered_or_has_a_reason_not_to_be()
    {
        await RefuseStrangersAsync();
        await RefuseTheHastyAsync();
        await FailAsync();
        await using (var server = await TestServer.StartAsync(
            ("Ocellus:Quotas:RunningModels", "1"), ("Ocellus:Quotas:Trainings", "1"), ("Ocellus:Quotas:Copies", "1"),
            ("Ocellus:Quotas:VersionsPerProject", "3"), ("Ocellus:Quotas:Projects", "60"), ("Ocellus:Hosting:QueuePerUnit", "1")))
        {
            await RefuseWhatIsAbsentAsync(server);
            await RefuseProjectsAndPoliciesAsync(server);
            var (running, trained) = (await server.RunningVersionAsync(), await server.TrainedVersionAsync());
            await RefuseDatasetsAsync(server);
            await RefuseImagesAsync(server, running, trained);
            await RefuseVersionsAsync(server, running, trained);
        }

        var model = AnyRequest.Operations.SelectMany(o => AnyRequest.ErrorsOf(o).Select(e => (Operation: o, Error: e))).ToHashSet();
        var never = s_never.Keys.Concat(
            AnyRequest.Operations.Where(o => o != "DetectCustomLabels").Select(o => (Operation: o, Error: "ProvisionedThroughputExceededException")))
            .ToHashSet();
        Assert.Equal([], _provoked.Except(model));
        Assert.Equal([], never.Except(model));
        Assert.Equal([], never.Intersect(_provoked));
        Assert.Equal([], model.Except(_provoked).Except(never).Order());
    }

    /// <summary>A valid request of each operation, about things that are not there.</summary>
    private static (string Operation, string Body)[] Requests()
    {
        var (project, version, train, test) = (s_account
            + "project/absent/1", s_account
            + "project/absent/version/v/1", s_account
            + "project/absent/dataset/train/1", s_account
            + "project/absent/dataset/test/1");
        return
        [
            ("CopyProjectVersion", Json(
                new
                {
                    SourceProjectArn = project,
                    SourceProjectVersionArn = version,
                    DestinationProjectArn = project,
                    VersionName = "c",
                    OutputConfig = new { S3Bucket = "bucket" },
                })),
            ("CreateDataset", Json(new { ProjectArn = project, DatasetType = "TEST" })),
            ("CreateProject", Json(new { ProjectName = "new" })),
            ("CreateProjectVersion", Json(new { ProjectArn = project, VersionName = "v", OutputConfig = new { S3Bucket = "bucket" } })),
            ("DeleteDataset", Json(new { DatasetArn = train })),
            ("DeleteProject", Json(new { ProjectArn = project })),
            ("DeleteProjectPolicy", Json(new { ProjectArn = project, PolicyName = "p" })),
            ("DeleteProjectVersion", Json(new { ProjectVersionArn = version })),
            ("DescribeDataset", Json(new { DatasetArn = train })),
            ("DescribeProjects", "{}"),
            ("DescribeProjectVersions", Json(new { ProjectArn = project })),
            ("DetectCustomLabels", Json(new { ProjectVersionArn = version, Image = new { Bytes = "AA==" } })),
            ("DistributeDatasetEntries", Json(new { Datasets = new[] { new { Arn = train }, new { Arn = test } } })),
            ("ListDatasetEntries", Json(new { DatasetArn = train })),
            ("ListDatasetLabels", Json(new { DatasetArn = train })),
            ("ListProjectPolicies", Json(new { ProjectArn = project })),
            ("ListTagsForResource", Json(new { ResourceArn = project })),
            ("PutProjectPolicy", Json(new { ProjectArn = project, PolicyName = "p", PolicyDocument = Policy })),
            ("StartProjectVersion", Json(new { ProjectVersionArn = version, MinInferenceUnits = 1 })),
            ("StopProjectVersion", Json(new { ProjectVersionArn = version })),
            ("TagResource", Json(new { ResourceArn = version, Tags = new { a = "b" } })),
            ("UntagResource", Json(new { ResourceArn = version, TagKeys = new[] { "a" } })),
            ("UpdateDatasetEntries", Json(new { DatasetArn = train, Changes = new { GroundTruth = "AA==" } })),
        ];
    }

    private const string Policy = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"rekognition:CopyProjectVersion","Resource":"*"}]}""";

    private async Task RefuseStrangersAsync()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("stranger", """{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}""");
        foreach (var (operation, body) in Requests())
        {
            Note(operation, "AccessDeniedException", await server.CallAsync(key, operation, body));
        }
    }

    private async Task RefuseTheHastyAsync()
    {
        await using var server = await TestServer.StartAsync(
            ("Ocellus:Throttling:Enabled", "true"), ("Ocellus:Throttling:OthersPerSecond", "1"), ("Ocellus:Throttling:TagsPerSecond", "1"),
            ("Ocellus:Throttling:DetectPerSecond", "1"));
        foreach (var (operation, body) in Requests())
        {
            ApiAnswer answer;
            do
            {
                answer = await server.CallAsync(operation, body);
            }
            while (answer.Error != "ThrottlingException");
            Note(operation, "ThrottlingException", answer);
        }
    }

    /// <summary>With a database that lacks its tables.</summary>
    private async Task FailAsync()
    {
        await using var server = await TestServer.StartAsync();
        await using (var connection = TestDatabase.Connect(server.DataPath))
        {
            foreach (var table in new[] { "projects", "datasets", "project_versions" })
            {
                await connection.ExecuteAsync($"ALTER TABLE {table} RENAME TO {table}_away");
            }
        }

        foreach (var (operation, body) in Requests())
        {
            Note(operation, "InternalServerError", await server.CallAsync(operation, body));
        }
    }

    private async Task RefuseWhatIsAbsentAsync(TestServer server)
    {
        foreach (var (operation, body) in Requests().Where(r => AnyRequest.ErrorsOf(r.Operation).Contains("ResourceNotFoundException")))
        {
            Note(operation, "ResourceNotFoundException", await server.CallAsync(operation, body));
        }

        foreach (var (operation, body) in Requests().Where(r => AnyRequest.ErrorsOf(r.Operation).Contains("InvalidPaginationTokenException")))
        {
            Note(
                operation, "InvalidPaginationTokenException",
                await server.CallAsync(operation, body.TrimEnd('}') + (body == "{}" ? "" : ",") + """ "NextToken":"not ours"}"""));
        }
    }

    private async Task RefuseProjectsAndPoliciesAsync(TestServer server)
    {
        var project = await ProjectAsync(server, "taken");
        await ExpectAsync(server, "CreateProject", "ResourceInUseException", new { ProjectName = "taken" });
        await ExpectAsync(server, "CreateProject", "InvalidParameterException", new { ProjectName = "other", Feature = "CONTENT_MODERATION" });

        await ExpectAsync(
            server, "PutProjectPolicy", "MalformedPolicyDocumentException", new { ProjectArn = project, PolicyName = "p0", PolicyDocument = "no policy" });
        await ExpectAsync(
            server, "PutProjectPolicy", "InvalidPolicyRevisionIdException",
            new { ProjectArn = project, PolicyName = "p0", PolicyDocument = Policy, PolicyRevisionId = "00" });
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(
                200, (await server.CallAsync("PutProjectPolicy", Json(new { ProjectArn = project, PolicyName = $"p{i}", PolicyDocument = Policy }))).Status);
        }

        await ExpectAsync(
            server, "PutProjectPolicy", "ResourceAlreadyExistsException", new { ProjectArn = project, PolicyName = "p0", PolicyDocument = Policy });
        await ExpectAsync(server, "PutProjectPolicy", "LimitExceededException", new { ProjectArn = project, PolicyName = "p5", PolicyDocument = Policy });
        await ExpectAsync(
            server, "DeleteProjectPolicy", "InvalidPolicyRevisionIdException", new { ProjectArn = project, PolicyName = "p0", PolicyRevisionId = "00" });

        const string NoArn = "no ARN of anything there is";
        await ExpectAsync(server, "TagResource", "InvalidParameterException", new { ResourceArn = NoArn, Tags = new { a = "b" } });
        await ExpectAsync(server, "UntagResource", "InvalidParameterException", new { ResourceArn = NoArn, TagKeys = new[] { "a" } });
        await ExpectAsync(server, "ListTagsForResource", "InvalidParameterException", new { ResourceArn = NoArn });
        Assert.Equal(
            200,
            (await server.CallAsync(
                "TagResource", Json(new { ResourceArn = project, Tags = Enumerable.Range(0, 200).ToDictionary(i => $"k{i}", _ => "") }))).Status);
        await ExpectAsync(server, "TagResource", "ServiceQuotaExceededException", new { ResourceArn = project, Tags = new { more = "" } });
    }

    private async Task RefuseDatasetsAsync(TestServer server)
    {
        await server.CreateBucketAsync("images");
        var project = await ProjectAsync(server, "datasets");
        var (train, test) = (await DatasetAsync(server, project, "TRAIN"), await DatasetAsync(server, project, "TEST"));
        foreach (var arn in new[] { train, test })
        {
            await HostedVersions.UntilAsync(
                async () => (await server.CallAsync("DescribeDataset", Json(new { DatasetArn = arn }))).Body.GetProperty("DatasetDescription")
                    .GetProperty("Status").GetString() == "CREATE_COMPLETE",
                () => "the dataset is not made");
        }

        // From here on what is asked for stays under way.
        await StopAsync<DatasetWorker>(server);
        await ExpectAsync(server, "CreateDataset", "ResourceAlreadyExistsException", new { ProjectArn = project, DatasetType = "TRAIN" });
        await ExpectAsync(server, "DeleteProject", "ResourceInUseException", new { ProjectArn = project });
        await ExpectAsync(server, "CreateDataset", "InvalidParameterException", new { ProjectArn = project, DatasetType = "TRAIN", DatasetSource = new { } });
        await ExpectAsync(
            server, "CreateDataset", "InvalidS3ObjectException",
            new
            {
                ProjectArn = project,
                DatasetType = "TRAIN",
                DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "none" } } },
            });
        await ExpectAsync(
            server, "DistributeDatasetEntries", "InvalidParameterException", new { Datasets = new[] { new { Arn = train }, new { Arn = train } } });
        var zeros = new { DatasetArn = s_account + "project/datasets/dataset/train/01" };
        foreach (var operation in new[] { "DescribeDataset", "DeleteDataset", "ListDatasetEntries", "ListDatasetLabels" })
        {
            await ExpectAsync(server, operation, "InvalidParameterException", zeros);
        }

        await ExpectAsync(server, "UpdateDatasetEntries", "InvalidParameterException", new { zeros.DatasetArn, Changes = new { GroundTruth = "AA==" } });
        var labels = string.Join('\n', Enumerable.Range(0, 251).Select(i => Datasets.TestDatasets.Line($"{i}.jpg", $"l{i}")));
        await ExpectAsync(
            server, "UpdateDatasetEntries", "LimitExceededException",
            new { DatasetArn = train, Changes = new { GroundTruth = Encoding.UTF8.GetBytes(labels) } });

        Assert.Equal(
            200,
            (await server.CallAsync(
                "UpdateDatasetEntries",
                Json(new { DatasetArn = train, Changes = new { GroundTruth = Encoding.UTF8.GetBytes(Datasets.TestDatasets.Line("a.jpg", "a")) } }))).Status);
        await ExpectAsync(server, "UpdateDatasetEntries", "ResourceInUseException", new { DatasetArn = train, Changes = new { GroundTruth = "AA==" } });
        await ExpectAsync(server, "DeleteDataset", "ResourceInUseException", new { DatasetArn = train });
        await ExpectAsync(
            server, "DistributeDatasetEntries", "ResourceNotReadyException", new { Datasets = new[] { new { Arn = train }, new { Arn = test } } });
        await ExpectAsync(server, "ListDatasetEntries", "ResourceNotReadyException", new { DatasetArn = train });
        await ExpectAsync(server, "ListDatasetLabels", "ResourceNotReadyException", new { DatasetArn = train });
        Assert.Equal(200, (await server.CallAsync("DeleteDataset", Json(new { DatasetArn = test }))).Status);
        await ExpectAsync(server, "ListDatasetEntries", "ResourceInUseException", new { DatasetArn = test });
        await ExpectAsync(server, "ListDatasetLabels", "ResourceInUseException", new { DatasetArn = test });

        for (var i = 0; i < DatasetCatalog.ImportsMax; i++)
        {
            await DatasetAsync(server, await ProjectAsync(server, $"many{i}"), "TRAIN");
        }

        await ExpectAsync(server, "CreateDataset", "LimitExceededException", new { ProjectArn = await ProjectAsync(server, "last"), DatasetType = "TRAIN" });
    }

    private async Task RefuseImagesAsync(TestServer server, string running, string trained)
    {
        await ExpectAsync(server, "DetectCustomLabels", "ResourceNotReadyException", new { ProjectVersionArn = trained, Image = new { Bytes = "AA==" } });
        await ExpectAsync(server, "DetectCustomLabels", "InvalidParameterException", new { ProjectVersionArn = running, Image = new { } });
        await ExpectAsync(server, "DetectCustomLabels", "InvalidImageFormatException", new { ProjectVersionArn = running, Image = new { Bytes = "AA==" } });
        await ExpectAsync(
            server, "DetectCustomLabels", "ImageTooLargeException", new { ProjectVersionArn = running, Image = new { Bytes = new byte[4_194_305] } });
        await ExpectAsync(
            server, "DetectCustomLabels", "InvalidS3ObjectException",
            new { ProjectVersionArn = running, Image = new { S3Object = new { Bucket = "images", Name = "none" } } });

        var asleep = await VersionAsync(server, ProjectVersionStatus.STOPPED);
        Assert.Equal(200, (await server.CallAsync("TagResource", $$$"""{"ResourceArn":"{{{asleep}}}","Tags":{"ocellus:wake-on-detect":"true"}}""")).Status);
        Note("DetectCustomLabels", "LimitExceededException", await server.DetectAsync(asleep, TinyModel.Png(0)));

        List<Task<ApiAnswer>> asked;
        using (await server.HoldThreadsAsync())
        {
            // Those that have a place wait for a thread; the first answer is that of one without.
            asked = [.. Enumerable.Range(0, 40).Select(_ => server.DetectAsync(running, TinyModel.Png(0)))];
            Note("DetectCustomLabels", "ProvisionedThroughputExceededException", await await Task.WhenAny(asked));
        }

        await Task.WhenAll(asked);
    }

    private async Task RefuseVersionsAsync(TestServer server, string running, string trained)
    {
        await ExpectAsync(server, "DeleteProjectVersion", "ResourceInUseException", new { ProjectVersionArn = running });
        await ExpectAsync(server, "StopProjectVersion", "ResourceInUseException", new { ProjectVersionArn = trained });
        await ExpectAsync(server, "StartProjectVersion", "ResourceInUseException", new { ProjectVersionArn = running, MinInferenceUnits = 1 });
        await ExpectAsync(
            server, "StartProjectVersion", "InvalidParameterException", new { ProjectVersionArn = trained, MinInferenceUnits = 2, MaxInferenceUnits = 1 });
        await ExpectAsync(server, "StartProjectVersion", "LimitExceededException", new { ProjectVersionArn = trained, MinInferenceUnits = 1 });

        await StopAsync<TrainingWorker>(server);
        await StopAsync<CopyWorker>(server);
        var source = (await server.VersionAsync(trained))!.ProjectArn;
        var target = await ProjectAsync(server, "target");
        var output = new { S3Bucket = "images" };
        object Copy(string name, string? from = null) =>
            new
            {
                SourceProjectArn = from ?? source,
                SourceProjectVersionArn = trained,
                DestinationProjectArn = target,
                VersionName = name,
                OutputConfig = output,
            };
        await ExpectAsync(server, "CopyProjectVersion", "InvalidParameterException", Copy("one", from: target));
        Assert.Equal(200, (await server.CallAsync("CopyProjectVersion", Json(Copy("one")))).Status);
        await ExpectAsync(server, "CopyProjectVersion", "ResourceInUseException", Copy("one"));
        await ExpectAsync(server, "CopyProjectVersion", "LimitExceededException", Copy("two"));

        var asset = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "none" } } };
        object Training(string name) =>
            new
            {
                ProjectArn = target,
                VersionName = name,
                OutputConfig = output,
                TrainingData = new { Assets = new[] { asset } },
                TestingData = new { AutoCreate = true },
            };
        await ExpectAsync(server, "CreateProjectVersion", "InvalidParameterException", new { ProjectArn = target, VersionName = "two", OutputConfig = output });
        Assert.Equal(200, (await server.CallAsync("CreateProjectVersion", Json(Training("two")))).Status);
        await ExpectAsync(server, "CreateProjectVersion", "ResourceInUseException", Training("two"));
        await ExpectAsync(server, "CreateProjectVersion", "LimitExceededException", Training("three"));
        await VersionAsync(server, ProjectVersionStatus.TRAINING_FAILED, target);
        await ExpectAsync(server, "CreateProjectVersion", "ServiceQuotaExceededException", Training("four"));
        await ExpectAsync(server, "CopyProjectVersion", "ServiceQuotaExceededException", Copy("four"));

        ApiAnswer answer;
        var made = 0;
        do
        {
            answer = await server.CallAsync("CreateProject", Json(new { ProjectName = $"more{made++}" }));
        }
        while (answer.Status == 200 && made < 100);
        Note("CreateProject", "LimitExceededException", answer);
    }

    private void Note(string operation, string error, ApiAnswer answer)
    {
        Assert.True(answer.Error == error, $"{operation} was to answer {error}: {answer.Status} {answer.Body}");
        Assert.NotEmpty(answer.Message);
        _provoked.Add((operation, error));
    }

    private async Task ExpectAsync(TestServer server, string operation, string error, object request) =>
        Note(operation, error, await server.CallAsync(operation, Json(request)));

    private static string Json<T>(T value) => JsonSerializer.Serialize<object>(value!);

    private static Task StopAsync<T>(TestServer server)
        where T : IHostedService
    {
        // A worker that ends before its host would end the host.
        server.Services.GetRequiredService<IOptions<HostOptions>>().Value.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore;
        return server.Services.GetRequiredService<T>().StopAsync(Cancel);
    }

    private static async Task<string> ProjectAsync(TestServer server, string name) =>
        (await server.CallAsync("CreateProject", Json(new { ProjectName = name }))).Body.GetProperty("ProjectArn").GetString()!;

    private static async Task<string> DatasetAsync(TestServer server, string project, string type) =>
        (await server.CallAsync("CreateDataset", Json(new { ProjectArn = project, DatasetType = type }))).Body.GetProperty("DatasetArn").GetString()!;

    private static async Task<string> VersionAsync(TestServer server, ProjectVersionStatus status, string? project = null) =>
        (await server.Services.GetRequiredService<VersionCatalog>()
            .CreateAsync(
                server.Caller(),
                new NewVersion(project ?? await ProjectAsync(server, "of-" + status), "made", status, Guid.NewGuid().ToString("N"), "images", ""),
                Cancel))
            .ToString();
}
