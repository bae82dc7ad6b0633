using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Console.Images;
using Ocellus.Storage;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Console.Images.ImagesClient;
using static Ocellus.Tests.Console.Images.ImagesTests;

namespace Ocellus.Tests.Console.Images;

/// <summary>Images in large numbers and in trouble.</summary>
public sealed class ImageTroubleTests
{
    private const string Statistics = "UPDATE datasets SET total = 12345, labeled = 12345, labels = 1 WHERE type = 'TRAIN'";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_thousand_images_come_in_parts()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        Good(await client.UploadAsync(Png(1), "first.png", "rose"));
        Execute(
            server,
            """
            WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12345)
            INSERT INTO dataset_entries (dataset_id, ordinal, source_ref, labeled, has_errors, entry)
                SELECT e.dataset_id, n.i, 's3://b/' || n.i, 1, 0, REPLACE(e.entry, 'rose', 'lily' || (n.i % 3)) FROM n, dataset_entries e;
            INSERT INTO dataset_entry_labels (dataset_id, ordinal, label, boxes)
                SELECT dataset_id, ordinal, 'lily' || (ordinal % 3), 0 FROM dataset_entries WHERE ordinal > 1;
            """ + Statistics);
        List<int> ordinals = [], sizes = [];
        for (long? after = 0; after is not null;)
        {
            var chunk = Good(await client.GetAsync($"index?set=train&after={after}"));
            sizes.Add(chunk.GetProperty("ordinals").GetArrayLength());
            ordinals.AddRange(chunk.GetProperty("ordinals").EnumerateArray().Select(o => o.GetInt32()));
            Assert.Equal(12345, chunk.GetProperty("total").GetInt64());
            var first = chunk.GetProperty("labels")[2][0].GetInt32();
            Assert.Equal($"lily{chunk.GetProperty("ordinals")[2].GetInt32() % 3}", chunk.GetProperty("labelNames")[first].GetString());
            after = chunk.TryGetProperty("next", out var next) ? next.GetInt64() : null;
        }

