using System.Text;
using System.Text.Json;
using Ocellus.Tests.Identity;
using Ocellus.Training;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Training;

/// <summary>Trainings through the API, with the real training process, on images of one colour each.</summary>
public sealed class TrainingTests
{
    private static readonly (string Label, byte Red, byte Green, byte Blue)[] Colours = [("red", 210, 30, 30), ("green", 30, 190, 40)];

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task A_project_with_a_TRAIN_dataset_only_is_split_trained_tested_and_described()
    {
        await using var server = await TestServer.StartAsync();
        await PutImagesAsync(server, 10);
        await server.PutObjectAsync("images", "train.manifest", Manifest(10));
        var project = await ProjectAsync(server);
        await DatasetAsync(server, project, "TRAIN", "train.manifest");

        var created = await server.CallAsync("CreateProjectVersion", $$"""{"ProjectArn":"{{project}}","VersionName":"v","OutputConfig":{"S3Bucket":"images","S3KeyPrefix":"out/"},"VersionDescription":"two colours","Tags":{"team":"a"} }""");
        Assert.Equal(200, created.Status);
        var first = await DescribeAsync(server, project);
        Assert.Equal("TRAINING_IN_PROGRESS", first.GetProperty("Status").GetString());
        Assert.Contains(
            "no TEST dataset", first.GetProperty("StatusMessage").GetString() + (await WaitAsync(server, project)).GetProperty("StatusMessage").GetString(),
            StringComparison.Ordinal);

        var version = await DescribeAsync(server, project);
        Assert.Equal("TRAINING_COMPLETED", version.GetProperty("Status").GetString());
        Assert.Equal("two colours", version.GetProperty("VersionDescription").GetString());
        Assert.Equal(1, version.GetProperty("EvaluationResult").GetProperty("F1Score").GetDouble());
        Assert.True(version.GetProperty("BillableTrainingTimeInSeconds").GetInt64() >= 1);
        Assert.False(version.TryGetProperty("MinInferenceUnits", out _));
        Assert.True(version.GetProperty("TestingDataResult").GetProperty("Input").GetProperty("AutoCreate").GetBoolean());

        var summary = await ObjectAsync(server, version.GetProperty("EvaluationResult").GetProperty("Summary").GetProperty("S3Object"));
        var details = JsonSerializer.Deserialize<JsonElement>(summary).GetProperty("EvaluationDetails");
        Assert.Equal((4, 16), (details.GetProperty("NumberOfTestingImages").GetInt32(), details.GetProperty("NumberOfTrainingImages").GetInt32()));
        // The sums over the snapshot are the metrics: F1 of 1 has neither false positives nor false negatives.
        var snapshot = await ObjectAsync(server, Asset(version, "TestingDataResult", "Output"));
        Assert.Equal(4, snapshot.TrimEnd('\n').Split('\n').Length);
        Assert.DoesNotContain("\"is-false-positive\":true", snapshot, StringComparison.Ordinal);
        Assert.DoesNotContain("\"is-false-negative\":true", snapshot, StringComparison.Ordinal);
        Assert.Equal(16, (await ObjectAsync(server, Asset(version, "TrainingDataResult", "Validation"))).TrimEnd('\n').Split('\n').Length);
        Assert.Equal("out/ManifestSummary-colours-v.json", version.GetProperty("ManifestSummary").GetProperty("S3Object").GetProperty("Name").GetString());
        // Nothing of the job stays but what it told, and the model is where hosting looks for it. The state comes first, so that a crash between loses nothing.
        await UntilAsync(() => Task.FromResult(Directory.GetDirectories(Path.Combine(server.DataPath, "jobs")).Length == 0));
        Assert.Equal(
            ["history.jsonl", "model.json", "model.onnx"],
            Directory.GetFiles(Path.Combine(server.DataPath, "models"), "*", SearchOption.AllDirectories).Select(Path.GetFileName).Order());

        // The name is taken, deleting frees it, and what was written to the output location stays.
        Assert.Equal(
            "ResourceInUseException",
            (await server.CallAsync(
                "CreateProjectVersion", $$"""{"ProjectArn":"{{project}}","VersionName":"v","OutputConfig":{"S3Bucket":"images"} }""")).Error);
        Assert.Equal(
            "DELETING",
            (await server.CallAsync(
                "DeleteProjectVersion",
                $$"""{"ProjectVersionArn":"{{created.Body.GetProperty("ProjectVersionArn").GetString()}}"}""")).Body.GetProperty("Status")
                .GetString());
        await UntilAsync(
            async () =>
                (await server.CallAsync("DescribeProjectVersions", $$"""{"ProjectArn":"{{project}}"}""")).Body.GetProperty("ProjectVersionDescriptions")
                    .GetArrayLength() == 0);
        Assert.Empty(Directory.GetFiles(Path.Combine(server.DataPath, "models"), "*", SearchOption.AllDirectories));
        Assert.NotEmpty(await ObjectAsync(server, version.GetProperty("ManifestSummary").GetProperty("S3Object")));
    }

