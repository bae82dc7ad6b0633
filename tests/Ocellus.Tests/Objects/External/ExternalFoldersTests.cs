using System.Net;
using Microsoft.Extensions.Options;
using Ocellus.Objects;
using Ocellus.Objects.External;

namespace Ocellus.Tests.Objects.External;

/// <summary>The embedded store of a server stands for the external one.</summary>
public sealed class ExternalFoldersTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-kept-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_folder_comes_back_as_it_was_kept_last()
    {
        await using var store = await TestServer.StartAsync();
        using var folders = new ExternalFolders(OptionsOf(store));
        var folder = Folder("one", ("job.json", "{}"), ("start/model.onnx", "model"), ("checkpoint/a.tmp", "half"), ("checkpoint/b", "1"));
        await folders.PutAsync("jobs/v-1", folder, f => !f.EndsWith(".tmp", StringComparison.Ordinal), Cancel);
        await File.WriteAllTextAsync(Path.Combine(folder, "checkpoint", "b"), "2", Cancel);
        var revision = await folders.PutAsync("jobs/v-1", folder, f => !f.EndsWith(".tmp", StringComparison.Ordinal), Cancel);

        Assert.Equal(revision, await folders.RevisionAsync("jobs/v-1", Cancel));
        var copy = Path.Combine(_top, "copy");
        Assert.True(await folders.FetchAsync("jobs/v-1", copy, Cancel));
        Assert.Equal(["checkpoint/b: 2", "job.json: {}", "start/model.onnx: model"], Content(copy));
        // What the first one had and the second has not is gone: four objects are left.
        Assert.Equal(4, await CountAsync(store));

        await folders.RemoveAsync("jobs/v-1", Cancel);
        Assert.Equal(0, await CountAsync(store));
        Assert.False(await folders.FetchAsync("jobs/v-1", copy, Cancel));
        Assert.Null(await folders.RevisionAsync("jobs/v-1", Cancel));
        Assert.Equal(3, Content(copy).Length);
    }

    [Fact]
    public async Task A_file_that_is_damaged_in_the_store_is_refused_and_the_copy_stays()
    {
        await using var store = await TestServer.StartAsync();
        using var folders = new ExternalFolders(OptionsOf(store));
        await folders.PutAsync("models/1/v-1", Folder("one", ("model.onnx", "model")), _ => true, Cancel);
        var key = (await KeysAsync(store)).Single(k => !k.EndsWith("folder.json", StringComparison.Ordinal));
        await store.PutObjectAsync("ocellus-internal", key, "other"u8.ToArray());
        var copy = Folder("copy", ("model.onnx", "older"));

        await Assert.ThrowsAsync<IOException>(() => folders.FetchAsync("models/1/v-1", copy, Cancel));
        Assert.Equal(["model.onnx: older"], Content(copy));
        Assert.Equal(["copy", "one"], Directory.GetDirectories(_top).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_store_that_does_not_answer_is_told_as_such()
    {
        using var folders = new ExternalFolders(new() { Endpoint = "http://127.0.0.1:1", AccessKey = "a", SecretKey = "b" });
        await Assert.ThrowsAsync<StoreUnreachableException>(() => folders.RevisionAsync("x", Cancel));
    }

    [Fact]
    public async Task Nobody_reads_or_writes_what_the_product_keeps_for_itself()
    {
        await using var store = await TestServer.StartAsync();
        using var folders = new ExternalFolders(OptionsOf(store));
        await folders.WriteAsync("secret.key", "hush"u8.ToArray(), Cancel);
        using var objects = new ExternalObjectStore(Options.Create(OptionsOf(store)));

        Assert.Null(await objects.FindBucketAsync("ocellus-internal", Cancel));
        Assert.False(await objects.ExistsAsync("ocellus-internal", "secret.key", Cancel));
        Assert.Null(await objects.OpenReadAsync("ocellus-internal", "secret.key", Cancel));
        Assert.False(await objects.FetchAsync("ocellus-internal", "secret.key", Path.Combine(_top, "file"), Cancel));
        await Assert.ThrowsAsync<S3Exception>(() => objects.PutAsync("ocellus-internal", "secret.key", new MemoryStream([1]), "text/plain", Cancel));
        Assert.Equal("hush"u8.ToArray(), await folders.ReadAsync("secret.key", Cancel));
    }

    private static ExternalStoreOptions OptionsOf(TestServer store) =>
        new() { Endpoint = store.BaseAddress.GetLeftPart(UriPartial.Authority), AccessKey = store.Signer.AccessKeyId, SecretKey = store.Signer.Secret };

    private static async Task<int> CountAsync(TestServer store) => (await KeysAsync(store)).Length;

    private static async Task<string[]> KeysAsync(TestServer store)
    {
        using var response = await store.SendS3Async(HttpMethod.Get, "/ocellus-internal");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return [.. (await TestServer.XmlAsync(response)).Descendants().Where(e => e.Name.LocalName == "Key").Select(e => e.Value)];
    }

    private static string[] Content(string folder) =>
        [
            .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                .Select(f => $"{Path.GetRelativePath(folder, f).Replace('\\', '/')}: {File.ReadAllText(f)}").Order(StringComparer.Ordinal),
        ];

    private string Folder(string name, params (string Path, string Text)[] files)
    {
        foreach (var (path, text) in files)
        {
            var file = Path.Combine(_top, name, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        return Path.Combine(_top, name);
    }
}