        Assert.Equal([5000, 5000, 2345], sizes);
        Assert.Equal(Enumerable.Range(1, 12345), ordinals);
        Assert.Equal(400, (await client.PostAsync("lines", new { set = "train", ordinals = Enumerable.Range(1, 201) })).Status);
    }

    [Fact]
    public async Task While_a_job_holds_the_dataset_changes_are_refused_and_lose_nothing()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        var image = Good(await client.UploadAsync(Png(1), "a.png", "rose")).GetProperty("image").GetString();
        var edit = new
        {
            edits = new[] { new { set = "train", image, revision = "0", was = new { labels = new[] { "rose" } }, now = new { labels = new[] { "lily" } } } },
        };
        Execute(server, "UPDATE datasets SET status = 'UPDATE_IN_PROGRESS'");

        Busy(await client.PostAsync("edits", edit));
        Busy(await client.UploadAsync(Png(2), "b.png"));
        Busy(await client.PostAsync("remove", new { set = "train", images = new[] { image } }));
        Busy(await client.PostAsync("labels/rename", new { from = new[] { "rose" }, to = "lily" }));
        Assert.Equal("ResourceNotReadyException", (await client.GetAsync("index?set=train")).Error);

        Execute(server, "UPDATE datasets SET status = 'UPDATE_COMPLETE'");
        Good(await client.PostAsync("edits", edit));
        // What was stored of the refused file is no obstacle.
        Good(await client.UploadAsync(Png(2), "b.png"));
        Assert.Equal(["lily"], Texts((await client.IndexAsync()).GetProperty("labelNames")));

        static void Busy(ApiAnswer answer)
        {
            Assert.Equal("ResourceInUseException", answer.Error);
            Assert.Contains("UPDATE_IN_PROGRESS", answer.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_dataset_that_is_being_copied_keeps_its_entries_until_the_copy_has_them()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        var image = Good(await client.UploadAsync(Png(1), "a.png", "rose")).GetProperty("image").GetString();
        Execute(
            server,
            """
            INSERT INTO datasets (arn, id, project_arn, type, status, message, code, created_ms, updated_ms, source, total, labeled, labels, errors)
                SELECT arn || '1', 99, project_arn, 'TEST', 'CREATE_IN_PROGRESS', '', '', 0, 0, 'dataset ' || arn, 0, 0, 0, 0 FROM datasets
            """);

        var refused = await client.PostAsync("remove", new { set = "train", images = new[] { image } });

        Assert.Equal("ResourceInUseException", refused.Error);
        Assert.Contains("being copied", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_cache_of_thumbnails_stays_within_its_bound()
    {
        var folder = Path.Combine(Path.GetTempPath(), "ocellus-test-" + Guid.NewGuid().ToString("N"));
        try
        {
            using var data = DataDirectory.Open(folder);
            var cache = new ThumbCache(data, TimeProvider.System) { Limit = 10_000 };
            for (var i = 0; i < 40; i++)
            {
                await cache.PutAsync($"{i:x64}", 256, new byte[1000], Cancel);
                // The first is used again and again.
                Assert.NotNull(await cache.FindAsync($"{0:x64}", 256, Cancel));
            }

            var files = new DirectoryInfo(Path.Combine(folder, "cache")).GetFiles("*.webp", SearchOption.AllDirectories);
            Assert.InRange(files.Sum(f => f.Length), 1000, 10_000);
            Assert.NotNull(await cache.FindAsync($"{39:x64}", 256, Cancel));
            Assert.Null(await cache.FindAsync($"{5:x64}", 256, Cancel));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task All_that_was_marked_and_labelled_is_there_after_a_restart()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        Good(await client.UploadAsync(Png(1), "a.png", "rose"));
        var index = await client.IndexAsync();
        Good(await client.PostAsync("labels", new { name = "rose", colour = 5, key = "2" }));
        Good(await client.PostAsync(
            "edits",
            new
            {
                edits = new[]
                {
                    new
                    {
                        set = "train",
                        image = index.GetProperty("prefix").GetString() + index.GetProperty("names")[0].GetString(),
                        revision = index.GetProperty("revisions")[0].GetString(),
                        marks = new { unsure = true, approved = true },
                    },
                },
            }));

        await server.RestartAsync();

        using var again = await OpenAsync(server, "fruit");
        Assert.Equal(ImageFlags.Labelled | ImageFlags.Unsure | ImageFlags.Approved, (await again.IndexAsync()).GetProperty("flags")[0].GetInt32());
        var label = Good(await again.GetAsync("labels")).GetProperty("labels")[0];
        Assert.Equal((5, "2"), (label.GetProperty("colour").GetInt32(), label.GetProperty("key").GetString()));
    }

    [Fact]
    public async Task A_revoked_key_can_do_nothing_more()
    {
        await using var server = await TestServer.StartAsync();
        using var owner = await ProjectAsync(server);
        Good(await owner.UploadAsync(Png(1), "a.png"));
        var key = await server.KeyAsync("temp", """{"Effect":"Allow","Action":"*","Resource":"*"}""");
        using var client = await OpenAsync(server, "fruit", key);
        Good(await client.GetAsync("index?set=train"));

        await server.RevokeAsync(key);

        Assert.Equal(401, (await client.GetAsync("index?set=train")).Status);
        Assert.Equal(401, (await client.UploadAsync(Png(2), "b.png")).Status);
    }

    [Fact]
    public async Task A_store_that_cannot_write_says_so_and_the_file_can_be_dropped_again()
    {
        await using var server = await TestServer.StartAsync();
        using var client = await ProjectAsync(server);
        Good(await client.UploadAsync(Png(1), "a.png"));
        var project = await server.Services.GetRequiredService<ImageProjects>().FindAsync(
            new("123456789012", "us-east-1", "admin", server.Signer.AccessKeyId), "fruit", Cancel);
        var full = ActivatorUtilities.CreateInstance<ImageUpload>(server.Services, new FullObjects());

        await Assert.ThrowsAsync<IOException>(() => full.TakeAsync(project, new("train", "b.png", "rose", Png(2)), Cancel));

        Assert.Equal(1, (await client.IndexAsync()).GetProperty("total").GetInt64());
        Assert.Equal("added", Good(await client.UploadAsync(Png(2), "b.png", "rose")).GetProperty("outcome").GetString());
    }

    private static void Execute(TestServer server, string sql)
    {
        using var connection = TestDatabase.Connect(server.DataPath);
        connection.Execute(sql);
    }

    /// <summary>A store on a full disk.</summary>
    private sealed class FullObjects : Ocellus.Objects.IObjects
    {
        public Task<Ocellus.Objects.FoundBucket?> FindBucketAsync(string bucket, CancellationToken cancel) =>
            Task.FromResult<Ocellus.Objects.FoundBucket?>(new(null, null));

        public Task<bool> CreateBucketAsync(string bucket, string accountId, string region, CancellationToken cancel) => Task.FromResult(true);

        public Task<bool> ExistsAsync(string bucket, string key, CancellationToken cancel) => Task.FromResult(false);

        public Task<Ocellus.Objects.ObjectContent?> OpenReadAsync(string bucket, string key, CancellationToken cancel) =>
            Task.FromResult<Ocellus.Objects.ObjectContent?>(null);

        public Task<bool> FetchAsync(string bucket, string key, string targetFile, CancellationToken cancel) => Task.FromResult(false);

        public Task PutAsync(string bucket, string key, Stream content, string contentType, CancellationToken cancel) =>
            throw new IOException("No space left on device");
    }
}
