using System.Net;
using System.Text;
using System.Text.Json;
using Ocellus.Console.Images;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Images;
using static Ocellus.Tests.Console.Images.ImagesClient;

namespace Ocellus.Tests.Console.Images;

/// <summary>Images of a project, as the console's pages ask for them over HTTP.</summary>
public sealed class ImagesTests
{
    private const string Bucket = "ocellus-images-123456789012-us-east-1";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Dropped_files_become_the_project_s_images_with_their_folders_as_labels()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
            Good(await client.UploadAsync(Png(i), $"flowers/{(i % 2 == 0 ? "rose" : "tulip")}/{i}.PNG", i % 2 == 0 ? "rose" : "tulip"))));
        Good(await client.UploadAsync(Png(9), "9.png", null, "test"));

        var index = await client.IndexAsync();
        Assert.Equal(6, index.GetProperty("total").GetInt64());
        Assert.Equal($"s3://{Bucket}/fruit/flowers/", index.GetProperty("prefix").GetString());
        Assert.Equal(
            ["rose/0.png", "rose/2.png", "rose/4.png", "tulip/1.png", "tulip/3.png", "tulip/5.png"], Texts(index.GetProperty("names")).Order());
        Assert.All(index.GetProperty("aspects").EnumerateArray(), a => Assert.Equal(1.25, a.GetDouble()));
        Assert.All(index.GetProperty("versions").EnumerateArray(), v => Assert.Equal(16, v.GetString()!.Length));
        Assert.All(index.GetProperty("flags").EnumerateArray(), f => Assert.Equal(ImageFlags.Labelled, f.GetInt32()));
        // To every other client it is a dataset as any other.
        var datasets = (await server.CallAsync("DescribeProjects", """{"ProjectNames":["fruit"]}""")).Body.GetProperty("ProjectDescriptions")[0]
            .GetProperty("Datasets");
        var train = datasets[0].GetProperty("DatasetArn").GetString();
        var stats = (await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{train}}"}""")).Body.GetProperty("DatasetDescription");
        Assert.Equal("UPDATE_COMPLETE", stats.GetProperty("Status").GetString());
        Assert.Equal(
            """{"LabeledEntries":6,"TotalEntries":6,"TotalLabels":2,"ErrorEntries":0}""", stats.GetProperty("DatasetStats").GetRawText());
        var test = await client.IndexAsync("test");
        Assert.Equal(0, test.GetProperty("flags")[0].GetInt32());
        using var stored = await server.SendS3Async(HttpMethod.Get, $"/{Bucket}/fruit/flowers/rose/0.png");
        Assert.Equal(Png(0), await stored.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task A_file_that_is_there_already_is_skipped_whatever_its_name()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        var first = Good(await client.UploadAsync(Png(1), "a.png")).GetProperty("image").GetString();

        var again = Good(await client.UploadAsync(Png(1), "b.png", "rose"));
        var other = Good(await client.UploadAsync(Png(2), "a.png"));

        Assert.Equal(JsonSerializer.Serialize(new { outcome = "duplicate", image = first, set = "train" }), again.GetRawText());
        Assert.Equal("added", other.GetProperty("outcome").GetString());
        Assert.StartsWith($"s3://{Bucket}/fruit/a-", other.GetProperty("image").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, (await client.IndexAsync()).GetProperty("total").GetInt64());
    }

    [Fact]
    public async Task What_is_no_image_is_refused_with_a_reason_and_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);

        await RefusedAsync([], "must be JPEG or PNG");
        await RefusedAsync(Encoding.UTF8.GetBytes("<html><script>alert(1)</script>"), "must be JPEG or PNG");
        await RefusedAsync(TestPng.Solid(20_000, 64, 1, 2, 3), "at most 4,096 pixels");
        await RefusedAsync(TestPng.Solid(10, 10, 1, 2, 3), "at least 64 pixels");
        await RefusedAsync(Png(1)[..^40], "cut short");
        await RefusedAsync(new byte[60 << 20], "62,914,560 bytes");
        var longLabel = await client.UploadAsync(Png(1), "a.png", new string('x', 257));
        Assert.Equal((400, "A label has 1 to 256 characters; received 257."), (longLabel.Status, longLabel.Message));
        Assert.Equal(0, (await client.IndexAsync()).GetProperty("ordinals").GetArrayLength());
        Good(await client.UploadAsync(Png(1), "a.png", new string('x', 256)));

        async Task RefusedAsync(byte[] content, string words)
        {
            var answer = await client.UploadAsync(content, "a.png");
            Assert.Equal(400, answer.Status);
            Assert.Contains(words, answer.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("<img onerror=alert(1)>.png", "fruit/<img onerror=alert(1)>.png")]
    [InlineData("../../etc/passwd", "fruit/etc/passwd.png")]
    [InlineData("..\\up\\🌹 rose.jpeg", "fruit/up/🌹 rose.png")]
    [InlineData("a\nb/./c.png", "fruit/a_b/c.png")]
    [InlineData("", "fruit/image.png")]
    public void Names_lose_what_leads_elsewhere(string name, string key) =>
        Assert.Equal(key, ImageUpload.KeyOf("fruit", name, new ImageHeader(ImageFormat.Png, 64, 64, 1), null));

    [Fact]
    public void Long_names_are_cut_between_characters()
    {
        var key = ImageUpload.KeyOf("fruit", new string('a', 893) + "🌹🌹.jpg", new ImageHeader(ImageFormat.Jpeg, 64, 64, 1), "0123456789abcdef");

        Assert.Equal($"fruit/{new string('a', 893)}-0123456789abcdef.jpg", key);
    }

    [Fact]
    public async Task Thumbnails_are_small_upright_and_kept_by_their_content()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        Good(await client.UploadAsync(TestPng.Solid(800, 400, 200, 30, 60), "a.png"));
        var version = (await client.IndexAsync()).GetProperty("versions")[0].GetString();

        var (status, bytes, type, cache) = await client.PictureAsync($"thumb/256/train/1?v={version}");

        Assert.Equal((HttpStatusCode.OK, "image/webp"), (status, type));
        Assert.Equal("WEBP"u8.ToArray(), bytes[8..12]);
        Assert.True(cache!.Private);
        Assert.Contains(cache.Extensions, e => e.Name == "immutable");
        Assert.True((await client.PictureAsync("thumb/256/train/1?v=0123456789abcdef")).Cache!.NoStore);
        Assert.Equal(HttpStatusCode.OK, (await client.PictureAsync("thumb/512/train/1")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PictureAsync("thumb/300/train/1")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PictureAsync("thumb/256/train/2")).Status);
        var whole = await client.PictureAsync($"picture/train/1?v={version}");
        Assert.Equal(("image/png", TestPng.Solid(800, 400, 200, 30, 60).Length), (whole.Type, whole.Bytes.Length));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(server.DataPath, "cache", "thumbs"), "*.webp", SearchOption.AllDirectories).Length);
        // An object that is written anew shows anew.
        await server.PutObjectAsync(Bucket, "fruit/a.png", Png(3));
        Assert.NotEqual(bytes, (await client.PictureAsync($"thumb/256/train/1?v={version}")).Bytes);
    }

    [Fact]
    public async Task Each_address_needs_the_permission_of_what_it_stands_for()
    {
        await using var server = await TestServer.StartAsync();
        using var owner = await ProjectAsync(server);
        var image = Good(await owner.UploadAsync(Png(1), "a.png", "rose")).GetProperty("image").GetString();
        var revision = (await owner.IndexAsync()).GetProperty("revisions")[0].GetString();
        const string List = """{"Effect":"Allow","Action":"rekognition:ListDatasetEntries","Resource":"*"}""";
        const string Update = """{"Effect":"Allow","Action":"rekognition:UpdateDatasetEntries","Resource":"*"}""";
        const string Read = """{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}""";
        using var nobody = await OpenAsync(server, "fruit", await server.KeyAsync("nobody", """{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"""));
        using var reader = await OpenAsync(server, "fruit", await server.KeyAsync("reader", List));
        using var viewer = await OpenAsync(server, "fruit", await server.KeyAsync("viewer", List, Read));
        using var writer = await OpenAsync(server, "fruit", await server.KeyAsync("writer", List, Update));
        object was = new { labels = new[] { "rose" } }, now = new { labels = new[] { "lily" } };
        var edit = new { edits = new[] { new { set = "train", image, revision, was, now } } };

        Denied(await nobody.GetAsync("index?set=train"), "ListDatasetEntries");
        Denied(await nobody.GetAsync("labels"), "ListDatasetEntries");
        Denied(await nobody.GetAsync("health"), "ListDatasetEntries");
        Denied(await nobody.PostAsync("lines", new { set = "train", ordinals = new[] { 1 } }), "ListDatasetEntries");
        Denied(await nobody.PostAsync("pulse", new { tab = "t", after = 0 }), "ListDatasetEntries");
        Good(await reader.GetAsync("index?set=train"));
        Assert.Equal(HttpStatusCode.BadRequest, (await reader.PictureAsync("thumb/256/train/1")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await reader.PictureAsync("picture/train/1")).Status);
        Assert.Equal(HttpStatusCode.OK, (await viewer.PictureAsync("thumb/256/train/1")).Status);
        Denied(await viewer.PostAsync("edits", edit), "UpdateDatasetEntries");
        Denied(await viewer.PostAsync("remove", new { set = "train", images = new[] { image } }), "UpdateDatasetEntries");
        Denied(await viewer.PostAsync("move", new { set = "train", images = new[] { image } }), "CreateDataset");
        Denied(await viewer.PostAsync("restore", new { lines = new[] { new { set = "train", ordinal = 1, line = "{}" } } }), "UpdateDatasetEntries");
        Denied(await viewer.PostAsync("labels", new { name = "x" }), "UpdateDatasetEntries");
        Denied(await viewer.PostAsync("labels/rename", new { from = new[] { "rose" }, to = "x" }), "UpdateDatasetEntries");
        Denied(await viewer.UploadAsync(Png(2), "b.png"), "UpdateDatasetEntries");
        Denied(await writer.UploadAsync(Png(2), "b.png"), "s3:PutObject");
        Good(await writer.PostAsync("edits", edit));

        static void Denied(ApiAnswer answer, string action)
        {
            Assert.Equal("AccessDeniedException", answer.Error);
            Assert.Contains(action, answer.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Images_of_an_account_are_hidden_from_others_even_under_the_same_bucket_name()
    {
        await using var server = await TestServer.StartAsync();
        using var owner = await ProjectAsync(server);
        Good(await owner.UploadAsync(Png(1), "a.png"));
        var stranger = await server.KeyAsync("stranger", "210987654321", ["""{"Effect":"Allow","Action":"*","Resource":"*"}"""]);
        using var client = await OpenAsync(server, "fruit", stranger);
        Assert.Equal("ResourceNotFoundException", (await client.GetAsync("index?set=train")).Error);

        // A manifest of the stranger's own names the owner's image.
        await server.CallAsync(stranger, "CreateProject", """{"ProjectName":"fruit"}""");
        var own = Good(await client.UploadAsync(Png(5), "mine.png")).GetProperty("image").GetString();
        var arn = (await server.CallAsync(stranger, "DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[0]
            .GetProperty("DatasetArn").GetString();
        var line = Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"source-ref":"s3://{{Bucket}}/fruit/a.png"}"""));
        await server.CallAsync(stranger, "UpdateDatasetEntries", $$$"""{"DatasetArn":"{{{arn}}}","Changes":{"GroundTruth":"{{{line}}}"}}""");
        await client.AwaitTotalAsync("train", 2);

        Assert.Contains("210987654321", own, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await client.PictureAsync("thumb/256/train/1")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PictureAsync("thumb/256/train/2")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await client.PictureAsync("picture/train/2")).Status);
    }

    internal static async Task<ImagesClient> ProjectAsync(TestServer server, string name = "fruit")
    {
        Assert.Equal(200, (await server.CallAsync("CreateProject", JsonSerializer.Serialize(new { ProjectName = name }))).Status);
        return await OpenAsync(server, name);
    }

    internal static byte[] Png(int number) => TestPng.Solid(80, 64, (byte)(number * 7), (byte)(number >> 3), (byte)(200 - number % 100));

    internal static IEnumerable<string> Texts(JsonElement array) => array.EnumerateArray().Select(e => e.GetString()!);
}
