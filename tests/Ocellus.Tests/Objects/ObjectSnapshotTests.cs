using System.Text;
using Ocellus.Objects;
using Ocellus.Objects.Files;
using Ocellus.Tests.Hosting;

namespace Ocellus.Tests.Objects;

public sealed class ObjectSnapshotTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "ocellus-snapshots-" + Guid.NewGuid().ToString("N"));
    private readonly ObjectStore _store;

    public ObjectSnapshotTests()
    {
        _store = new ObjectStore(Root, TimeProvider.System);
        _store.CreateBucket("bucket", "123456789012", "us-east-1");
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Root => Path.Combine(_folder, "objects");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_linked_file_keeps_its_content_when_the_object_is_overwritten_and_deleted()
    {
        await PutAsync("k", "old");
        var target = Path.Combine(_folder, "snapshot");
        Assert.True(_store.TryLink("bucket", "k", target));
        await PutAsync("k", "newer");
        Assert.Equal("old", await File.ReadAllTextAsync(target, Cancel));
        await _store.DeleteAsync("bucket", "k", Cancel);
        Assert.Equal("old", await File.ReadAllTextAsync(target, Cancel));
        File.Delete(target);
    }

    [Fact]
    public async Task Deleting_the_linked_file_leaves_the_object()
    {
        await PutAsync("k", "old");
        var target = Path.Combine(_folder, "snapshot");
        Assert.True(_store.TryLink("bucket", "k", target));
        File.Delete(target);
        await using var read = _store.OpenRead("bucket", "k", out _);
        using var text = new StreamReader(read!);
        Assert.Equal("old", await text.ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task No_object_or_no_bucket_gives_false_and_no_file()
    {
        await PutAsync("k", "x");
        var target = Path.Combine(_folder, "snapshot");
        Assert.False(_store.TryLink("bucket", "none", target));
        Assert.False(_store.TryLink("absent", "k", target));
        Assert.False(File.Exists(target));
    }

    [Fact]
    public async Task A_target_that_is_there_is_not_touched()
    {
        await PutAsync("k", "x");
        var target = Path.Combine(_folder, "snapshot");
        await File.WriteAllTextAsync(target, "mine", Cancel);
        Assert.Throws<IOException>(() => _store.TryLink("bucket", "k", target));
        Assert.Equal("mine", await File.ReadAllTextAsync(target, Cancel));
    }

    [Fact]
    public async Task Another_file_system_gets_a_copy()
    {
        const string other = "/dev/shm";
        Assert.SkipUnless(Directory.Exists(other), "There is no second file system to copy to.");
        await PutAsync("k", "copied");
        var target = Path.Combine(other, "ocellus-" + Guid.NewGuid().ToString("N"));
        try
        {
            Assert.True(_store.TryLink("bucket", "k", target));
            Assert.Equal("copied", await File.ReadAllTextAsync(target, Cancel));
        }
        finally
        {
            File.Delete(target);
        }
    }

    [Fact]
    public async Task Data_files_are_read_only()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions.");
            return;
        }

        await PutAsync("k", "x");
        var data = Directory.GetFiles(Root, "*.data", SearchOption.AllDirectories);
        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(Assert.Single(data)) & (UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }

    [Fact]
    public async Task A_file_becomes_an_object()
    {
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "hello", Cancel);
        await new EmbeddedObjects(_store).PutFileAsync("bucket", "k", file, "text/plain", Cancel);
        var info = (await _store.HeadAsync("bucket", "k", Cancel))!;
        Assert.Equal(("5d41402abc4b2a76b9719d911017c592", 5, "text/plain"), (info.ETag, info.Size, info.ContentType));
    }

    [Fact]
    public async Task What_a_crash_left_is_swept_when_the_store_is_opened_again()
    {
        await PutAsync("k", "kept");
        var upload = _store.Uploads.CreateUpload("bucket", new UploadInfo { Id = "", Key = "big", Initiated = default });
        using (var body = new MemoryStream("part"u8.ToArray()))
        {
            await _store.Uploads.PutPartAsync("bucket", "big", upload.Id, 1, body, new PutOptions(), Cancel);
        }

        var before = Files();
        var shard = Path.GetDirectoryName(
            before.First(f => f.EndsWith(".data", StringComparison.Ordinal) && !f.Contains(".uploads", StringComparison.Ordinal)))!;
        var uploadFolder = Path.Combine(Root, "bucket", ".uploads", upload.Id);
        string[] left =
        [
            Path.Combine(shard, Path.GetFileName(shard) + "0.0123.data"),
            Path.Combine(shard, Path.GetFileName(shard) + "0.0123.data.json.tmp"),
            Path.Combine(uploadFolder, "2.0123.data"),
            Path.Combine(uploadFolder, "2.json.0123.tmp"),
        ];
        foreach (var file in left)
        {
            await File.WriteAllTextAsync(file, "{", Cancel);
        }

        var forgotten = Directory.CreateDirectory(Path.Combine(Root, "bucket", ".uploads", Guid.NewGuid().ToString("N"))).FullName;
        await File.WriteAllTextAsync(Path.Combine(forgotten, "1.0123.data"), "x", Cancel);

        var again = new ObjectStore(Root, TimeProvider.System);
        again.Open(Cancel);
        Assert.Equal(before, Files());
        Assert.False(Directory.Exists(forgotten));
        Assert.Equal("k", Assert.Single(again.List("bucket", "", null, null, 10).Objects).Key);
        Assert.Equal(1, Assert.Single(again.Uploads.Parts("bucket", "big", upload.Id)).Number);
    }

    private List<string> Files() => [.. Directory.GetFiles(Root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private async Task PutAsync(string key, string content)
    {
        using var body = new MemoryStream(Encoding.UTF8.GetBytes(content));
        await _store.PutAsync("bucket", key, body, new PutOptions(), Cancel);
    }
}
