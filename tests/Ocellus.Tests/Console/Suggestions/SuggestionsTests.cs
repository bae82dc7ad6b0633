using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using NetVips;
using Ocellus.Console.Images;
using Ocellus.Console.Suggestions;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Console.Images;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Console.Images.ImagesClient;

namespace Ocellus.Tests.Console.Suggestions;

/// <summary>Suggested labels and boxes, and what a look at the pictures finds, as the console's pages ask for them over HTTP.</summary>
public sealed class SuggestionsTests
{
    private static readonly string _samples = Path.Combine(Pages.Root, "samples");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task From_three_labelled_images_of_each_label_on_the_others_get_suggestions_and_none_is_stored()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        foreach (var (kind, file) in Cells(2))
        {
            Good(await client.UploadAsync(file, $"{kind}.jpg", kind));
        }

        Assert.Equal("none", (await LookedAtAsync(client, 6)).GetProperty("source").GetString());
        foreach (var (i, (kind, file)) in Cells(5, from: 2).Index())
        {
            // A label for two of each kind, none for the other three.
            Good(await client.UploadAsync(file, $"more-{kind}.jpg", i % 5 < 2 ? kind : null));
        }

        var answer = await LookedAtAsync(client, 21);

        Assert.Equal("head", answer.GetProperty("source").GetString());
        var index = await client.IndexAsync();
        string[] labels = [.. ImagesTests.Texts(answer.GetProperty("labels"))], names = [.. ImagesTests.Texts(index.GetProperty("names"))];
        var ordinals = index.GetProperty("ordinals").EnumerateArray().Select(o => o.GetInt64()).ToList();
        var set = answer.GetProperty("sets").GetProperty("train");
        var suggested = set.GetProperty("ordinals").EnumerateArray().Select(
            (o, i) => (Name: names[ordinals.IndexOf(o.GetInt64())], Label: labels[set.GetProperty("labels")[i][0].GetInt32()])).ToList();
        Assert.Equal(9, suggested.Count);
        Assert.True(suggested.Count(s => s.Name.Contains(s.Label, StringComparison.Ordinal)) >= 8, string.Join(' ', suggested));
        Assert.All(set.GetProperty("scores").EnumerateArray(), s => Assert.InRange(s[0].GetInt32(), 30, 100));
        Assert.Equal(12, index.GetProperty("flags").EnumerateArray().Count(f => (f.GetInt32() & 1) == 1));

