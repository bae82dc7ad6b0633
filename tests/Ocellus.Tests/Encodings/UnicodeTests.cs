using System.Text;
using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Tests.Datasets;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Encodings;

/// <summary>What is no text is refused by name, wherever it comes in; nothing becomes U+FFFD.</summary>
public sealed class UnicodeTests
{
    private static readonly Encoding Windows = Encoding.Latin1; // the same as code page 1252 for the letters used here

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("abc", null)]
    [InlineData("Bär 😀", null)]
    public void Text_is_text(string text, string? where) => Assert.Equal(where, Unicode.NotUtf8(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData(new byte[] { 0x42, 0xE4, 0x72 }, "byte 2 is 0xE4")]
    [InlineData(new byte[] { 0xC3, 0xA4, 0xED, 0xA0, 0x80 }, "byte 3 is 0xED")]
    [InlineData(new byte[] { 0x42, 0xC3 }, "byte 2 is 0xC3")]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x42, 0x00 }, "it begins as UTF-16 does")]
    public void The_first_byte_that_is_not_utf_8_is_named(byte[] bytes, string where) => Assert.Equal(where, Unicode.NotUtf8(bytes));

    [Theory]
    [InlineData("""{"ProjectName":"Bär"}""")]
    [InlineData("""{"ProjectName":"a","Bär":1}""")]
    [InlineData("""{"ProjectName":"a","Tags":{"Bär":"x"}}""")]
    [InlineData("""{"ProjectName":"a","Tags":{"x":"Bär"}}""")]
    public async Task A_body_in_a_windows_code_page_is_refused_and_makes_nothing(string json)
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.CallAsync("CreateProject", Windows.GetBytes(json), server.Signer);
        Assert.Equal((400, "SerializationException"), (answer.Status, answer.Error));
        Assert.Contains("is not UTF-8: byte ", answer.Message, StringComparison.Ordinal);
        Assert.Contains("0xE4", answer.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await server.CallAsync("DescribeProjects", "{}")).Body.GetProperty("ProjectDescriptions").GetArrayLength());
    }

    [Theory]
    [InlineData("CreateProject", """{"ProjectName":"\ud83d"}""")]
    [InlineData("CreateProject", """{"ProjectName":"a","Tags":{"\ud83d":"x"}}""")]
    [InlineData("CreateProject", """{"ProjectName":"a","Tags":{"x":"\ude00\ud83d"}}""")]
    [InlineData("CreateProject", """{"ProjectName":"a","\ud83d":1}""")]
    [InlineData("DescribeProjects", """{"NextToken":"\ud83d"}""")]
    [InlineData("DetectCustomLabels", """{"ProjectVersionArn":"x","Image":{"S3Object":{"Bucket":"b","Name":"\ud83d"}}}""")]
    public async Task Half_of_a_surrogate_pair_in_a_body_is_refused(string operation, string json)
    {
        await using var server = await TestServer.StartAsync();
        var answer = await server.CallAsync(operation, json);
        Assert.Equal((400, "SerializationException"), (answer.Status, answer.Error));
        Assert.Contains("half of a surrogate pair", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"Version":"\ud83d","Statement":[]}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"\ud83d"}}""")]
    [InlineData("""{"Version":"2012-10-17","\ud83d":1}""")]
    public async Task Half_of_a_surrogate_pair_in_a_policy_is_a_malformed_policy(string document)
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"a"}""")).Body.GetProperty("ProjectArn").GetString();
        var answer = await server.CallAsync(
            "PutProjectPolicy", JsonSerializer.Serialize(new { ProjectArn = project, PolicyName = "p", PolicyDocument = document }));
        Assert.Equal((400, "MalformedPolicyDocumentException"), (answer.Status, answer.Error));
        Assert.Contains("half of a surrogate pair", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_manifest_in_a_windows_code_page_makes_no_dataset_and_changes_in_one_change_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var manifest = string.Concat(new[] { "Bär", "Bör", "Bär", "Bör" }.Select((name, i) => Datasets.TestDatasets.Line($"{i}.jpg", name) + "\n"));
        await server.CreateBucketAsync("images");
        await server.PutObjectAsync("images", "windows.manifest", Windows.GetBytes(manifest));
        await server.PutObjectAsync("images", "wide.manifest", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(manifest)]);
        await server.PutObjectAsync("images", "good.manifest", [.. Encoding.UTF8.GetPreamble(), .. Encoding.UTF8.GetBytes(manifest)]);

        Assert.Contains("Line 1 is not UTF-8: byte ", (await DatasetAsync(server, "windows")).Said, StringComparison.Ordinal);
        Assert.Contains(
            "Line 1 is not UTF-8: it begins as UTF-16 does. Save the file as UTF-8.", (await DatasetAsync(server, "wide")).Said, StringComparison.Ordinal);
        var (arn, said) = await DatasetAsync(server, "good");
        Assert.Equal("CREATE_COMPLETE", said.Split(':')[0]);
        var changes = Convert.ToBase64String(Windows.GetBytes(manifest));
        var answer = await server.CallAsync(
            "UpdateDatasetEntries", JsonSerializer.Serialize(new { DatasetArn = arn, Changes = new { GroundTruth = changes } }));
        Assert.Equal((400, "InvalidParameterException"), (answer.Status, answer.Error));
        Assert.Contains("Changes.GroundTruth: Line 1 is not UTF-8: byte ", answer.Message, StringComparison.Ordinal);
        var labels = (await server.CallAsync(
            "ListDatasetLabels", JsonSerializer.Serialize(new { DatasetArn = arn }))).Body.GetProperty("DatasetLabelDescriptions")
            .EnumerateArray();
        Assert.Equal(["Bär", "Bör"], labels.Select(l => l.GetProperty("LabelName").GetString()).Order(StringComparer.Ordinal));
    }

    private static async Task<(string Arn, string Said)> DatasetAsync(TestServer server, string name)
    {
        var project = (await server.CallAsync("CreateProject", JsonSerializer.Serialize(new { ProjectName = name }))).Body.GetProperty("ProjectArn")
            .GetString();
        var source = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = $"{name}.manifest" } } };
        var arn = (await server.CallAsync(
            "CreateDataset",
            JsonSerializer.Serialize(new { ProjectArn = project, DatasetType = "TRAIN", DatasetSource = source }))).Body.GetProperty("DatasetArn")
            .GetString()!;
        while (true)
        {
            var dataset = (await server.CallAsync(
                "DescribeDataset", JsonSerializer.Serialize(new { DatasetArn = arn }))).Body.GetProperty("DatasetDescription");
            if (dataset.GetProperty("Status").GetString() is { } status && status != "CREATE_IN_PROGRESS")
            {
                return (arn, $"{status}: {dataset.GetProperty("StatusMessage").GetString()}");
            }

            await Task.Delay(20, Cancel);
        }
    }
}
