using Microsoft.Extensions.Time.Testing;
using Ocellus.Objects;
using Ocellus.Objects.Files;
using Ocellus.Wire;

namespace Ocellus.Tests.Objects;

/// <summary>What takes long holds nobody up.</summary>
public sealed class StoreLockTests : IDisposable
{
    private readonly string _root = Path.Combine(Path.GetTempPath(), "ocellus-locks-" + Guid.NewGuid().ToString("N"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task While_the_files_of_a_deleted_bucket_are_removed_everything_else_goes_on()
    {
        var store = Store();
        var uploads = Enumerable.Range(0, 5).Select(_ => Begin(store, "bucket").Id).ToList();
        store.DeleteBucket("bucket");
        // Gone for everybody, and not a file of it removed yet.
        Assert.Null(store.FindBucket("bucket"));
        Assert.Equal(5, Directory.GetFiles(_root, "upload.json", SearchOption.AllDirectories).Count(f => f.Contains(".removed.", StringComparison.Ordinal)));

        using SemaphoreSlim begun = new(0), goOn = new(0);
        store.Removed.Removing = () =>
        {
            begun.Release();
            goOn.Wait(Cancel);
        };
        var removal = Task.Run(() => store.Removed.Empty(Cancel), Cancel);
        await begun.WaitAsync(Cancel);

        // In the middle of the removal: every kind of request, a bucket of the same name too.
        store.CreateBucket("bucket", "123456789012", "us-east-1");
        await PutAsync(store, "bucket", "k", "new");
        await PutAsync(store, "other", "k", "new");
        Assert.Single(store.List("bucket", "", "/", null, 10).Objects);
        Assert.Throws<S3Exception>(() => store.Uploads.Upload("bucket", "big", uploads[0]));
        store.DeleteBucket("empty");
        Assert.Equal(["bucket", "other"], store.Buckets().Select(b => b.Name));

        goOn.Release(10);
        Assert.Empty(await removal);
        Assert.Equal("new", await ReadAsync(store, "bucket", "k"));
        Assert.Single(Directory.GetDirectories(_root, ".removed.*"));
        store.Removed.Empty(Cancel);
        Assert.Empty(Directory.GetDirectories(_root, ".removed.*"));
    }

    [Fact]
    public async Task Lists_and_reads_take_no_lock()
    {
        var names = new SharedNames();
        var store = Store();
        await PutAsync(store, "bucket", "a/1", "x");
        var index = new BucketIndex(store.FindBucket("bucket")!, Path.Combine(_root, "bucket"), new IndexMemory(new()), names);
        index.Load();
        using SemaphoreSlim held = new(0), done = new(0);
        // Another thread, for a lock lets its own thread in again.
        var holder = Task.Factory.StartNew(
            () =>
            {
                lock (index.Gate)
                {
                    held.Release();
                    done.Wait(Cancel);
                }
            },
            Cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await held.WaitAsync(Cancel);
        Assert.Equal(["a/"], index.List("", "/", null, 10).Prefixes);
        Assert.NotNull(index.Find("a/1"));
        Assert.Empty(index.ListUploads("", "/", "", "", 10).Items);
        done.Release();
        await holder;
    }

    [Fact]
    public void A_deletion_that_was_interrupted_goes_on_after_the_next_start()
    {
        var store = Store();
        Begin(store, "bucket");
        store.DeleteBucket("bucket");
        var again = new ObjectStore(_root, TimeProvider.System);
        again.Open(Cancel);
        Assert.Null(again.FindBucket("bucket"));
        Assert.Empty(again.Removed.Empty(Cancel));
        Assert.Empty(Directory.GetDirectories(_root, ".removed.*"));
    }

    [Fact]
    public async Task An_upload_that_nobody_completes_expires_with_its_parts()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
        var store = Store(clock);
        var old = Begin(store, "bucket");
        using (var body = new MemoryStream("part"u8.ToArray()))
        {
            await store.Uploads.PutPartAsync("bucket", "big", old.Id, 1, body, new PutOptions(), Cancel);
        }

        clock.Advance(TimeSpan.FromDays(6));
        var young = Begin(store, "bucket");
        Assert.Equal(0, store.Uploads.Expire(Cancel));
        clock.Advance(TimeSpan.FromDays(1));
        // Also after a restart, and one whose description is damaged by the time of its folder.
        store = new ObjectStore(_root, clock);
        store.Open(Cancel);
        Assert.Equal(1, store.Uploads.Expire(Cancel));
        Assert.Equal(young.Id, Assert.Single(store.Uploads.List("bucket", "", null, "", "", 10).Items).Id);
        Assert.Equal("NoSuchUpload", Assert.Throws<S3Exception>(() => store.Uploads.Parts("bucket", "big", old.Id)).Code);
        store.Removed.Empty(Cancel);
        Assert.Empty(Directory.GetFiles(_root, "*.data", SearchOption.AllDirectories));

        var never = new ObjectStore(_root, clock, new ObjectOptions { UploadExpiry = TimeSpan.Zero });
        never.Open(Cancel);
        clock.Advance(TimeSpan.FromDays(1000));
        Assert.Equal(0, never.Uploads.Expire(Cancel));
    }

    [Fact]
    public async Task What_the_bounds_do_not_allow_is_refused_with_their_names()
    {
        var store = Store(options: new() { UploadsPerBucket = 2, BucketsMax = 3, IndexMegabytesMax = 1 });
        var first = Begin(store, "bucket");
        Begin(store, "bucket");
        var refusal = Assert.Throws<S3Exception>(() => Begin(store, "bucket"));
        Assert.Equal("InvalidRequest", refusal.Code);
        Assert.Contains("Ocellus:Objects:UploadsPerBucket", refusal.Message, StringComparison.Ordinal);
        store.Uploads.AbortUpload("bucket", "big", first.Id);
        Begin(store, "bucket");
        Begin(store, "other");

        Assert.Equal("TooManyBuckets", Assert.Throws<S3Exception>(() => store.CreateBucket("fourth", "123456789012", "us-east-1")).Code);

        // Two thousand characters of metadata an object, which the store takes for what they are.
        var large = new PutOptions { UserMetadata = new() { ["text"] = new string('x', 2000) } };
        S3Exception? full = null;
        var count = 0;
        for (; full is null && count < 1000; count++)
        {
            full = await Record.ExceptionAsync(() => PutAsync(store, "bucket", $"k{count}", "x", large)) as S3Exception;
        }

        Assert.InRange(count, 150, 300);
        Assert.Contains("Ocellus:Objects:IndexMegabytesMax", full!.Message, StringComparison.Ordinal);
        // What takes less is let through, and what is deleted makes room.
        await PutAsync(store, "bucket", "k0", "x");
        await store.DeleteAsync("bucket", "k1", Cancel);
        await PutAsync(store, "bucket", "k1", "x", large);
    }

    [Fact]
    public async Task Bytes_of_the_index_go_with_what_they_are_for()
    {
        var store = Store();
        Assert.Equal(0, store.IndexBytes);
        for (var i = 0; i < 10; i++)
        {
            await PutAsync(store, "bucket", $"k{i}", "x", new() { Tags = new() { ["a"] = "b" }, ContentType = "text/plain" });
        }

        Assert.InRange(store.IndexBytes / 10, 200, 700);
        Assert.True(store.SetTags("bucket", "k0", []));
        var again = new ObjectStore(_root, TimeProvider.System);
        again.Open(Cancel);
        Assert.Equal(store.IndexBytes, again.IndexBytes);
        for (var i = 0; i < 10; i++)
        {
            await again.DeleteAsync("bucket", $"k{i}", Cancel);
        }

        Begin(again, "bucket");
        again.DeleteBucket("bucket");
        Assert.Equal(0, again.IndexBytes);
    }

    [Fact]
    public void What_ends_twice_ends_once()
    {
        var store = Store();
        var upload = Begin(store, "bucket");
        store.Uploads.AbortUpload("bucket", "big", upload.Id);
        Assert.Equal("NoSuchUpload", Assert.Throws<S3Exception>(() => store.Uploads.AbortUpload("bucket", "big", upload.Id)).Code);
        store.DeleteBucket("bucket");
        Assert.Equal("NoSuchBucket", Assert.Throws<S3Exception>(() => store.DeleteBucket("bucket")).Code);
        Assert.Equal(0, store.IndexBytes);
    }

    [Fact]
    public async Task The_index_forgets_nothing_of_an_object()
    {
        var store = Store();
        var put = new PutOptions
        {
            ContentType = "text/plain",
            UserMetadata = new() { ["a"] = "1", ["b"] = "" },
            Headers = new() { ["Cache-Control"] = "no-store" },
            Algorithms = ["crc32", "sha256"],
            ChecksumType = "FULL_OBJECT",
            Tags = new() { ["t"] = "v" },
            Parts = [new(1, 1, new() { ["crc32"] = "AAAA" }), new(3, 0, [])],
            ETag = "00000000000000000000000000000001-2",
        };
        await PutAsync(store, "bucket", "k", "x", put);
        foreach (var opened in new[] { store, new ObjectStore(_root, TimeProvider.System) })
        {
            var info = (await opened.HeadAsync("bucket", "k", Cancel))!;
            Assert.Equal((put.ETag, 1, "text/plain", "FULL_OBJECT"), (info.ETag, info.Size, info.ContentType, info.ChecksumType));
            Assert.Equal(put.UserMetadata, info.UserMetadata);
            Assert.Equal(put.Headers, info.Headers);
            Assert.Equal(put.Tags, info.Tags);
            Assert.Equal(["crc32", "sha256"], info.Checksums.Keys.Order());
            Assert.Equal([(1, 1, "AAAA"), (3, 0, null)], info.Parts!.Select(p => (p.Number, p.Size, p.Checksums.GetValueOrDefault("crc32"))));
            Assert.Equal(TimeSpan.Zero, info.LastModified.Offset);
        }
    }

    private ObjectStore Store(TimeProvider? clock = null, ObjectOptions? options = null)
    {
        var store = new ObjectStore(_root, clock ?? TimeProvider.System, options);
        foreach (var bucket in new[] { "bucket", "other", "empty" })
        {
            store.CreateBucket(bucket, "123456789012", "us-east-1");
        }

        return store;
    }

    private static UploadInfo Begin(ObjectStore store, string bucket) =>
        store.Uploads.CreateUpload(bucket, new UploadInfo { Id = "", Key = "big", Initiated = default });

    private static async Task PutAsync(ObjectStore store, string bucket, string key, string content, PutOptions? options = null)
    {
        using var body = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content));
        await store.PutAsync(bucket, key, body, options ?? new PutOptions(), Cancel);
    }

    private static async Task<string> ReadAsync(ObjectStore store, string bucket, string key)
    {
        using var reader = new StreamReader(store.OpenRead(bucket, key, out _)!);
        return await reader.ReadToEndAsync(Cancel);
    }
}