        // Who has them does not get them again, and nothing is looked at twice.
        var again = Good(await client.GetAsync($"suggest?have={answer.GetProperty("revision").GetInt64()}"));
        Assert.False(again.TryGetProperty("sets", out _));
        Assert.Equal(21, Directory.GetFiles(Path.Combine(server.DataPath, "cache", "fingerprints"), "*.bin", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task The_newest_model_suggests_where_there_is_one_and_its_caller_may_detect_labels()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        Good(await client.UploadAsync(TinyModel.Png(0), "a.png"));
        Good(await client.UploadAsync(TinyModel.Png(2), "b.png"));
        var folder = Guid.NewGuid().ToString("N");
        var project = (await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString()!;
        await server.Services.GetRequiredService<VersionCatalog>().CreateAsync(
            server.Caller(), new NewVersion(project, "first", ProjectVersionStatus.TRAINING_COMPLETED, folder, "images", "models"), Cancel);
        TinyModel.Save(server.ModelFolder(folder), null);

        var answer = await LookedAtAsync(client, 2);

        Assert.Equal(("model", "Suggested by the model first"), (answer.GetProperty("source").GetString(), answer.GetProperty("words").GetString()));
        Assert.Equal(TinyModel.Labels, ImagesTests.Texts(answer.GetProperty("labels")));
        Assert.Equal("[[0],[2]]", answer.GetProperty("sets").GetProperty("train").GetProperty("labels").GetRawText());
        using var reader = await OpenAsync(
            server, "fruit",
            await server.KeyAsync("reader", """{"Effect":"Allow","Action":["rekognition:ListDatasetEntries","s3:GetObject"],"Resource":"*"}"""));
        Assert.Equal("none", Good(await reader.GetAsync("suggest")).GetProperty("source").GetString());
        using var nobody = await OpenAsync(server, "fruit", await server.KeyAsync("nobody", """{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"""));
        Assert.Equal("AccessDeniedException", (await nobody.GetAsync("suggest")).Error);
        Assert.Equal("AccessDeniedException", (await nobody.GetAsync("findings")).Error);
        Assert.Equal("AccessDeniedException", (await nobody.PostAsync("suggest", new { set = "train", ordinals = new[] { 1 } })).Error);
    }

    [Fact]
    public async Task Wrong_labels_and_the_same_picture_in_other_files_are_found_and_an_approved_one_is_no_suspect()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        var cells = Cells(8);
        foreach (var (i, (kind, file)) in cells.Index())
        {
            // One label is wrong.
            Good(await client.UploadAsync(file, $"{i}-{kind}.jpg", i == 3 ? cells[^1].Kind : kind));
        }

        using var image = Image.NewFromBuffer(cells[12].File);
        using var half = image.Resize(.9);
        Good(await client.UploadAsync(half.JpegsaveBuffer(q: 80), "copy.jpg", cells[12].Kind, "test"));

        var found = await FoundAsync(client);

        var suspect = found.GetProperty("suspects")[0];
        Assert.Contains("/3-", suspect.GetProperty("image").GetProperty("image").GetString(), StringComparison.Ordinal);
        Assert.Equal((cells[^1].Kind, cells[3].Kind), (suspect.GetProperty("label").GetString(), suspect.GetProperty("likelier").GetString()));
        var leak = Assert.Single(found.GetProperty("leaks").EnumerateArray().ToArray());
        Assert.Equal(("train", "test"), (leak.GetProperty("first").GetProperty("set").GetString(), leak.GetProperty("second").GetProperty("set").GetString()));
        Assert.Contains("/12-", leak.GetProperty("first").GetProperty("image").GetString(), StringComparison.Ordinal);

        // Mended where they are shown.
        var name = suspect.GetProperty("image").GetProperty("image").GetString();
        Good(await client.PostAsync("edits", new
        {
            edits = new[] { new { set = "train", image = name, revision = suspect.GetProperty("revision").GetString(), marks = new { approved = true } } },
        }));
        var copy = leak.GetProperty("second").GetProperty("image").GetString();
        Good(await client.PostAsync("move", new { set = "test", to = "train", images = new[] { copy } }));
        var after = await FoundAsync(client);
        Assert.DoesNotContain(after.GetProperty("suspects").EnumerateArray(), s => s.GetProperty("image").GetProperty("image").GetString() == name);
        Assert.Empty(after.GetProperty("leaks").EnumerateArray());
        Assert.Single(after.GetProperty("duplicates").EnumerateArray());
    }

    [Fact]
    public async Task Boxes_around_things_are_proposed_before_any_label_is_given()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        Assert.SkipUnless(Directory.Exists(_samples), "the samples are not here");
        var file = Directory.GetFiles(Path.Combine(_samples, "blood"), "*.jpg", SearchOption.AllDirectories)[0];
        Good(await client.UploadAsync(await File.ReadAllBytesAsync(file, Cancel), "a.jpg"));

        var answer = Good(await client.PostAsync("suggest", new { set = "train", ordinals = new[] { 1 } }));

        var boxes = answer.GetProperty("images")[0].GetProperty("boxes").EnumerateArray().ToList();
        Assert.InRange(boxes.Count, 3, 50);
        Assert.All(boxes, b =>
        {
            Assert.Equal("", b.GetProperty("label").GetString());
            Assert.InRange(b.GetProperty("left").GetInt32() + b.GetProperty("width").GetInt32(), 1, 480);
            Assert.InRange(b.GetProperty("top").GetInt32() + b.GetProperty("height").GetInt32(), 1, 360);
        });
        Assert.Equal("InvalidParameterException", (await client.PostAsync("suggest", new { set = "train", ordinals = new[] { 1, 2, 3, 4, 5 } })).Error);
    }

