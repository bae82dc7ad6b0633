using System.Text;
using System.Text.Json;
using Ocellus.Console.Images;
using static Ocellus.Tests.Console.Images.ImagesClient;
using static Ocellus.Tests.Console.Images.ImagesTests;

namespace Ocellus.Tests.Console.Images;

/// <summary>Changes of labels, sets and images, as the console's pages send them.</summary>
public sealed class ImageEditsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_batch_labels_images_and_the_counts_follow()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 4);
        var index = await client.IndexAsync();

        var states = await EditAsync(
            client, [Edit(index, 0, "", "rose"), Edit(index, 1, "", "rose"), Edit(index, 2, "", "tulip", marks: new { unsure = true })]);

        Assert.All(states, s => Assert.Equal("kept", s.GetProperty("outcome").GetString()));
        Assert.Equal([1, 1, 1 | 4], states.Select(s => s.GetProperty("flags").GetInt32()));
        Assert.Equal("""{"LabeledEntries":3,"TotalEntries":4,"TotalLabels":2,"ErrorEntries":0}""", await StatsAsync(server));
        var now = await client.IndexAsync();
        Assert.Equal(states.Select(s => s.GetProperty("revision").GetString()), Texts(now.GetProperty("revisions")).Take(3));
        Assert.Equal(["rose", "tulip"], Texts(now.GetProperty("labelNames")));
        Assert.Equal("[[0],[0],[1],[]]", now.GetProperty("labels").GetRawText());
        // The last image of a label takes the label with it.
        await EditAsync(client, [Edit(now, 2, "tulip", "")]);
        Assert.Equal("""{"LabeledEntries":2,"TotalEntries":4,"TotalLabels":1,"ErrorEntries":0}""", await StatsAsync(server));
        // Every other client reads the same.
        var lines = (await server.CallAsync("ListDatasetEntries", $$"""{"DatasetArn":"{{await ArnAsync(server)}}","ContainsLabels":["rose"]}""")).Body
            .GetProperty("DatasetEntries");
        Assert.Equal(2, lines.GetArrayLength());
        Assert.Equal(StoredRevision(lines[0].GetString()!), states[0].GetProperty("revision").GetString());
    }

    [Fact]
    public async Task Two_people_at_the_same_image_lose_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 1);
        var index = await client.IndexAsync();
        object one = Box("cat", 0, 0), two = Box("dog", 30, 30), moved = Box("cat", 5, 5);

        var first = await EditAsync(client, [Boxes(index, [], [one])]);
        var second = await EditAsync(client, [Boxes(index, [], [two])]);
        Assert.Equal(("kept", "merged"), (first[0].GetProperty("outcome").GetString(), second[0].GetProperty("outcome").GetString()));
        Assert.Equal(2, second[0].GetProperty("boxes").GetArrayLength());

        var both = await client.IndexAsync();
        await EditAsync(client, [Boxes(both, [one, two], [moved, two])]);
        var late = await EditAsync(client, [Boxes(both, [one, two], [Box("cat", 9, 9), two])]);
        Assert.Equal("conflict", late[0].GetProperty("outcome").GetString());
        Assert.Equal(5, late[0].GetProperty("boxes")[0].GetProperty("left").GetInt32() + late[0].GetProperty("boxes")[1].GetProperty("left").GetInt32() - 30);
        // A batch whose answer was lost comes again.
        var again = await EditAsync(client, [Boxes(both, [one, two], [moved, two])]);
        Assert.Equal("kept", again[0].GetProperty("outcome").GetString());
        Assert.Equal(2, again[0].GetProperty("boxes").GetArrayLength());
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused_alone_and_the_rest_is_kept()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 6);
        var index = await client.IndexAsync();

        var states = await EditAsync(
            client,
            [
                Edit(index, 0, "", new string('x', 257)),
                Boxes(index, [], [Box("a", 70, 0)], 1),
                Boxes(index, [], [.. Enumerable.Range(0, 51).Select(i => Box("a", i, 0))], 2),
                new { set = "train", image = "s3://elsewhere/no.png", revision = "", was = Labels(""), now = Labels("a") },
                Edit(index, 4, "", "good"),
                Edit(index, 5, "", "good", marks: new { nothing = true }),
            ]);

        Assert.Equal(["refused", "refused", "refused", "gone", "kept", "kept"], states.Select(s => s.GetProperty("outcome").GetString()));
        Assert.Contains("257", states[0].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Contains("not inside the image of 80×64 pixels", states[1].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Contains("51", states[2].GetProperty("reason").GetString(), StringComparison.Ordinal);
        // An image with a label is not one with nothing to label.
        Assert.Equal(ImageFlags.Labelled, states[5].GetProperty("flags").GetInt32());
        Assert.Equal("""{"LabeledEntries":2,"TotalEntries":6,"TotalLabels":1,"ErrorEntries":0}""", await StatsAsync(server));
        Assert.Equal(400, (await client.PostAsync("edits", new { edits = Enumerable.Repeat(Edit(index, 0, "", "a"), 51) })).Status);
    }

    [Fact]
    public async Task More_labels_than_a_dataset_may_have_change_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 1);
        var index = await client.IndexAsync();

        var labels = string.Join(' ', Enumerable.Range(0, 251).Select(i => $"l{i}"));
        var refused = await client.PostAsync("edits", new { edits = new[] { Edit(index, 0, "", labels) } });

        Assert.Equal("LimitExceededException", refused.Error);
        Assert.Contains("251 labels", refused.Message, StringComparison.Ordinal);
        Assert.Equal("""{"LabeledEntries":0,"TotalEntries":1,"TotalLabels":0,"ErrorEntries":0}""", await StatsAsync(server));
    }

    [Fact]
    public async Task Removed_images_come_back_as_they_were_and_where_they_were()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 3);
        await EditAsync(client, [Edit(await client.IndexAsync(), 1, "", "rose")]);
        var before = await client.IndexAsync();
        var image = Image(before, 1);

        var removed = Good(await client.PostAsync("remove", new { set = "train", images = new[] { image } })).GetProperty("removed");

        Assert.Equal("""{"LabeledEntries":0,"TotalEntries":2,"TotalLabels":0,"ErrorEntries":0}""", await StatsAsync(server));
        Assert.Equal(1, Good(await client.PostAsync("restore", new { lines = removed })).GetProperty("images").GetInt32());
        Assert.Equal(before.GetRawText(), (await client.IndexAsync()).GetRawText());
        Assert.Equal(0, Good(await client.PostAsync("restore", new { lines = removed })).GetProperty("images").GetInt32());
        var noLine = new { lines = new[] { new { set = "train", ordinal = 1, line = "{}" } } };
        Assert.Equal("InvalidParameterException", (await client.PostAsync("restore", noLine)).Error);
    }

    [Fact]
    public async Task Images_move_between_the_sets_which_are_made_when_they_are_needed()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 3);
        var index = await client.IndexAsync();
        await EditAsync(client, [Edit(index, 0, "", "rose"), Edit(index, 1, "", "rose")]);

        var moved = Good(await client.PostAsync("move", new { set = "train", images = new[] { Image(index, 0), Image(index, 2) }, to = "test" }));

        Assert.Equal(2, moved.GetProperty("images").GetInt32());
        Assert.Equal("""{"LabeledEntries":1,"TotalEntries":1,"TotalLabels":1,"ErrorEntries":0}""", await StatsAsync(server));
        Assert.Equal("""{"LabeledEntries":1,"TotalEntries":2,"TotalLabels":1,"ErrorEntries":0}""", await StatsAsync(server, 1));
        // An edit of one who has not seen the move finds the image.
        var late = await EditAsync(client, [Edit(index, 2, "", "tulip")]);
        Assert.Equal(("kept", "test"), (late[0].GetProperty("outcome").GetString(), late[0].GetProperty("set").GetString()));
        var back = Good(await client.PostAsync("move", new { set = "test", images = new[] { Image(index, 0), Image(index, 2) }, to = "train" }));
        Assert.Equal(2, back.GetProperty("images").GetInt32());
        Assert.Equal([1, 2, 3], (await client.IndexAsync()).GetProperty("ordinals").EnumerateArray().Select(o => o.GetInt32()));
    }

    [Fact]
    public async Task Labels_have_colours_and_keys_and_are_renamed_in_all_images()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 3);
        Good(await client.PostAsync("labels", new { name = "lily", colour = 3, key = "4" }));
        Good(await client.PostAsync("labels", new { name = "rose", colour = 1, key = "4" }));
        var index = await client.IndexAsync();
        await EditAsync(client, [Edit(index, 0, "", "rose"), Edit(index, 1, "", "Rose"), Boxes(index, [], [Box("Rose", 1, 1), Box("rose", 20, 20)], 2)]);

        var renamed = Good(await client.PostAsync("labels/rename", new { from = new[] { "Rose" }, to = "rose" }));

        Assert.Equal(2, renamed.GetProperty("images").GetInt32());
        var labels = Good(await client.GetAsync("labels")).GetProperty("labels").EnumerateArray().ToList();
        Assert.Equal(
            ["rose 1 4 3", "lily 3  0"],
            labels.Select(l => $"{l.GetProperty("name")} {l.GetProperty("colour")} {l.GetProperty("key")} {l.GetProperty("train")}"));
        Assert.Equal("""{"LabeledEntries":3,"TotalEntries":3,"TotalLabels":1,"ErrorEntries":0}""", await StatsAsync(server));
        Assert.Equal("ResourceInUseException", (await client.PostAsync("labels/remove", new { name = "rose" })).Error);
        Good(await client.PostAsync("labels/remove", new { name = "lily" }));
        Assert.Single(Good(await client.GetAsync("labels")).GetProperty("labels").EnumerateArray());
        foreach (var name in new[] { "", " x", "a\nb", new string('x', 257) })
        {
            Assert.Equal("InvalidParameterException", (await client.PostAsync("labels", new { name })).Error);
        }
    }

    [Fact]
    public async Task Health_tells_of_copies_leaks_rare_labels_and_errors()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ImagesAsync(server, 2);
        await EditAsync(client, [Edit(await client.IndexAsync(), 0, "", "rose")]);
        await server.PutObjectAsync("ocellus-images-123456789012-us-east-1", "copy.png", Png(0));
        Good(await client.UploadAsync(Png(7), "test.png", "rose", "test"));
        var lines = """
            {"source-ref":"s3://ocellus-images-123456789012-us-east-1/copy.png"}
            {"source-ref":"s3://ocellus-images-123456789012-us-east-1/bad.png","x":"y","x-metadata":{"type":"groundtruth/image-classification"}}
            """;
        await server.CallAsync(
            "UpdateDatasetEntries",
            $$$"""{"DatasetArn":"{{{await ArnAsync(server, 1)}}}","Changes":{"GroundTruth":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(lines))}}}"}}""");
        await client.AwaitTotalAsync("test", 3);

        // Once it has been seen, its content is known.
        Assert.Equal(System.Net.HttpStatusCode.OK, (await client.PictureAsync("thumb/256/test/2")).Status);
        JsonElement health;
        do
        {
            health = Good(await client.GetAsync("health"));
            await Task.Delay(50, Cancel);
        }
        while (health.GetProperty("leaks").GetArrayLength() == 0);

        Assert.Equal(["train", "test"], health.GetProperty("leaks")[0].EnumerateArray().Select(i => i.GetProperty("set").GetString()));
        Assert.Equal(["rose"], Texts(health.GetProperty("tooFew")));
        Assert.Equal("The format of the label attribute x is invalid.", health.GetProperty("errors")[0].GetProperty("messages")[0].GetString());
        Assert.Equal((5, 4), (health.GetProperty("images").GetInt32(), health.GetProperty("read").GetInt32()));
    }

    private static async Task<ImagesClient> ImagesAsync(TestServer server, int count)
    {
        var client = await ProjectAsync(server);
        for (var i = 0; i < count; i++)
        {
            Good(await client.UploadAsync(Png(i), $"{i}.png"));
        }

        return client;
    }

    private static async Task<JsonElement[]> EditAsync(ImagesClient client, object[] edits) =>
        [.. Good(await client.PostAsync("edits", new { edits })).GetProperty("images").EnumerateArray()];

    private static object Edit(JsonElement index, int at, string was, string now, object? marks = null) =>
        new { set = "train", image = Image(index, at), revision = index.GetProperty("revisions")[at].GetString(), was = Labels(was), now = Labels(now), marks };

    private static object Labels(string names) => new { labels = names.Split(' ', StringSplitOptions.RemoveEmptyEntries) };

    private static object Boxes(JsonElement index, object[] was, object[] now, int at = 0) =>
        new
        {
            set = "train",
            image = Image(index, at),
            revision = index.GetProperty("revisions")[at].GetString(),
            was = new { boxes = was },
            now = new { boxes = now },
        };

    private static object Box(string label, int left, int top) => new { label, left, top, width = 12, height = 12 };

    private static string Image(JsonElement index, int at) => index.GetProperty("prefix").GetString() + index.GetProperty("names")[at].GetString();

    private static string StoredRevision(string entry) => Ocellus.Datasets.StoredEntry.RevisionOf(entry);

    private static async Task<string> ArnAsync(TestServer server, int place = 0) =>
        (await server.CallAsync("DescribeProjects", """{"ProjectNames":["fruit"]}""")).Body.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[place]
            .GetProperty("DatasetArn").GetString()!;

    private static async Task<string> StatsAsync(TestServer server, int place = 0) =>
        (await server.CallAsync("DescribeDataset", $$"""{"DatasetArn":"{{await ArnAsync(server, place)}}"}""")).Body.GetProperty("DatasetDescription")
            .GetProperty("DatasetStats").GetRawText();
}
