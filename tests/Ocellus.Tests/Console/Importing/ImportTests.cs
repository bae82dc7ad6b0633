using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ocellus.Tests.Console.Images;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Console.Images.ImagesClient;
using static Ocellus.Tests.Console.Images.ImagesTests;

namespace Ocellus.Tests.Console.Importing;

/// <summary>Labels in other formats, brought in through the console.</summary>
public sealed class ImportTests
{
    private const string Coco =
        """
        {"images":[{"id":7,"file_name":"a.png","width":80,"height":64},{"id":9,"file_name":"b.png","width":80,"height":64},
          {"id":12,"file_name":"gone.png","width":80,"height":64},{"id":13,"file_name":"c.png","width":80,"height":64}],
         "categories":[{"id":3,"name":"cell"}],
         "annotations":[{"id":1,"image_id":7,"category_id":3,"bbox":[10.4,5,20,30.2]},{"id":2,"image_id":9,"category_id":3,"bbox":[0,0,0,9]},
          {"id":3,"image_id":9,"category_id":3,"bbox":[60,50,20,14]}]}
        """;

    [Fact]
    public async Task An_archive_brings_images_and_boxes_and_the_second_time_nothing_twice()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "boxes");
        var archive = Zip(("set/labels.json", Text(Coco)), ("set/a.png", Png(1)), ("set/b.png", Png(2)), ("set/c.png", Png(3)));

        var sum = (await client.ImportAsync("cells.zip", archive)).GetProperty("summary");

        Assert.Equal((3, 3, 3, 1), Counts(sum, "images", "added", "labelled", "refused"));
        Assert.Contains("COCO", sum.GetProperty("format").GetString(), StringComparison.Ordinal);
        var lines = await client.LinesAsync("train", 1, 2, 3);
        var boxes = lines.ToDictionary(
            l => Path.GetFileName(l.GetProperty("image").GetString()!),
            l => string.Join("; ", l.GetProperty("boxes").EnumerateArray().Select(Words)), StringComparer.Ordinal);
        Assert.Equal("cell 10 5 20 30", boxes["a.png"]);
        Assert.Equal("cell 60 50 20 14", boxes["b.png"]);
        var findings = Texts(sum.GetProperty("findings"), "first");
        Assert.Contains(findings, f => f.Contains("gone.png", StringComparison.Ordinal));
        Assert.Contains(findings, f => f.Contains("no area", StringComparison.Ordinal));
        // An image without a box is one with nothing to find.
        var flags = (await client.IndexAsync()).GetProperty("flags").EnumerateArray().Select(f => f.GetInt32() & 16).Order();
        Assert.Equal([0, 0, 16], flags);

        var again = (await client.ImportAsync("cells.zip", archive)).GetProperty("summary");
        Assert.Equal((3, 0, 0, 3), Counts(again, "images", "added", "labelled", "known"));
        Assert.Equal(3, (await client.IndexAsync()).GetProperty("total").GetInt64());
        await NothingLeftAsync(server);
    }

    [Fact]
    public async Task Labels_alone_are_matched_with_the_images_of_the_project()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "boxes");
        Good(await client.UploadAsync(Png(1), "deep/down/a.png"));
        Good(await client.UploadAsync(Png(2), "b.png", set: "test"));

        var sum = (await client.ImportAsync("labels.json", Text(Coco))).GetProperty("summary");

        Assert.Equal((2, 0, 2, 2), Counts(sum, "images", "added", "labelled", "refused"));
        Assert.Equal(1, (await client.LinesAsync("test", 1))[0].GetProperty("boxes").GetArrayLength());
        Assert.Contains("zip file", Texts(sum.GetProperty("findings"), "remedy").First(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Yolo_labels_are_matched_by_the_names_of_their_files()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "boxes");
        Good(await client.UploadAsync(Png(1), "mine/a.png"));
        var archive = Zip(("data.yaml", Text("names: [nut, bolt]\n")), ("labels/a.txt", Text("1 0.5 0.5 0.25 0.5\n")));

        var sum = (await client.ImportAsync("labels.zip", archive)).GetProperty("summary");

        Assert.Equal((1, 0, 1, 0), Counts(sum, "images", "added", "labelled", "refused"));
        Assert.Equal("bolt 30 16 20 32", Words((await client.LinesAsync("train", 1))[0].GetProperty("boxes")[0]));
    }

    [Fact]
    public async Task Images_keep_the_labels_that_they_have_unless_a_person_says_otherwise()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "one");
        Good(await client.UploadAsync(Png(1), "a.png", "rose"));
        Good(await client.UploadAsync(Png(2), "b.png"));
        var table = Text("image,label\na.png,lily\nb.png,lily\n");

        var kept = (await client.ImportAsync("labels.csv", table)).GetProperty("summary");
        Assert.Equal((2, 1, 1, 0), Counts(kept, "images", "labelled", "differing", "refused"));
        Assert.Equal(["rose", "lily"], await LabelsAsync(client));

        var replaced = (await client.ImportAsync("labels.csv", table, "&replace=yes")).GetProperty("summary");
        Assert.Equal((2, 1, 1, 0), Counts(replaced, "images", "labelled", "known", "differing"));
        Assert.Equal(["lily", "lily"], await LabelsAsync(client));
    }

    [Fact]
    public async Task Folders_in_an_archive_are_labels_and_sets_and_what_is_no_image_is_told()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "one");
        var archive = Zip(
            ("train/rose/1.png", Png(1)), ("train/lily/2.png", Png(2)), ("test/rose/3.png", Png(3)), ("test/rose/broken.png", Png(4)[..60]),
            ("test/rose/empty.jpg", []));

        var sum = (await client.ImportAsync("flowers.zip", archive)).GetProperty("summary");

        Assert.Equal((3, 3, 3, 2), Counts(sum, "images", "added", "labelled", "refused"));
        Assert.Equal(2, (await client.IndexAsync()).GetProperty("total").GetInt64());
        Assert.Equal(1, (await client.IndexAsync("test")).GetProperty("total").GetInt64());
        Assert.Contains(Texts(sum.GetProperty("findings"), "first"), f => f.Contains("broken.png", StringComparison.Ordinal));

        using var validated = await KindAsync(server, "one", "validated");
        await validated.ImportAsync("v.zip", Zip(("train/rose/1.png", Png(1)), ("train/lily/2.png", Png(2)), ("val/rose/3.png", Png(3))));
        Assert.Equal(1, (await validated.IndexAsync("test")).GetProperty("total").GetInt64());

        var other = await KindAsync(server, "one", "other");
        Assert.Equal(3, (await other.ImportAsync("flowers.zip", archive, "&set=test")).GetProperty("summary").GetProperty("added").GetInt32());
        Assert.Equal(3, (await other.IndexAsync("test")).GetProperty("total").GetInt64());
        other.Dispose();
    }

    [Theory]
    [InlineData("labels.json", "{\"no\":\"labels\"}", "is of no format that is known")]
    [InlineData("labels.zip", "PK\u0003\u0004 and then nothing", "zip")]
    [InlineData("../../labels.csv", "image,label\na.png,x\n", "The file has labels and no images, and the project has none.")]
    [InlineData("", "image,label\na.png,x\n", "is of no format that is known")]
    public async Task What_cannot_be_imported_is_refused_in_words_and_leaves_nothing(string name, string content, string words)
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "one");

        var answer = await client.PutAsync($"import?name={Uri.EscapeDataString(name)}", Text(content));

        Assert.Equal(400, answer.Status);
        Assert.Contains(words, answer.Body.GetProperty("message").GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(server.DataPath, answer.Body.GetProperty("message").GetString(), StringComparison.Ordinal);
        await NothingLeftAsync(server);
    }

    [Fact]
    public async Task A_project_of_one_kind_refuses_labels_of_the_other()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "one");
        var archive = Zip(("labels.json", Text(Coco)), ("a.png", Png(1)), ("b.png", Png(2)));

        Assert.Contains("Import it to a project of boxes", (await client.PutAsync("import?name=a.zip", archive)).Body.GetProperty("message").GetString());
        Assert.Equal(0, (await client.IndexAsync()).GetProperty("total").GetInt64());

        var several = (await client.ImportAsync("b.zip", Zip(("t.csv", Text("image,label\na.png,x\na.png,y\n")), ("a.png", Png(1))))).GetProperty("summary");
        Assert.Contains(Texts(several.GetProperty("findings"), "first"), f => f.Contains("has 2 labels", StringComparison.Ordinal));
        Assert.Equal([""], await LabelsAsync(client));
    }

    [Fact]
    public async Task Files_of_labels_can_be_looked_at_before_images_are_added()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await KindAsync(server, "boxes");

        Assert.Equal("COCO", Good(await client.PutAsync("import/look?name=x.json", Text(Coco))).GetProperty("format").GetString());
        Assert.False(Good(await client.PutAsync("import/look?name=x.json", Text("[1]"))).TryGetProperty("format", out _));
        await NothingLeftAsync(server);
    }

    [Fact]
    public async Task A_key_that_may_not_change_entries_imports_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var owner = await KindAsync(server, "one");
        Good(await owner.UploadAsync(Png(1), "a.png"));
        using var reader = await OpenAsync(server, "fruit", await server.KeyAsync(
            "reader", """{"Effect":"Allow","Action":"rekognition:ListDatasetEntries","Resource":"*"}"""));

        var answer = await reader.PutAsync("import?name=labels.csv", Text("image,label\na.png,x\n"));

        Assert.Equal("AccessDeniedException", answer.Body.GetProperty("__type").GetString());
        Assert.Equal([""], await LabelsAsync(owner));
    }

    private static async Task<ImagesClient> KindAsync(TestServer server, string kind, string name = "fruit")
    {
        var request = JsonSerializer.Serialize(new { ProjectName = name, Tags = new Dictionary<string, string> { ["ocellus:labels"] = kind } });
        Assert.Equal(200, (await server.CallAsync("CreateProject", request)).Status);
        return await OpenAsync(server, name);
    }

    private static string Words(JsonElement box) =>
        string.Join(' ', new[] { "label", "left", "top", "width", "height" }.Select(m => box.GetProperty(m).ToString()));

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Zip(params (string Name, byte[] Content)[] files)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    private static (int, int, int, int) Counts(JsonElement sum, string a, string b, string c, string d) =>
        (sum.GetProperty(a).GetInt32(), sum.GetProperty(b).GetInt32(), sum.GetProperty(c).GetInt32(), sum.GetProperty(d).GetInt32());

    private static List<string> Texts(JsonElement findings, string member) =>
    [
        .. findings.EnumerateArray().Select(f => f.GetProperty(member))
            .SelectMany(t => t.ValueKind == JsonValueKind.Array ? t.EnumerateArray().Select(e => e.GetString()!) : [t.GetString()!]),
    ];

    private static async Task<IEnumerable<string>> LabelsAsync(ImagesClient client) =>
        (await client.LinesAsync("train", 1, 2)).Select(l => string.Join(' ', l.GetProperty("labels").EnumerateArray().Select(e => e.GetString())));

    /// <summary>The answer is there a moment before the file is removed.</summary>
    private static async Task NothingLeftAsync(TestServer server)
    {
        var folder = Path.Combine(server.DataPath, "cache", "imports");
        await HostedVersions.UntilAsync(() => !Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any(), "the file is not removed");
    }
}
