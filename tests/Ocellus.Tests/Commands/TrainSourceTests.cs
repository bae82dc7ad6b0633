using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace Ocellus.Tests.Commands;

/// <summary><c>ocellus train SOURCE</c> and <c>ocellus evaluate MODEL SOURCE</c>, with real trainings on images of one colour each.</summary>
public sealed class TrainSourceTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_folder_a_label_is_learnt_as_it_is_and_an_archive_of_it_is_tested()
    {
        Colours("photos/red", 8, 210, 20);
        Colours("photos/blue", 8, 20, 210);
        File.WriteAllBytes(In("photos/red/empty.png"), []);
        File.WriteAllBytes(In("photos/stray.png"), TestPng.Solid(72, 64, 1, 2, 3));
        var end = await TrainAsync("photos", "--quick", "--json");
        Assert.Equal((0, ""), (end.Code, end.Code == 0 ? "" : end.Errors));
        Assert.Contains("photos is a folder a label.", end.Errors, StringComparison.Ordinal);
        Assert.Contains("stray.png is in no folder of a label", end.Errors, StringComparison.Ordinal);
        Assert.Contains("1 images without a label were left out.", end.Errors, StringComparison.Ordinal);
        var details = JsonNode.Parse(end.Output)!["evaluation"]!["EvaluationDetails"]!;
        Assert.Equal(["blue", "red"], details["Labels"]!.AsArray().Select(l => (string)l!).Order());
        Assert.False(Directory.Exists(In("o.zip.job")));

        Colours("test/red", 3, 200, 30);
        Colours("test/blue", 3, 30, 200);
        Colours("test/green", 2, 20, 20);
        ZipFile.CreateFromDirectory(In("test"), In("test.zip"));
        foreach (var source in new[] { "test", "test.zip" })
        {
            end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", source, "--json");
            Assert.Equal(0, end.Code);
            Assert.Equal((6, 2), ((int)JsonNode.Parse(end.Output)!["testPictures"]!, (int)JsonNode.Parse(end.Output)!["leftOut"]!["unknownLabels"]!));
        }
    }

    [Theory]
    [InlineData("train", "val", "test", 4, 8, 1)] // validation is learnt from where there is a test
    [InlineData("train", "val", null, 4, 6, 0)]
    public async Task The_source_tells_what_is_for_the_test(string train, string validation, string? test, int tested, int learnt, int told)
    {
        foreach (var (label, red, blue) in new[] { ("red", 210, 20), ("blue", 20, 210) })
        {
            Colours($"data/{train}/{label}", 3, red, blue);
            Colours($"data/{validation}/{label}", test is null ? 2 : 1, red, blue);
            if (test is not null)
            {
                Colours($"data/{test}/{label}", 2, red, blue);
            }
        }

        ZipFile.CreateFromDirectory(In("data"), In("data.zip"));
        var end = await TrainAsync("data.zip", "--quick", "--json");
        Assert.Equal((0, ""), (end.Code, end.Code == 0 ? "" : end.Errors));
        var details = JsonNode.Parse(end.Output)!["evaluation"]!["EvaluationDetails"]!;
        Assert.Equal((tested, learnt), ((int)details["NumberOfTestingImages"]!, (int)details["NumberOfTrainingImages"]!));
        Assert.Equal(told > 0, end.Errors.Contains("2 images for validation are learnt from", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Boxes_of_COCO_are_learnt_and_its_faults_are_told()
    {
        var images = new StringBuilder();
        var annotations = new StringBuilder();
        Colours("scenes", 8, 210, 20);
        for (var i = 0; i < 8; i++)
        {
            images.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "," : "")}{{\"id\": {i}, \"file_name\": \"{i}.png\"}}");
            var comma = i > 0 ? "," : "";
            annotations.Append(CultureInfo.InvariantCulture, $"{comma}{{\"image_id\": {i}, \"category_id\": 1, \"bbox\": [{i}, 2, 30, 20]}}, ")
                .Append(CultureInfo.InvariantCulture, $"{{\"image_id\": {i}, \"category_id\": 2, \"bbox\": [1, 1, 0, 2]}}");
        }

        const string categories = "[{\"id\": 1, \"name\": \"x\"}]";
        File.WriteAllText(In("scenes/all.json"), $"{{\"images\": [{images}], \"annotations\": [{annotations}], \"categories\": {categories}}}");
        var end = await TrainAsync("scenes/all.json", "--quick", "--json");
        Assert.Equal((0, ""), (end.Code, end.Code == 0 ? "" : end.Errors));
        Assert.Contains("error unknown-category, 8 times", end.Errors, StringComparison.Ordinal);
        end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip", "scenes", "--json");
        Assert.Equal((0, 8), (end.Code, (int)JsonNode.Parse(end.Output)!["testPictures"]!));
    }

    [Fact]
    public async Task What_does_not_go_together_is_one_sentence()
    {
        await RefusedAsync(2, "Name a SOURCE, which is a folder, zip file or file of labels, or --manifest and --images.");
        await RefusedAsync(2, "--manifest has no effect beside a SOURCE", "photos", "--manifest", "m", "--images", ".");
        await RefusedAsync(2, "--test-manifest has no effect beside a SOURCE", "photos", "--test-manifest", "m");
        await RefusedAsync(2, "--images is missing.", "--manifest", "m");
        await RefusedAsync(2, "--from has no effect beside --manifest", "--manifest", "m", "--images", ".", "--from", "coco");
        await RefusedAsync(1, "There is no file or folder photos.", "photos");
        Colours("photos/test/red", 2, 210, 20);
        await RefusedAsync(1, "All labelled images of photos are for testing", "photos");
        File.WriteAllText(In("labels.csv"), "image,label\n1.png,a\n2.png,b\n3.png,a\n");
        File.WriteAllBytes(In("1.png"), TestPng.Solid(72, 64, 1, 2, 3));
        await RefusedAsync(1, "2 of 3 pictures of labels.csv are not there, such as 2.png.", "labels.csv");
        var end = await CommandLineTests.RunAsync(_top, "evaluate", "o.zip");
        Assert.Equal(2, end.Code);
        Assert.Contains("Name a SOURCE", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_training_that_is_resumed_must_have_the_same_source()
    {
        Colours("photos/red", 5, 210, 20);
        Colours("photos/blue", 5, 20, 210);
        // As an interrupted one leaves it.
        var job = Directory.CreateDirectory(In("o.zip.job")).FullName;
        File.WriteAllText(Path.Combine(job, "training.manifest"), "another");
        File.WriteAllText(Path.Combine(job, "pictures.json"), "[]");
        File.WriteAllText(Path.Combine(job, "job.json"), """{"projectVersionArn": "o.zip", "projectName": "local", "versionName": "o", "autoSplit": true}""");
        var end = await TrainAsync("photos", "--resume");
        Assert.Equal(1, end.Code);
        Assert.Contains("photos is not as the source was that the training in", end.Errors, StringComparison.Ordinal);
        Assert.Equal(["job.json", "lock", "pictures.json", "training.manifest"], Directory.GetFileSystemEntries(job).Select(Path.GetFileName).Order());
    }

    private async Task RefusedAsync(int code, string says, params string[] words)
    {
        var end = await CommandLineTests.RunAsync(_top, ["train", .. words, "--out", "o.zip"]);
        Assert.Equal((code, ""), (end.Code, end.Output));
        Assert.Contains(says, end.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(In("o.zip")) || Directory.Exists(In("o.zip.job")));
    }

    private Task<(int Code, string Output, string Errors)> TrainAsync(string source, params string[] more) =>
        CommandLineTests.RunAsync(_top, ["train", source, "--out", "o.zip", .. more]);

    private void Colours(string folder, int count, int red, int blue)
    {
        Directory.CreateDirectory(In(folder));
        for (var i = 0; i < count; i++)
        {
            File.WriteAllBytes(In($"{folder}/{i}.png"), TestPng.Solid(72, 64, (byte)red, (byte)(10 * i), (byte)blue));
        }
    }

    private string In(string name) => Path.Combine(_top, name);
}
