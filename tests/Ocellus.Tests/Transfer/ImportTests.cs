using System.Text;
using System.Text.Json.Nodes;
using Ocellus.Identity;
using Ocellus.Storage;
using Ocellus.Tests.Commands;

namespace Ocellus.Tests.Transfer;

/// <summary><c>ocellus import</c> and <c>ocellus export-dataset</c> as a shell sees them, with a real server.</summary>
public sealed class ImportTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_folder_a_label_becomes_a_project_and_again_only_what_is_new()
    {
        await using var server = await TestServer.StartAsync();
        Add("train/good/1.png", 1);
        Add("train/good/😀 a+b%20.png", 2);
        Add("train/bad/1.png", 3);
        Add("test/bad/1.png", 4);
        var first = await ImportAsync(server, _top);
        Assert.True(first.Code == 0, first.Errors);
        var result = JsonNode.Parse(first.Output)!;
        Assert.Equal((4, 0), ((int)result["picturesUploaded"]!, (int)result["picturesKept"]!));
        Assert.Equal([("TRAIN", 3, 2), ("TEST", 1, 1)], Sets(result).Select(s => ((string)s["type"]!, (int)s["total"]!, (int)s["labels"]!)));
        Assert.Equal("ocellus-images-123456789012-us-east-1", (string?)result["bucket"]);
        using (var picture = await server.SendS3Async(HttpMethod.Get, $"/{result["bucket"]}/{Signer.Path("p/train/good/😀 a+b%20.png")}"))
        {
            Assert.Equal(TestPng.Solid(64, 64, 2, 2, 2), await picture.Content.ReadAsByteArrayAsync(Cancel));
            Assert.Equal("image/png", picture.Content.Headers.ContentType!.MediaType);
        }

        Add("train/bad/2.png", 5);
        Add("train/bad/1.png", 6);
        var second = JsonNode.Parse((await ImportAsync(server, _top)).Output)!;
        Assert.Equal((2, 3), ((int)second["picturesUploaded"]!, (int)second["picturesKept"]!));
        Assert.Equal([(1, 3, 4), (0, 1, 1)], Sets(second).Select(s => ((int)s["written"]!, (int)s["known"]!, (int)s["total"]!)));
    }

    [Fact]
    public async Task Boxes_come_and_go_again_unchanged_in_another_format()
    {
        await using var server = await TestServer.StartAsync();
        Add("a.png", 1);
        Add("b.png", 2);
        await File.WriteAllTextAsync(
            Path.Combine(_top, "labels.csv"), "image,label,x1,y1,x2,y2\na.png,cell,10,12,30.5,40\na.png,nut,1,2,3,64\nb.png,cell,0,0,64,64\n", Cancel);
        var end = await ImportAsync(server, _top);
        Assert.True(end.Code == 0, end.Errors);
        var arn = (string)Sets(JsonNode.Parse(end.Output)!).Single()["datasetArn"]!;
        end = await CommandLineTests.RunAsync(
            _top, "export-dataset", arn, "--to", "coco", "--out", "out", "--data", server.DataPath, "--url", server.BaseAddress.ToString(), "--json");
        Assert.True(end.Code == 0, end.Errors);
        var labels = Directory.GetFiles(Path.Combine(_top, "out"), "*.json", SearchOption.AllDirectories).Single();
        var coco = JsonNode.Parse(await File.ReadAllTextAsync(labels, Cancel))!;
        Assert.Equal(
            ["0,0,64,64", "1,2,2,62", "10,12,20.5,28"],
            coco["annotations"]!.AsArray().Select(a => string.Join(',', a!["bbox"]!.AsArray().Select(n => n!.ToJsonString()))).Order(StringComparer.Ordinal));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(_top, "out"), "*.png", SearchOption.AllDirectories).Length);
        Assert.False(Directory.Exists(Path.Combine(_top, "out.download")));

        string[] again =
        [
            "export-dataset", arn, "--to", "csv", "--out", "out", "--data", server.DataPath, "--url", server.BaseAddress.ToString(), "--no-pictures",
        ];
        end = await CommandLineTests.RunAsync(_top, again);
        Assert.Equal(1, end.Code);
        Assert.Contains("--force", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, [.. again, "--force"]);
        Assert.True(end.Code == 0, end.Errors);
        Assert.Empty(Directory.GetFiles(Path.Combine(_top, "out"), "*.png", SearchOption.AllDirectories));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(_top, "out.old"), "*.png", SearchOption.AllDirectories).Length);

        end = await CommandLineTests.RunAsync(_top, "check", arn, "--data", server.DataPath, "--url", server.BaseAddress.ToString(), "--json");
        Assert.True(end.Code is 0 or 1, end.Errors);
        Assert.DoesNotContain("error\":", end.Output, StringComparison.Ordinal);
        Assert.Contains("cell", end.Output, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, "export-dataset", "p", "--out", "x", "--data", server.DataPath, "--url", server.BaseAddress.ToString());
        Assert.Equal(1, end.Code);
        Assert.Contains("/dataset/train/", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pictures_whose_keys_no_folder_has_like_that_are_exported_and_what_another_export_left_is_not()
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        await server.CreateBucketAsync("pictures");
        string[] keys = ["0f3e", ".hidden/a.png", new string('n', 300) + ".png", "a.png", "a", "a/b.png"];
        var feed = new StringBuilder();
        for (var i = 0; i < keys.Length; i++)
        {
            await server.PutObjectAsync("pictures", keys[i], TestPng.Solid(8, 8, 1, 2, (byte)i));
            var metadata = new JsonObject
            {
                ["class-name"] = $"l{i}",
                ["confidence"] = 1,
                ["type"] = "groundtruth/image-classification",
                ["human-annotated"] = "yes",
                ["creation-date"] = "2026-01-01T00:00:00",
                ["job-name"] = "j",
            };
            var line = new JsonObject { ["source-ref"] = $"s3://pictures/{keys[i]}", ["label"] = i, ["label-metadata"] = metadata };
            feed.Append(line.ToJsonString()).Append('\n');
        }

        var arn = (await server.CallAsync("CreateDataset", $$"""{"ProjectArn":"{{project}}","DatasetType":"TRAIN"}""")).Body
            .GetProperty("DatasetArn").GetString()!;
        await RestAsync(server, arn);
        var changes = new JsonObject { ["GroundTruth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(feed.ToString())) };
        await server.CallAsync("UpdateDatasetEntries", new JsonObject { ["DatasetArn"] = arn, ["Changes"] = changes }.ToJsonString());
        await RestAsync(server, arn);
        string[] command =
        [
            "export-dataset", arn, "--to", "folders", "--out", "out", "--data", server.DataPath, "--url", server.BaseAddress.ToString(), "--json",
        ];
        var staging = Directory.CreateDirectory(Path.Combine(_top, "out.download")).FullName;
        await File.WriteAllTextAsync(Path.Combine(staging, "mine.txt"), "mine", Cancel);
        var end = await CommandLineTests.RunAsync(_top, command);
        Assert.Contains("is in the way", end.Errors, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(staging, "mine.txt")));
        // An interrupted export of another dataset, whose picture has the same place.
        File.Delete(Path.Combine(staging, "mine.txt"));
        Directory.CreateDirectory(Path.Combine(staging, "pictures", "pictures"));
        await File.WriteAllTextAsync(Path.Combine(staging, ".ocellus-export"), "another", Cancel);
        await File.WriteAllTextAsync(Path.Combine(staging, "pictures", "pictures", "a.png"), "another", Cancel);
        end = await CommandLineTests.RunAsync(_top, command);
        Assert.True(end.Code == 0, end.Errors);
        for (var i = 0; i < keys.Length; i++)
        {
            var file = Assert.Single(Directory.GetFiles(Path.Combine(_top, "out", "train", $"l{i}")));
            Assert.Equal(TestPng.Solid(8, 8, 1, 2, (byte)i), await File.ReadAllBytesAsync(file, Cancel));
        }
    }

    private static async Task RestAsync(TestServer server, string dataset)
    {
        while ((await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{dataset}}"}""")).Body.GetProperty("DatasetDescription").GetProperty("Status")
            .GetString()!.EndsWith("IN_PROGRESS", StringComparison.Ordinal))
        {
            await Task.Delay(20, Cancel);
        }
    }

    [Fact]
    public async Task Labels_that_were_corrected_stay_and_boxes_do_not_mix_with_labels()
    {
        await using var server = await TestServer.StartAsync();
        var source = Directory.CreateDirectory(Path.Combine(_top, "s")).FullName;
        Add("s/train/good/1.png", 1);
        Add("s/train/bad/2.png", 2);
        await ImportAsync(server, source);
        Directory.Move(Path.Combine(source, "train/good"), Path.Combine(source, "train/best"));
        // The same picture under the same name: only its label has changed.
        File.WriteAllText(Path.Combine(source, "labels.csv"), "image,label\ntrain/best/1.png,best\ntrain/bad/2.png,worst\n");
        var end = await ImportAsync(server, source);
        Assert.True(end.Code == 0, end.Errors);
        var set = Sets(JsonNode.Parse(end.Output)!).First();
        Assert.Equal((1, 1), ((int)set["written"]!, (int)set["differing"]!));
        end = await ImportAsync(server, source, "--update");
        Assert.Equal((1, 0), ((int)Sets(JsonNode.Parse(end.Output)!).First()["written"]!, (int)Sets(JsonNode.Parse(end.Output)!).First()["differing"]!));

        File.WriteAllText(Path.Combine(source, "labels.csv"), "image,label,x1,y1,x2,y2\ntrain/bad/2.png,worst,1,1,20,20\n");
        end = await ImportAsync(server, source);
        Assert.Equal(1, end.Code);
        Assert.Contains("has labels of whole images, and the source has boxes", end.Errors, StringComparison.Ordinal);
        end = await ImportAsync(server, source, "--bucket", "another");
        Assert.Contains("leave out --bucket another", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_server_refuses_is_said_in_its_words_and_nothing_is_half_done()
    {
        await using var server = await TestServer.StartAsync();
        Add("good/1.png", 1);
        Add("bad/1.png", 2);
        using var folder = TestDatabase.Attach(server.DataPath);
        var key = await new KeyCatalog(folder, TimeProvider.System).CreateAsync(
            "reader", KeyRing.DefaultAccountId, [ManagedPolicies.Get("inference")], isDefault: false, Cancel);
        var end = await CommandLineTests.RunInAsync(
            _top, new() { ["AWS_ACCESS_KEY_ID"] = key.AccessKeyId, ["AWS_SECRET_ACCESS_KEY"] = key.SecretAccessKey },
            "import", _top, "--project", "p", "--url", server.BaseAddress.ToString(), "--json");
        Assert.Equal(1, end.Code);
        Assert.Contains("is not authorized to perform: rekognition:", end.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", end.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").GetArrayLength());

        end = await ImportAsync(server, _top, "--bucket", "Not_A_Bucket");
        Assert.Equal(1, end.Code);
        Assert.Contains("InvalidBucketName", end.Errors, StringComparison.Ordinal);
        end = await ImportAsync(server, Path.Combine(_top, "nothing"));
        Assert.Contains("There is no file or folder", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, "import", _top, "--project", "a b");
        Assert.Equal(2, end.Code);
        end = await CommandLineTests.RunAsync(_top, "import", _top, "--project", "p");
        Assert.Equal(1, end.Code);
        Assert.Contains("There is no key for the server", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, "import", _top, "--project", "p", "--data", server.DataPath, "--url", "http://127.0.0.1:9");
        Assert.Equal(1, end.Code);
        Assert.Contains("http://127.0.0.1:9 does not answer", end.Errors, StringComparison.Ordinal);
    }

    private static IEnumerable<JsonNode> Sets(JsonNode result) => result["datasets"]!.AsArray().Select(d => d!);

    private void Add(string name, byte shade)
    {
        var file = Path.Combine(_top, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, TestPng.Solid(64, 64, shade, shade, shade));
    }

    private Task<(int Code, string Output, string Errors)> ImportAsync(TestServer server, string source, params string[] words) =>
        CommandLineTests.RunAsync(
            _top, ["import", source, "--project", "p", "--data", server.DataPath, "--url", server.BaseAddress.ToString(), "--json", .. words]);
}
