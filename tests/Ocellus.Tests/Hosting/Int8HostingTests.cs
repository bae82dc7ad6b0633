using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Commands;
using Ocellus.Projects;
using Ocellus.Tests.Commands;
using Ocellus.Training;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Hosting;

/// <summary>Versions whose model was also made with 8 bits. Which file is run depends on the processor, so the tests ask what it is.</summary>
public sealed class Int8HostingTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static string Precision => Int8Speed.Here.Gains ? "int8" : "float";

    private static string File => Int8Speed.Here.Gains ? ModelFiles.EightBit : ModelFiles.Model;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task The_server_runs_the_precision_that_the_processor_gains_by_and_says_which()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await TrainedAsync(server);
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.RUNNING);

        Assert.StartsWith(
            Int8Speed.Here.Gains ? "The model is running. It computes with 8 bits." : "The model is running. It computes in float: ",
            (await server.VersionAsync(arn))!.Message, StringComparison.Ordinal);
        for (var label = 0; label < 3; label++)
        {
            Assert.Equal([TinyModel.Labels[label]], (await server.DetectAsync(arn, TinyModel.Png(label))).Names());
        }

        var metrics = await server.Client.GetStringAsync(new Uri(server.BaseAddress, "metrics"), TestContext.Current.CancellationToken);
        Assert.Matches($@"(?m)^ocellus_model_running_eight_bit\S* {(Int8Speed.Here.Gains ? 1 : 0)}\b", metrics);
        await server.StopVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.STOPPED);
    }

    [Fact]
    public async Task A_damaged_file_ends_in_FAILED_by_its_name_and_doctor_names_both()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await TrainedAsync(server);
        var folder = await server.ModelFolderOfAsync(arn);
        System.IO.File.AppendAllText(Path.Combine(folder, File), "x");
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.FAILED);
        var message = (await server.VersionAsync(arn))!.Message;
        Assert.StartsWith($"{File} (", message, StringComparison.Ordinal);
        Assert.Contains("SHA-256", message, StringComparison.Ordinal);

        System.IO.File.Delete(Path.Combine(folder, File));
        await server.StartVersionAsync(arn);
        await server.WaitForStatusAsync(arn, ProjectVersionStatus.FAILED);
        Assert.Contains("cannot be read", (await server.VersionAsync(arn))!.Message, StringComparison.Ordinal);

        TinyInt8.Save(folder);
        System.IO.File.AppendAllText(Path.Combine(folder, ModelFiles.EightBit), "x");
        var finding = Assert.Single(DataCheck.Run(server.DataPath, TestContext.Current.CancellationToken), f => f.Name == "Models");
        Assert.Contains(ModelFiles.EightBit, finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_exported_is_the_file_that_the_server_runs_and_a_training_goes_on_from_the_float_one()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await TrainedAsync(server);
        var folder = await server.ModelFolderOfAsync(arn);
        // Called as the folder of the float model in it.
        var zip = Path.Combine(_top, "float.zip");
        var end = await CommandLineTests.RunAsync(_top, "export", arn, "--data", server.DataPath, "--out", zip, "--json");
        Assert.True(end.Code == 0, end.Errors);
        Assert.Equal(Precision, (string?)JsonNode.Parse(end.Output)!["precision"]);

        var (model, description) = ModelArchive.Read(zip);
        Assert.Equal(await System.IO.File.ReadAllBytesAsync(Path.Combine(folder, File), TestContext.Current.CancellationToken), model);
        Assert.Equal(Int8Speed.Here.Gains ? [.4, .4, .4] : [.5, .5, .5], description.Thresholds);
        var (real, whole) = ModelArchive.Read(zip, real: true);
        Assert.Equal(TinyModel.Result.Model, real);
        Assert.Equal((null, null), (whole.Precision, whole.EightBit));
        ZipFile.ExtractToDirectory(zip, _top);
        Assert.Equal(real, ModelArchive.Read(Path.Combine(_top, "float"), real: true).Model);

        await System.IO.File.WriteAllBytesAsync(Path.Combine(_top, "red.png"), TinyModel.Png(0), TestContext.Current.CancellationToken);
        end = await CommandLineTests.RunAsync(_top, "detect", zip, "red.png", "--json");
        Assert.Equal(0, end.Code);
        Assert.Equal(Int8Speed.Here.Gains ? "int8" : null, (string?)JsonNode.Parse(end.Output)!["precision"]);
        Assert.Equal("red", (string?)JsonNode.Parse(end.Output)!["CustomLabels"]![0]!["Name"]);
    }

    [Fact]
    public async Task A_copy_and_a_pulled_version_have_both_files()
    {
        await using var other = await TestServer.StartAsync();
        await using var server = await TestServer.StartAsync();
        var arn = await TrainedAsync(other);
        var end = await CommandLineTests.RunAsync(
            _top, "pull", "--from", other.BaseAddress.ToString(), "--from-data", other.DataPath, "--all", "--url", server.BaseAddress.ToString(), "--data",
            server.DataPath, "--json");
        Assert.True(end.Code == 0, end.Errors);
        var pulled = (string)JsonNode.Parse(end.Output)!["projects"]![0]!["models"]![0]!["projectVersionArn"]!;
        await SameAsync(await other.ModelFolderOfAsync(arn), await server.ModelFolderOfAsync(pulled));

        await other.CreateBucketAsync("copies");
        var projectArn = (await other.VersionAsync(arn))!.ProjectArn;
        var copied = await other.CallAsync("CopyProjectVersion", JsonSerializer.Serialize(new
        {
            SourceProjectArn = projectArn,
            SourceProjectVersionArn = arn,
            DestinationProjectArn = projectArn,
            VersionName = "copy",
            OutputConfig = new { S3Bucket = "copies" },
        }));
        Assert.True(copied.Status == 200, copied.Body.ToString());
        await SameAsync(await other.ModelFolderOfAsync(arn), await other.ModelFolderOfAsync(copied.Body.GetProperty("ProjectVersionArn").GetString()!));

        static async Task SameAsync(string from, string to)
        {
            foreach (var file in new[] { ModelFiles.Model, ModelFiles.EightBit, ModelFiles.Description })
            {
                Assert.Equal(
                    await System.IO.File.ReadAllBytesAsync(Path.Combine(from, file), TestContext.Current.CancellationToken),
                    await System.IO.File.ReadAllBytesAsync(Path.Combine(to, file), TestContext.Current.CancellationToken));
            }
        }
    }

    [Theory]
    [InlineData(null, TrainingPrecision.Float)]
    [InlineData("float", TrainingPrecision.Float)]
    [InlineData("int8", TrainingPrecision.Int8)]
    public void The_setting_for_all_is_read(string? setting, object expected)
    {
        var options = new Microsoft.Extensions.Configuration.ConfigurationBuilder();
        Microsoft.Extensions.Configuration.MemoryConfigurationBuilderExtensions.AddInMemoryCollection(options, [new("Precision", setting)]);
        Assert.Equal(expected, (Microsoft.Extensions.Configuration.ConfigurationBinder.Get<TrainingOptions>(options.Build()) ?? new()).Precision);
    }

    private static async Task<string> TrainedAsync(TestServer server)
    {
        var arn = await server.TrainedVersionAsync();
        TinyInt8.Save(await server.ModelFolderOfAsync(arn));
        return arn;
    }
}
