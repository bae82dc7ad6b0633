using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Tests.Commands;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Transfer;

/// <summary>Models that come from another server, over the wire.</summary>
public sealed class ModelPullTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_model_of_another_server_answers_here()
    {
        await using var other = await TestServer.StartAsync();
        await using var server = await TestServer.StartAsync();
        await other.TrainedVersionAsync("v1");
        var model = await PullAsync(other, server);
        var arn = (string?)model["projectVersionArn"];
        Assert.NotNull(arn);
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);
        var answer = await server.CallAsync(
            "DetectCustomLabels", JsonSerializer.Serialize(new { ProjectVersionArn = arn, Image = new { Bytes = TinyModel.Png(1) } }));
        Assert.Equal("green", answer.Body.GetProperty("CustomLabels")[0].GetProperty("Name").GetString());
        Assert.Equal(arn, (string?)(await PullAsync(other, server))["projectVersionArn"]);
        using var left = await server.SendS3Async(HttpMethod.Get, "/ocellus-results-123456789012-us-east-1", "list-type=2");
        Assert.DoesNotContain("model.onnx", await left.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_without_every_right_brings_everything_but_the_models()
    {
        await using var other = await TestServer.StartAsync();
        await using var server = await TestServer.StartAsync();
        await other.TrainedVersionAsync("v1");
        using var folder = TestDatabase.Attach(server.DataPath);
        var key = await new KeyCatalog(folder, TimeProvider.System).CreateAsync(
            "trainer", KeyRing.DefaultAccountId, [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);
        var end = await CommandLineTests.RunInAsync(
            _top, new() { ["AWS_ACCESS_KEY_ID"] = key.AccessKeyId, ["AWS_SECRET_ACCESS_KEY"] = key.SecretAccessKey },
            "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--url", server.BaseAddress.ToString());
        Assert.True(end.Code == 0, end.Errors);
        Assert.Contains("ocellus:AddModel", end.Errors, StringComparison.Ordinal);
        Assert.Contains("1 model stays there: v1", end.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("AWS hands out", end.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_model_is_refused_and_leaves_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var project = (await server.CallAsync("CreateProject", """{"ProjectName":"p"}""")).Body.GetProperty("ProjectArn").GetString()!;
        await server.CreateBucketAsync("models");
        await server.PutObjectAsync("models", "m/model.onnx", [1, 2, 3]);
        var request = JsonSerializer.Serialize(new { ProjectArn = project, VersionName = "v", Bucket = "models", Prefix = "m" });
        Assert.Contains("There is no object s3://models/m/model.json", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes("{}"));
        Assert.Contains("model.json lacks the kind", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        const string other = """{"modelSha256":"00","kind":"classification","labels":["a"],"resize":"squash","width":64,"height":64}""";
        await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes(other));
        Assert.Contains("SHA-256 of model.onnx", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes("no json"));
        Assert.Contains("That is no model", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        const string claims =
            """
            {"modelSha256":"039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81","kind":"classification","labels":LABELS,
            "resize":"squash","width":64}
            """;
        foreach (var labels in new[] { "[]", "[null]", "[\"a\"]" })
        {
            await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes(claims.Replace("LABELS", labels, StringComparison.Ordinal)));
            Assert.Contains("describes no model", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        }

        // Whole, as its description says, and no network.
        var whole = claims.Replace("LABELS", "[\"a\"]", StringComparison.Ordinal)
            .Replace("\"width\":64", "\"width\":64,\"height\":64", StringComparison.Ordinal)
            .Replace("}", ",\"recipe\":\"r\",\"versions\":{}}", StringComparison.Ordinal);
        await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes(whole));
        Assert.Contains("model.onnx does not run: ", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        // A network, but of another size than its description says.
        var description = JsonNode.Parse(TinyModel.Result.Description.ToJson())!.AsObject();
        (description["width"], description["labels"]) = (96, new JsonArray("a", "b"));
        description["modelSha256"] = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(TinyModel.Result.Model));
        await server.PutObjectAsync("models", "m/model.onnx", TinyModel.Result.Model);
        await server.PutObjectAsync("models", "m/model.json", Encoding.UTF8.GetBytes(description.ToJsonString()));
        Assert.Contains("model.onnx does not run: ", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        await server.PutObjectAsync("models", "m/model.json", new byte[(16 << 20) + 1]);
        Assert.Contains("model.json has more than", (await OwnAsync(server, "AddModel", request)).Message, StringComparison.Ordinal);
        foreach (var body in new[] { """{"ProjectArn":"a","ProjectArn":"a"}""", """{"ProjectArn":"\ud800"}""" })
        {
            Assert.Equal("InvalidParameterException", (await OwnAsync(server, "AddModel", body)).Error);
        }

        Assert.Equal("InvalidParameterException", (await OwnAsync(server, "AddModel", "[]")).Error);
        Assert.Equal("UnknownOperationException", (await OwnAsync(server, "Fly", "{}")).Error);
        Assert.Equal(
            "ResourceNotFoundException",
            (await OwnAsync(
                server, "ReadModel", JsonSerializer.Serialize(new { ProjectVersionArn = project.Replace("p/", "p/version/v/"), Part = "model.onnx" }))).Error);
        Assert.Equal(
            "InvalidParameterException",
            (await OwnAsync(
                server, "ReadModel",
                JsonSerializer.Serialize(new { ProjectVersionArn = project.Replace("p/", "p/version/v/"), Part = "../../../credentials" }))).Error);
        var models = Path.Combine(server.DataPath, "models", "123456789012");
        Assert.True(!Directory.Exists(models) || Directory.GetFileSystemEntries(models).Length == 0);
        Assert.Empty((await server.CallAsync("DescribeProjectVersions", $$"""{"ProjectArn":"{{project}}"}""")).Body
            .GetProperty("ProjectVersionDescriptions").EnumerateArray());
    }

    private static async Task<ApiAnswer> OwnAsync(TestServer server, string operation, string json)
    {
        var body = Encoding.UTF8.GetBytes(json);
        using var request = server.ApiRequest(null, body);
        request.Headers.TryAddWithoutValidation("X-Amz-Target", "Ocellus." + operation);
        server.Signer.Sign(request, "ocellus", Signer.HashOf(body));
        return await server.AnswerAsync(request);
    }

    private async Task<JsonNode> PullAsync(TestServer other, TestServer server)
    {
        var end = await CommandLineTests.RunAsync(
            _top, "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--data", server.DataPath, "--url",
            server.BaseAddress.ToString(), "--json");
        Assert.True(end.Code == 0, end.Errors);
        return JsonNode.Parse(end.Output)!["projects"]![0]!["models"]![0]!;
    }
}