    [Fact]
    public async Task An_image_whose_object_was_replaced_is_looked_at_once_more_and_not_for_ever()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        Good(await client.UploadAsync(TinyModel.Png(0), "a.png"));
        var image = Assert.Single(await client.LinesAsync("train", 1)).GetProperty("image").GetString()!["s3://".Length..].Split('/', 2);
        await server.PutObjectAsync(image[0], image[1], TinyModel.Png(1));
        var project = await server.Services.GetRequiredService<ImageProjects>().FindAsync(Admin(server), "fruit", Cancel);

        var state = await server.Services.GetRequiredService<ImageWatch>().OfAsync(project, null, Cancel);
        while (state.Works)
        {
            Assert.InRange(state.Revision, 0, 5);
            await Task.Delay(20, Cancel);
        }

        Assert.Equal(1, state.Revision);
        Assert.True(state.HasPrint(state.Images[0]));
    }

    [Fact]
    public async Task Findings_follow_labels_that_another_client_has_changed()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await OneLabelAsync(server);
        foreach (var name in (string[])["a.png", "b.png"])
        {
            Good(await client.UploadAsync(TinyModel.Png(0), name, "red"));
        }

        _ = await FoundAsync(client);
        var project = await server.Services.GetRequiredService<ImageProjects>().FindAsync(Admin(server), "fruit", Cancel);
        var state = await server.Services.GetRequiredService<ImageWatch>().OfAsync(project, null, Cancel);
        var before = state.Findings;
        // As a read does that is due, twenty seconds later, after UpdateDatasetEntries.
        state.Images = [state.Images[0] with { Revision = "0123456789abcdef" }, .. state.Images.Skip(1)];
        state.ReadAt = default;

        _ = await FoundAsync(client);

        Assert.NotNull(before);
        Assert.NotEqual(before!.Value.Answer, state.Findings!.Value.Answer);
    }

    private static Caller Admin(TestServer server) => server.Caller() with { UserName = "admin", AccessKeyId = server.Signer.AccessKeyId };

    private static async Task<ImagesClient> OneLabelAsync(TestServer server)
    {
        var made = await server.CallAsync("CreateProject", """{"ProjectName":"fruit","Tags":{"ocellus:labels":"one"}}""");
        Assert.Equal(200, made.Status);
        return await OpenAsync(server, "fruit");
    }

    /// <summary>So many sample images of each kind of cell.</summary>
    private static (string Kind, byte[] File)[] Cells(int each, int from = 0)
    {
        Assert.SkipUnless(Directory.Exists(_samples), "the samples are not here");
        return [.. Directory.GetFiles(Path.Combine(_samples, "cells", "train"), "*.jpg").Order(StringComparer.Ordinal)
            .Select(f => (Kind: Path.GetFileName(f)[..Path.GetFileName(f).LastIndexOf('-')], File: f))
            .GroupBy(f => f.Kind, StringComparer.Ordinal).SelectMany(g => g.Skip(from).Take(each)).Select(f => (f.Kind, File.ReadAllBytes(f.File)))];
    }

    /// <summary>Asks until all images have been looked at.</summary>
    private static async Task<JsonElement> LookedAtAsync(ImagesClient client, int total)
    {
        while (true)
        {
            var answer = Good(await client.GetAsync("suggest"));
            if (answer.GetProperty("total").GetInt32() == total && answer.GetProperty("ready").GetInt32() == total)
            {
                return answer;
            }

            await Task.Delay(50, Cancel);
        }
    }

    private static async Task<JsonElement> FoundAsync(ImagesClient client)
    {
        while (true)
        {
            var answer = Good(await client.GetAsync("findings"));
            if (answer.GetProperty("ready").GetInt32() == answer.GetProperty("total").GetInt32())
            {
                return answer;
            }

            await Task.Delay(50, Cancel);
        }
    }
}