    [Fact]
    public async Task A_training_goes_on_after_a_restart_of_the_server()
    {
        await using var server = await TestServer.StartAsync();
        await PutImagesAsync(server, 10);
        await server.PutObjectAsync("images", "all.manifest", Manifest(10));
        var project = await ProjectAsync(server);
        await TrainExternallyAsync(server, project, "all.manifest");
        await UntilAsync(
            async () => (await DescribeAsync(server, project)).GetProperty("StatusMessage").GetString()!.Contains("Phase", StringComparison.Ordinal));

        await server.RestartAsync();

        Assert.Equal("TRAINING_COMPLETED", (await WaitAsync(server, project)).GetProperty("Status").GetString());
    }

    [Theory]
    [InlineData("none.manifest", "The manifest file extension or contents are invalid.", false)]
    [InlineData("empty.manifest", "The manifest file is empty.", false)]
    [InlineData("text.manifest", "The manifest file extension or contents are invalid.", false)]
    [InlineData(
        "one-label.manifest",
        "The manifest file has too few labels. Labels of the training lines: 'red' with 4 images. Labels of the test lines: 'red' with 1 image.", true)]
    [InlineData(
        "single.manifest",
        "The manifest file contains insufficient labeled images per label to perform auto-split. Labels of the training lines: 'red' with 1 image.", true)]
    [InlineData(
        "missing.manifest",
        "The manifest file contains too many invalid rows. 5 of 9 training lines are invalid: s3://images/green-5.png could not be read (first: line 6).",
        true)]
    [InlineData(
        "no-bucket.manifest",
        "The permissions for the images S3 bucket are invalid. None of 10 training lines can be used: s3://elsewhere/red-0.png could not be read (first: "
            + "line 1).", true)]
    public async Task A_manifest_that_cannot_be_trained_ends_in_TRAINING_FAILED_with_its_message(string manifest, string message, bool contentChecked)
    {
        await using var server = await TestServer.StartAsync();
        await PutImagesAsync(server, 5);
        await server.PutObjectAsync("images", "empty.manifest", []);
        await server.PutObjectAsync("images", "text.manifest", "a,b,c\n1,2,3\n"u8.ToArray());
        await server.PutObjectAsync("images", "one-label.manifest", Lines([.. Enumerable.Range(0, 5).Select(i => ("red", $"red-{i}.png"))]));
        await server.PutObjectAsync("images", "single.manifest", Lines([("red", "red-0.png")]));
        await server.PutObjectAsync(
            "images", "missing.manifest",
            Lines([.. Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? "red" : "green", $"{(i % 2 == 0 ? "red" : "green")}-{i}.png"))]));
        await server.PutObjectAsync(
            "images", "no-bucket.manifest",
            Lines([.. Enumerable.Range(0, 5).SelectMany(i => new[] { ("red", $"red-{i}.png"), ("green", $"green-{i}.png") })], "elsewhere"));
        var project = await ProjectAsync(server);

        await TrainExternallyAsync(server, project, manifest);
        var version = await WaitAsync(server, project);

        Assert.Equal("TRAINING_FAILED", version.GetProperty("Status").GetString());
        Assert.Equal(message, version.GetProperty("StatusMessage").GetString());
        Assert.Equal(contentChecked, version.TryGetProperty("ManifestSummary", out var summary));
        if (contentChecked)
        {
            Assert.Contains("\"use_case\"", await ObjectAsync(server, summary.GetProperty("S3Object")), StringComparison.Ordinal);
            Assert.NotEmpty(await ObjectAsync(server, Asset(version, "TrainingDataResult", "Validation")));
        }

        Assert.False(version.TryGetProperty("EvaluationResult", out _));
        Assert.False(version.TryGetProperty("BillableTrainingTimeInSeconds", out _));
    }

    [Fact]
    public async Task Bad_images_are_named_in_the_validation_manifest_and_the_rest_is_trained()
    {
        await using var server = await TestServer.StartAsync();
        await PutImagesAsync(server, 12);
        await server.PutObjectAsync("images", "red-0.png", "this is text"u8.ToArray());
        await server.PutObjectAsync("images", "green-0.png", TestPng.Solid(8, 8, 1, 2, 3));
        var manifest = Encoding.UTF8.GetString(Manifest(12)).Replace("\n", "\r\n", StringComparison.Ordinal);
        await server.PutObjectAsync("images", "mixed.manifest", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(manifest + "\r\nno json\r\n")]);
        var project = await ProjectAsync(server);

        await TrainExternallyAsync(server, project, "mixed.manifest");
        var version = await WaitAsync(server, project);

        Assert.Equal("TRAINING_COMPLETED", version.GetProperty("Status").GetString());
        var lines = (await ObjectAsync(server, Asset(version, "TrainingDataResult", "Validation"))).TrimEnd('\n').Split('\n');
        var red = Assert.Single(lines, l => l.Contains("red-0.png", StringComparison.Ordinal));
        Assert.Contains("ERROR_INVALID_IMAGE", red, StringComparison.Ordinal);
        Assert.Contains("text", red, StringComparison.Ordinal);
        Assert.Contains("8×8", Assert.Single(lines, l => l.Contains("green-0.png", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains(lines, l => l.Contains("ERROR_INVALID_JSON_LINE", StringComparison.Ordinal));
        var statistics = JsonSerializer.Deserialize<JsonElement>(await ObjectAsync(server, version.GetProperty("ManifestSummary").GetProperty("S3Object")))
            .GetProperty("statistics").GetProperty("training");
        // Two images, the line that is no JSON and the blank line.
        Assert.Equal(4, statistics.GetProperty("invalid_json_lines").GetInt32());
    }

    [Fact]
    public async Task A_process_that_keeps_dying_fails_the_training_with_the_reason_after_three_times()
    {
        await using var server = await TestServer.StartAsync();
        await PutImagesAsync(server, 5);
        await server.PutObjectAsync("images", "all.manifest", Manifest(5));
        var project = await ProjectAsync(server);
        await TrainExternallyAsync(server, project, "all.manifest");
        // What a native crash looks like from outside: a process without an outcome. Here it cannot read its description.
        await UntilAsync(() => Task.FromResult(Directory.GetFiles(Path.Combine(server.DataPath, "jobs"), "job.json", SearchOption.AllDirectories).Length == 1));
        var folder = Directory.GetDirectories(Path.Combine(server.DataPath, "jobs")).Single();
        await server.RestartAsync(() =>
        {
            File.Delete(Path.Combine(folder, "training.manifest"));
            File.WriteAllText(Path.Combine(folder, "pictures.json"), "[]");
        });

        var version = await WaitAsync(server, project);

        Assert.Equal("TRAINING_FAILED", version.GetProperty("Status").GetString());
        Assert.Contains("3 times", version.GetProperty("StatusMessage").GetString(), StringComparison.Ordinal);
        Assert.Contains("training.manifest", version.GetProperty("StatusMessage").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_that_cannot_be_trained_are_refused_before_anything_is_written()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("images");
        var project = await ProjectAsync(server);
        const string asset = """{"Assets":[{"GroundTruthManifest":{"S3Object":{"Bucket":"images","Name":"m"}}}]}""";
        async Task RefusedAsync(string error, string says, string members)
        {
            var answer = await server.CallAsync(
                "CreateProjectVersion", $$"""{"ProjectArn":"{{project}}","VersionName":"v","OutputConfig":{"S3Bucket":"images"}{{members}} }""");
            Assert.Equal(error, answer.Error);
            Assert.Contains(says, answer.Message, StringComparison.Ordinal);
        }

        await RefusedAsync("InvalidParameterException", "no TRAIN dataset", "");
        await RefusedAsync("InvalidParameterException", "go together", $$""","TrainingData":{{asset}}""");
        await RefusedAsync("InvalidParameterException", "AutoCreate", $$""","TrainingData":{{asset}},"TestingData":{"AutoCreate":true,"Assets":[{"GroundTruthManifest":{"S3Object":{"Bucket":"images","Name":"m"} } }]}""");
        await RefusedAsync("InvalidParameterException", "TestingData.Assets", $$""","TrainingData":{{asset}},"TestingData":{}""");
        await RefusedAsync("InvalidParameterException", "ContentModeration", $$""","FeatureConfig":{"ContentModeration":{"ConfidenceThreshold":50} }""");
        Assert.Empty(Directory.Exists(Path.Combine(server.DataPath, "jobs")) ? Directory.GetDirectories(Path.Combine(server.DataPath, "jobs")) : []);
    }

    internal static async Task PutImagesAsync(TestServer server, int each)
    {
        await server.CreateBucketAsync("images");
        for (var i = 0; i < each; i++)
        {
            foreach (var (label, red, green, blue) in Colours)
            {
                await server.PutObjectAsync("images", $"{label}-{i}.png", TestPng.Solid(72, 64, (byte)(red + i), (byte)(green + 2 * i), (byte)(blue + i)));
            }
        }
    }

    internal static byte[] Manifest(int each) => Lines([.. Enumerable.Range(0, each).SelectMany(i => Colours.Select(c => (c.Label, $"{c.Label}-{i}.png")))]);

    private static byte[] Lines(IReadOnlyList<(string Label, string Name)> entries, string bucket = "images") => Encoding.UTF8.GetBytes(string.Concat(entries.Select(e =>
        $$"""{"source-ref":"s3://{{bucket}}/{{e.Name}}","colour":1,"colour-metadata":{"class-name":"{{e.Label}}","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"} }""" + "\n")));

    internal static async Task<string> ProjectAsync(TestServer server) =>
        (await server.CallAsync("CreateProject", """{"ProjectName":"colours"}""")).Body.GetProperty("ProjectArn").GetString()!;

    private static async Task DatasetAsync(TestServer server, string project, string type, string manifest)
    {
        var arn = (await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"{{type}}","DatasetSource":{"GroundTruthManifest":{"S3Object":{"Bucket":"images","Name":"{{manifest}}"} } } }""")).Body.GetProperty("DatasetArn").GetString();
        await UntilAsync(
            async () =>
                (await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{arn}}"}""")).Body.GetProperty("DatasetDescription").GetProperty("Status")
                    .GetString() == "CREATE_COMPLETE");
    }

    internal static async Task TrainExternallyAsync(TestServer server, string project, string manifest)
    {
        var answer = await server.CallAsync("CreateProjectVersion", $$"""{"ProjectArn":"{{project}}","VersionName":"v","OutputConfig":{"S3Bucket":"images","S3KeyPrefix":"out"},"TrainingData":{"Assets":[{"GroundTruthManifest":{"S3Object":{"Bucket":"images","Name":"{{manifest}}"} } }]},"TestingData":{"AutoCreate":true} }""");
        Assert.Equal(200, answer.Status);
    }

    private static async Task<JsonElement> DescribeAsync(TestServer server, string project) =>
        (await server.CallAsync("DescribeProjectVersions", $$"""{"ProjectArn":"{{project}}"}""")).Body.GetProperty("ProjectVersionDescriptions")[0];

    internal static async Task<JsonElement> WaitAsync(TestServer server, string project)
    {
        await UntilAsync(async () => (await DescribeAsync(server, project)).GetProperty("Status").GetString() != "TRAINING_IN_PROGRESS");
        return await DescribeAsync(server, project);
    }

    private static JsonElement Asset(JsonElement version, string side, string member) =>
        version.GetProperty(side).GetProperty(member).GetProperty("Assets")[0].GetProperty("GroundTruthManifest").GetProperty("S3Object");

    private static async Task<string> ObjectAsync(TestServer server, JsonElement location)
    {
        using var response = await server.SendS3Async(
            HttpMethod.Get, $"/{location.GetProperty("Bucket").GetString()}/{Signer.Path(location.GetProperty("Name").GetString()!)}");
        Assert.Equal(200, (int)response.StatusCode);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        while (!await holds())
        {
            await Task.Delay(50, limit.Token);
        }
    }
}
