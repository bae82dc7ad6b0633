using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Inference;
using static Ocellus.Tests.Console.Models.TestedVersions;

namespace Ocellus.Tests.Console.Models;

/// <summary>What the pages of a model ask for, over HTTP.</summary>
public sealed class ModelsTests
{
    private const string Api = "/ui/api/p/colours/models/v1/";
    private const string Open = """{"Effect":"Allow","Action":"rekognition:DescribeProjects","Resource":"*"}""";
    private const string Describe = """{"Effect":"Allow","Action":"rekognition:DescribeProjectVersions","Resource":"*"}""";
    private const string Detect = """{"Effect":"Allow","Action":"rekognition:DetectCustomLabels","Resource":"*"}""";
    private const string Read = """{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_stored_test_has_every_score_and_the_models_thresholds()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server, thresholds: [.5, .25, .75]);
        var client = await ConsoleClient.SignedInAsync(server);

        var scores = await JsonAsync(client, Api + "scores");

        Assert.Equal("classification", scores.GetProperty("kind").GetString());
        Assert.Equal(["red", "green", "blue"], scores.GetProperty("labels").EnumerateArray().Select(l => l.GetString()));
        Assert.Equal("[0.5,0.25,0.75]", scores.GetProperty("thresholds").GetRawText());
        Assert.True(scores.GetProperty("complete").GetBoolean());
        Assert.Equal(3, scores.GetProperty("images").GetArrayLength());
        Assert.Equal("[0.1,0.7,0.2]", scores.GetProperty("images")[1].GetProperty("scores").GetRawText());
        Assert.Equal("[1]", scores.GetProperty("images")[1].GetProperty("truth").GetRawText());
    }

    [Fact]
    public async Task A_detectors_test_says_whether_it_has_what_was_rejected()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        await server.TestedVersionAsync(
            project, "v1", [Detected("s3://images/0.png", ("red", .9, 10, Outcome.TruePositive), ("red", .2, 60, Outcome.TrueNegative))],
            ModelKinds.Localization);
        await server.TestedVersionAsync(project, "v2", [Detected("s3://images/0.png", ("red", .9, 10, Outcome.TruePositive))], ModelKinds.Localization);
        var client = await ConsoleClient.SignedInAsync(server);

        Assert.True((await JsonAsync(client, Api + "scores")).GetProperty("complete").GetBoolean());
        var old = await JsonAsync(client, "/ui/api/p/colours/models/v2/scores");
        Assert.False(old.GetProperty("complete").GetBoolean());
        Assert.Equal(
            """{"label":0,"score":0.9,"left":0.1,"top":0.125,"width":0.2,"height":0.25,"truth":0}""",
            old.GetProperty("images")[0].GetProperty("found")[0].GetRawText());
    }

    [Fact]
    public async Task Images_of_the_test_are_shown_and_lead_to_where_their_labels_are_changed()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);

        using var thumb = await client.GetAsync(Api + "thumb/256/1");
        Assert.Equal((HttpStatusCode.OK, "image/webp"), (thumb.StatusCode, thumb.Content.Headers.ContentType?.MediaType));
        using var picture = await client.GetAsync(Api + "picture/1");
        Assert.Equal(TinyModel.Png(1), await picture.Content.ReadAsByteArrayAsync(Cancel));
        using var stage = await client.GetAsync("/ui/p/colours/models/v1/label/1");
        Assert.Equal("/ui/p/colours/label/train-2", stage.Headers.Location?.ToString());
        var removed = await client.TextAsync("/ui/p/colours/models/v1/label/2", HttpStatusCode.NotFound);
        Assert.Contains("is not among the project's images", removed, StringComparison.Ordinal);
        await RefusedAsync(client, Api + "picture/3", "ResourceNotFoundException", "The test of v1 has no image 3.");
        await RefusedAsync(client, Api + "thumb/256/-1", "InvalidParameterException", "'-1' is not a number.");
    }

    [Fact]
    public async Task A_heat_map_covers_the_upright_image_and_is_highest_at_one()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);

        var heat = await JsonAsync(client, Api + "heat/1?label=green");
        using var posted = await client.SendAsync(HttpMethod.Post, Api + "heat", new ByteArrayContent(TinyModel.Jpeg(2, 64, 128)));
        var other = JsonDocument.Parse(await posted.Content.ReadAsStringAsync(Cancel)).RootElement;

        // 80 × 72: 48 places along the width.
        Assert.Equal((48, 43), (heat.GetProperty("columns").GetInt32(), heat.GetProperty("rows").GetInt32()));
        var values = heat.GetProperty("values").EnumerateArray().Select(v => v.GetDouble()).ToList();
        Assert.True(values.Count is 0 or 48 * 43);
        Assert.All(values, v => Assert.InRange(v, 0, 1));
        Assert.Equal(("blue", 24, 48), (other.GetProperty("label").GetString(), other.GetProperty("columns").GetInt32(), other.GetProperty("rows").GetInt32()));
        await RefusedAsync(client, Api + "heat/1?label=mauve", "InvalidParameterException", "The model has no label 'mauve'.");
        using var broken = await client.SendAsync(HttpMethod.Post, Api + "heat", new ByteArrayContent("no image"u8.ToArray()));
        Assert.Contains("InvalidImageFormatException", await broken.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_whose_file_is_gone_or_changed_is_an_answer_in_words()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ColoursAsync(server);
        await server.TestedVersionAsync(project, "v2", ["not", "what it was"]);
        var client = await ConsoleClient.SignedInAsync(server);
        using var deleted = await server.SendS3Async(HttpMethod.Delete, "/images/models/TestingGroundTruth-colours-v1.json");

        await RefusedAsync(
            client, Api + "scores", "ResourceNotFoundException",
            "The stored test of v1, s3://images/models/TestingGroundTruth-colours-v1.json, cannot be read.");
        await RefusedAsync(client, "/ui/api/p/colours/models/v2/scores", "InvalidParameterException", "has no image that can be read");
        await RefusedAsync(client, "/ui/api/p/colours/models/v3/scores", "ResourceNotFoundException", "The project has no model 'v3'.");
    }

    [Fact]
    public async Task Each_address_needs_what_it_stands_for()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var nobody = await ConsoleClient.SignedInAsync(server, await server.KeyAsync("nobody", Open, Read));
        var describer = await ConsoleClient.SignedInAsync(server, await server.KeyAsync("describer", Open, Describe));
        var viewer = await ConsoleClient.SignedInAsync(server, await server.KeyAsync("viewer", Open, Describe, Read));
        var asker = await ConsoleClient.SignedInAsync(server, await server.KeyAsync("asker", Open, Detect, Read));

        await RefusedAsync(nobody, Api + "scores", "AccessDeniedException", "rekognition:DescribeProjectVersions");
        await JsonAsync(describer, Api + "scores");
        await RefusedAsync(describer, Api + "thumb/256/0", "AccessDeniedException", "s3:GetObject");
        await RefusedAsync(viewer, Api + "heat/0", "AccessDeniedException", "rekognition:DetectCustomLabels");
        using var seen = await viewer.GetAsync(Api + "thumb/256/0");
        Assert.Equal(HttpStatusCode.OK, seen.StatusCode);
        await JsonAsync(asker, Api + "heat/0");
    }

    [Fact]
    public async Task The_steps_lead_to_the_newest_version_that_has_what_they_show()
    {
        await using var server = await TestServer.StartAsync();
        var project = await ProjectAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);
        using (var none = await client.GetAsync("/ui/p/colours/judge"))
        {
            Assert.Equal("/ui/p/colours/models", none.Headers.Location?.ToString());
        }

        await server.TestedVersionAsync(project, "v1", [Classified("s3://images/0.png", "red", .9, .1, 0)]);
        using var judge = await client.GetAsync("/ui/p/colours/judge");
        Assert.Equal("/ui/p/colours/models/v1/judge", judge.Headers.Location?.ToString());
        Assert.Contains("Judge v1", await client.TextAsync("/ui/p/colours/models/v1/judge"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_model_is_given_out_as_a_file_that_runs_anywhere()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);
        using var response = await client.GetAsync(Api + "model.zip");

        Assert.Equal("attachment; filename=\"colours-v1.zip\"", response.Content.Headers.GetValues("Content-Disposition").Single());
        using var archive = new ZipArchive(new MemoryStream(await response.Content.ReadAsByteArrayAsync(Cancel)));
        Assert.Equal(["cmyk.icc", "model.json", "model.onnx", "predict.py", "read_picture.py", "srgb.icc"], archive.Entries.Select(e => e.FullName).Order());
        // Nothing of it stays.
        await HostedVersions.UntilAsync(() => Directory.GetFiles(Path.Combine(server.DataPath, "cache"), "download-*").Length == 0, "the file stays");
        var reader = await ConsoleClient.SignedInAsync(server, await server.KeyAsync("reader", Open, Describe, Read));
        await RefusedAsync(reader, Api + "model.zip", "AccessDeniedException", "rekognition:CopyProjectVersion");
    }

    [Fact]
    public async Task The_use_of_a_running_model_is_counted()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);
        await RefusedAsync(client, Api + "usage", "ResourceNotReadyException", "v1 is TRAINING_COMPLETED");
        var arn = (await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString()!;
        var version = (await server.CallAsync("DescribeProjectVersions", $$"""{"ProjectArn":"{{arn}}"}""")).Body.GetProperty("ProjectVersionDescriptions")[0]
            .GetProperty("ProjectVersionArn").GetString()!;
        await server.StartVersionAsync(version, 2);
        await server.WaitForStatusAsync(version, Ocellus.Projects.ProjectVersionStatus.RUNNING);
        for (var i = 0; i < 3; i++)
        {
            (await server.DetectAsync(version, TinyModel.Png(i))).Names();
        }

        var usage = await JsonAsync(client, Api + "usage");

        Assert.Equal((3, 2, 0), (usage.GetProperty("requests").GetInt64(), usage.GetProperty("units").GetInt32(), usage.GetProperty("inFlight").GetInt32()));
        Assert.InRange(usage.GetProperty("seconds").GetDouble(), 1e-6, 60);
        Assert.True(usage.GetProperty("memoryBytes").GetInt64() > 1 << 20);
    }

    [Fact]
    public async Task The_page_of_use_has_programs_with_address_and_ARN_and_no_secret()
    {
        await using var server = await TestServer.StartAsync();
        await ColoursAsync(server);
        var client = await ConsoleClient.SignedInAsync(server);

        var page = await client.TextAsync("/ui/p/colours/models/v1/use");

        Assert.Contains($"--endpoint-url {server.BaseAddress.ToString().TrimEnd('/')} --region us-east-1", page, StringComparison.Ordinal);
        Assert.Contains("ProjectVersionArn=\"arn:aws:rekognition:us-east-1:123456789012:project/colours/version/v1/", page, StringComparison.Ordinal);
        Assert.Contains("AuthenticationRegion = \"us-east-1\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain(server.Signer.Secret, page, StringComparison.Ordinal);
        Assert.Contains("Now: never, by setting Ocellus:Hosting:IdleStopMinutes.", page, StringComparison.Ordinal);
    }

    private static async Task<JsonElement> JsonAsync(ConsoleClient client, string path) => JsonDocument.Parse(await client.TextAsync(path)).RootElement;

    private static async Task RefusedAsync(ConsoleClient client, string path, string type, string words)
    {
        using var response = await client.GetAsync(path);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.NotEqual(HttpStatusCode.OK, response.StatusCode);
        var said = JsonDocument.Parse(text).RootElement;
        Assert.Equal(type, said.GetProperty("__type").GetString());
        Assert.Contains(words, said.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    private static async Task<string> ProjectAsync(TestServer server)
    {
        await server.CreateBucketAsync("images");
        for (var i = 0; i < 3; i++)
        {
            await server.PutObjectAsync("images", $"{i}.png", TinyModel.Png(i));
        }

        return (await server.CallAsync("CreateProject", """{"ProjectName":"colours"}""")).Body.GetProperty("ProjectArn").GetString()!;
    }

    /// <summary>A version of three test images, the first two of which are in the training set too.</summary>
    private static async Task<string> ColoursAsync(TestServer server, double[]? thresholds = null)
    {
        var project = await ProjectAsync(server);
        await server.PutObjectAsync("images", "train.manifest", """
            {"source-ref":"s3://images/0.png"}
            {"source-ref":"s3://images/1.png"}

            """u8.ToArray());
        var made = await server.CallAsync(
            "CreateDataset",
            JsonSerializer.Serialize(new
            {
                ProjectArn = project,
                DatasetType = "TRAIN",
                DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "train.manifest" } } },
            }));
        var dataset = made.Body.GetProperty("DatasetArn").GetString();
        await HostedVersions.UntilAsync(
            async () => (await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{dataset}}"}""")).Body.GetProperty("DatasetDescription")
                .GetProperty("Status").GetString() == "CREATE_COMPLETE",
            () => "the import does not end");
        await server.TestedVersionAsync(
            project, "v1",
            [
                Classified("s3://images/0.png", "red", .9f, .06f, .04f), Classified("s3://images/1.png", "green", .1f, .7f, .2f),
                Classified("s3://images/2.png", "blue", .6f, .1f, .3f),
            ],
            thresholds: thresholds);
        return project;
    }
}
