using System.Net;
using System.Text;
using Ocellus.Commands;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Objects;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Commands;

/// <summary>What the doctor finds in a data directory, and what it mends.</summary>
public sealed class DataCheckTests : IAsyncLifetime
{
    private TestServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Bucket => Path.Combine(_server.DataPath, "objects", "bucket");

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        await _server.CreateBucketAsync("bucket");
        foreach (var key in new[] { "a", "b", "c" })
        {
            await _server.PutObjectAsync("bucket", key, Encoding.UTF8.GetBytes("content of " + key));
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void A_directory_in_order_has_nothing_to_tell_beside_a_running_server()
    {
        Assert.All(DataCheck.Run(_server.DataPath, Cancel), f => Assert.Equal((f.Name, FindingState.Ok), (f.Name, f.State)));
        Assert.Contains(
            "in use by a server", Assert.Throws<CommandRefusedException>(() => DataCheck.Repair(_server.DataPath, null, Cancel)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_damaged_file_is_named_and_what_can_be_mended_is()
    {
        string[] damaged = [];
        IReadOnlyList<Finding> repaired = [];
        await _server.RestartAsync(() =>
        {
            // The end is lost, and with it nothing that matters: key, ETag and content are there.
            var cut = Description("a");
            File.WriteAllText(cut, File.ReadAllText(cut)[..150]);
            var empty = Description("b");
            File.WriteAllText(empty, "");
            var noData = Description("c");
            File.Delete(DataOf("c"));
            var bucket = Path.Combine(Bucket, "bucket.json");
            File.WriteAllText(bucket, "{\"Name\":\"bu");
            var model = Path.Combine(_server.DataPath, "models", "123456789012", "v-1", "model.json");
            Directory.CreateDirectory(Path.GetDirectoryName(model)!);
            File.WriteAllText(model, "{");
            var job = Path.Combine(_server.DataPath, "jobs", "v-1", "job.json");
            Directory.CreateDirectory(Path.GetDirectoryName(job)!);
            File.WriteAllText(job, "{");
            damaged = [cut, empty, noData, bucket, Path.GetDirectoryName(model)!, job];

            var before = Contents();
            var found = DataCheck.Run(_server.DataPath, Cancel).Where(f => f.State == FindingState.Problem).ToList();
            Assert.Equal(["Objects", "Models", "Trainings under way"], found.Select(f => f.Name));
            Assert.All(damaged, d => Assert.Contains(d, string.Concat(found.Select(f => f.Found)), StringComparison.Ordinal));
            Assert.Contains("(key 'a')", found[0].Found, StringComparison.Ordinal);
            // Looking changes nothing, and repairing loses no content.
            Assert.Equal(before, Contents());
            repaired = DataCheck.Repair(_server.DataPath, null, Cancel);
            Assert.Superset(before.Where(c => c.StartsWith("content of", StringComparison.Ordinal) || c.Length == 150).ToHashSet(), Contents().ToHashSet());
            Assert.Equal(FindingState.Ok, DataCheck.Run(_server.DataPath, Cancel).Single(f => f.Name == "Objects").State);
            Directory.Delete(Path.GetDirectoryName(model)!, recursive: true);
        });

        Assert.Equal(4, repaired.Count);
        Assert.Contains(repaired, f => f.Advice!.Contains("'a' is restored", StringComparison.Ordinal));
        Assert.Contains(repaired, f => f.Advice!.Contains("its key, which the description no longer contains", StringComparison.Ordinal));
        Assert.Contains(repaired, f => f.Advice!.Contains("is lost", StringComparison.Ordinal) && f.Advice.Contains("'c'", StringComparison.Ordinal));
        Assert.Contains(repaired, f => f.Advice!.Contains("for account 123456789012", StringComparison.Ordinal));
        Assert.Equal(["a"], (await _server.OkAsync(HttpMethod.Get, "/bucket")).Descendants(S3Calls.Ns + "Key").Select(k => k.Value));
        using var a = await _server.SendTextAsync(HttpMethod.Get, "/bucket/a");
        Assert.Equal((HttpStatusCode.OK, "content of a"), (a.StatusCode, await a.Content.ReadAsStringAsync(Cancel)));
        Assert.Equal(
            "content of b",
            await File.ReadAllTextAsync(Directory.GetFiles(Path.Combine(_server.DataPath, "damaged"), "*.data", SearchOption.AllDirectories).Single(), Cancel));
    }

    [Fact]
    public async Task Content_that_does_not_fit_its_ETag_is_never_given_a_description()
    {
        await _server.RestartAsync(() =>
        {
            var cut = Description("a");
            File.WriteAllText(cut, File.ReadAllText(cut)[..150]);
            var data = DataOf("a");
            File.Delete(data);
            File.WriteAllText(data, "other content");
            Assert.Contains("Check the content", Assert.Single(DataCheck.Repair(_server.DataPath, null, Cancel)).Advice, StringComparison.Ordinal);
        });
        await _server.RefusedAsync(HttpMethod.Get, "/bucket/a", "", null, 404, "NoSuchKey", "'a'");
    }

    [Fact]
    public async Task A_damaged_upload_and_part_are_moved_aside()
    {
        var id = (await _server.OkAsync(HttpMethod.Post, "/bucket/x", "uploads=")).Element(S3Calls.Ns + "UploadId")!.Value;
        var other = (await _server.OkAsync(HttpMethod.Post, "/bucket/y", "uploads=")).Element(S3Calls.Ns + "UploadId")!.Value;
        Assert.Equal(200, await _server.StatusAsync(HttpMethod.Put, "/bucket/y", "partNumber=7&uploadId=" + other, "part"));
        await _server.RestartAsync(() =>
        {
            File.WriteAllText(Path.Combine(Bucket, ".uploads", id, "upload.json"), "");
            File.WriteAllText(Path.Combine(Bucket, ".uploads", other, "7.json"), "[]");
            Assert.Equal(2, DataCheck.Repair(_server.DataPath, null, Cancel).Count);
            Assert.Equal(FindingState.Ok, DataCheck.Run(_server.DataPath, Cancel).Single(f => f.Name == "Objects").State);
            var aside = Path.Combine(_server.DataPath, "damaged", "objects", "bucket", ".uploads");
            Assert.True(File.Exists(Path.Combine(aside, id, "upload.json")));
            Assert.Equal("part", File.ReadAllText(Directory.GetFiles(Path.Combine(aside, other), "7.*.data").Single()));
        });
        Assert.Equal([other], (await _server.OkAsync(HttpMethod.Get, "/bucket", "uploads=")).Descendants(S3Calls.Ns + "UploadId").Select(u => u.Value));
    }

    private string Description(string key) =>
        Directory.GetFiles(Bucket, "*.json", SearchOption.AllDirectories)
            .Single(f => File.ReadAllText(f).StartsWith($"{{\"Key\":\"{key}\"", StringComparison.Ordinal));

    private string DataOf(string key) =>
        Directory.GetFiles(Bucket, "*.data", SearchOption.AllDirectories).Single(f => File.ReadAllText(f) == "content of " + key);

    private List<string> Contents() =>
        [
            .. Directory.GetFiles(_server.DataPath, "*", SearchOption.AllDirectories)
                .Where(f => !Path.GetFileName(f).StartsWith("ocellus.db", StringComparison.Ordinal) && Path.GetFileName(f) != "lock")
                .Order(StringComparer.Ordinal).Select(File.ReadAllText),
        ];
}
