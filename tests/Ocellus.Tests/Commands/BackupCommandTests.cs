using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Backups;
using Ocellus.Commands;
using Ocellus.Objects.Files;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Commands;

public sealed class BackupCommandTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Archive => Path.Combine(_top, "b.tar");

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public async Task A_backup_beside_a_running_server_comes_back_whole()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("images");
        await server.CreateBucketAsync("gone");
        foreach (var (key, content) in new[] { ("a/ä?*", "first"), ("empty", ""), ("twice", "old"), ("twice", "new"), ("deleted", "x") })
        {
            await server.PutObjectAsync("images", key, Encoding.UTF8.GetBytes(content));
        }

        using (await server.SendS3Async(HttpMethod.Delete, "/images/deleted"))
        using (await server.SendS3Async(HttpMethod.Delete, "/gone"))
        using (await server.SendS3Async(HttpMethod.Post, "/images/unfinished", "uploads="))
        {
        }

        var running = await server.TrainedVersionAsync();
        await server.StartVersionAsync(running);
        await server.WaitForStatusAsync(running, ProjectVersionStatus.RUNNING);

        var end = await CommandLineTests.RunAsync(_top, "backup", "--data", server.DataPath, "--out", "b.tar", "--json");
        Assert.True(end.Code == 0, end.Errors);
        var told = JsonNode.Parse(end.Output)!;
        Assert.Equal((Archive, 0), ((string?)told["backup"], (int)told["damagedObjects"]!));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(FileSystem.PrivateFile, File.GetUnixFileMode(Archive));
        }

        Assert.False(Directory.Exists(Path.Combine(server.DataPath, BackupSnapshot.FolderName)));
        // The server goes on, and what it does now is not in the backup.
        await server.PutObjectAsync("images", "later", [1]);

        end = await CommandLineTests.RunAsync(_top, "restore", "--in", "b.tar", "--data", "restored", "--json");
        Assert.True(end.Code == 0, end.Errors);
        var restored = Path.Combine(_top, "restored");
        Assert.False(File.Exists(Path.Combine(restored, BackupFormat.Sums)));
        using (var data = DataDirectory.Open(restored))
        {
            var store = new ObjectStore(data.ObjectsPath, TimeProvider.System);
            Assert.Equal(["images"], store.Buckets().Select(b => b.Name));
            Assert.Equal(["a/ä?*", "empty", "twice"], store.List("images", "", null, null, 10).Objects.Select(o => o.Key));
            Assert.Equal("new", Read(store, "twice"));
            Assert.Equal("", Read(store, "empty"));
            Assert.Equal("first", Read(store, "a/ä?*"));
        }

        // The same key opens it, and the model runs again without being started.
        await server.RestartAsync(() =>
        {
            Directory.Delete(server.DataPath, recursive: true);
            Directory.Move(restored, server.DataPath);
        });
        await server.WaitForStatusAsync(running, ProjectVersionStatus.RUNNING);
        Assert.NotEmpty((await server.DetectAsync(running, TinyModel.Png(0))).Names());
    }

    [Fact]
    public async Task What_is_there_is_replaced_only_when_it_is_said()
    {
        await using var server = await TestServer.StartAsync();
        await File.WriteAllTextAsync(Archive, "mine", Cancel);

        var end = await CommandLineTests.RunAsync(_top, "backup", "--data", server.DataPath, "--out", "b.tar");
        Assert.Equal((ExitCodes.Refused, "mine"), (end.Code, await File.ReadAllTextAsync(Archive, Cancel)));
        Assert.Contains("--force", end.Errors, StringComparison.Ordinal);

        end = await CommandLineTests.RunAsync(_top, "backup", "--data", server.DataPath, "--out", "b.tar", "--force");
        Assert.True(end.Code == 0, end.Errors);
        Assert.Contains("secrets", end.Errors, StringComparison.Ordinal);

        Directory.CreateDirectory(Path.Combine(_top, "full", "of"));
        end = await CommandLineTests.RunAsync(_top, "restore", "--in", "b.tar", "--data", "full");
        Assert.Equal(ExitCodes.Refused, end.Code);
        Assert.Contains("not empty", end.Errors, StringComparison.Ordinal);
        Assert.Contains(
            "not a server's data directory", (await CommandLineTests.RunAsync(_top, "backup", "--data", "full", "--out", "c.tar")).Errors,
            StringComparison.Ordinal);

        Directory.CreateDirectory(Path.Combine(_top, "empty"));
        Assert.Equal(0, (await CommandLineTests.RunAsync(_top, "restore", "--in", "b.tar", "--data", "empty")).Code);
        Assert.True(File.Exists(Path.Combine(_top, "empty", "secret.key")));
    }

    [Fact]
    public async Task A_damaged_backup_restores_nothing()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("images");
        await server.PutObjectAsync("images", "a", RandomNumberGenerator.GetBytes(5000));
        Assert.Equal(0, (await CommandLineTests.RunAsync(_top, "backup", "--data", server.DataPath, "--out", "b.tar")).Code);
        var whole = await File.ReadAllBytesAsync(Archive, Cancel);

        foreach (var length in new[] { 0, 100, 512, 5000, whole.Length / 2, whole.Length - 4000, whole.Length - 1100 })
        {
            await RefusedAsync(whole[..length], $"{length} of {whole.Length} bytes");
        }

        var random = new Random(1);
        for (var i = 0; i < 40; i++)
        {
            // In what is content, not in the padding and the owner's name, which mean nothing.
            var damaged = whole.ToArray();
            var at = random.Next(whole.Length);
            damaged[at] ^= 0x55;
            try
            {
                await RefusedAsync(damaged, $"byte {at}");
            }
            catch (Xunit.Sdk.XunitException) when (Sums(damaged) is { } sums && sums.SequenceEqual(Sums(whole)!))
            {
                // Every file was the same all the same.
            }
        }
    }

    [Theory]
    [InlineData("../outside", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("/etc/outside", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("objects/images/../../outside", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("objects/images/aa/..", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("models/123456789012/../x", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("lock", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("credentials\u001b[2J", TarEntryType.RegularFile, "not a file of a data directory")]
    [InlineData("credentials", TarEntryType.SymbolicLink, "files only")]
    [InlineData("credentials", TarEntryType.HardLink, "files only")]
    [InlineData("objects", TarEntryType.Directory, "files only")]
    [InlineData("credentials", TarEntryType.RegularFile, "has no checksum")]
    [InlineData("ocellus.db", TarEntryType.RegularFile, "in it twice")]
    public void What_a_backup_may_not_hold_is_refused(string name, TarEntryType type, string words)
    {
        Write(("ocellus.db", TarEntryType.RegularFile), (name, type));
        var folder = Directory.CreateDirectory(Path.Combine(_top, "in")).FullName;

        var refusal = Assert.Throws<InvalidDataException>(() => BackupReader.Extract(Archive, folder, _ => { }, Cancel));

        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', refusal.Message);
        Assert.Equal(["b.tar", "in"], Directory.EnumerateFileSystemEntries(_top).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_backup_of_a_later_version_is_refused_with_its_name()
    {
        Write("""{"format":1,"version":"9.7.1","created":"2030-01-01T00:00:00Z","schema":["Ocellus.Storage.Migrations.0099_far.sql"]}""");
        var refusal = Assert.Throws<CommandRefusedException>(() => BackupReader.Extract(Archive, _top, _ => { }, Cancel));
        Assert.Contains("9.7.1", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("0099_far", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_killed_backup_left_is_removed_by_the_next_start()
    {
        await using var server = await TestServer.StartAsync();
        var left = Path.Combine(server.DataPath, BackupSnapshot.FolderName);
        await server.RestartAsync(() =>
        {
            Directory.CreateDirectory(Path.Combine(left, "files", "objects", "b", "00"));
            File.WriteAllText(Path.Combine(left, "lock"), "");
        });
        for (var i = 0; Directory.Exists(left); i++)
        {
            Assert.True(i < 600);
            await Task.Delay(50, Cancel);
        }
    }

    [Fact]
    public async Task A_training_under_way_is_in_the_backup_with_all_that_it_begins_with()
    {
        await using var server = await TestServer.StartAsync();
        var job = Directory.CreateDirectory(Path.Combine(server.DataPath, "jobs", "v-one")).FullName;
        foreach (var name in new[] { "job.json", "training.manifest", "checkpoint", "training.log" })
        {
            await File.WriteAllTextAsync(Path.Combine(job, name), name, Cancel);
        }

        using var snapshot = await BackupSnapshot.TakeAsync(server.DataPath, _ => { }, TimeProvider.System, Cancel);

        Assert.Equal(
            ["job.json", "training.manifest"],
            Directory.GetFiles(Path.Combine(snapshot.Folder, "jobs", "v-one")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        // A second one at the same time is refused.
        Assert.Contains(
            "under way",
            (await Assert.ThrowsAsync<CommandRefusedException>(() => BackupSnapshot.TakeAsync(server.DataPath, _ => { }, TimeProvider.System, Cancel))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_and_objects_are_of_one_moment_under_load()
    {
        await using var server = await TestServer.StartAsync(("Ocellus:Quotas:Projects", "100000"));
        foreach (var bucket in new[] { "rows", "first", "second" })
        {
            await server.CreateBucketAsync(bucket);
        }

        var store = server.Services.GetRequiredService<ObjectStore>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var written = new int[4];
        var load = Enumerable.Range(0, 4).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                // An object before its row, and the row is gone before the object is; and of two objects the first before the second.
                var name = $"w{worker}-{i}";
                await PutAsync(store, "rows", name);
                var project = (await server.CallAsync("CreateProject", $$"""{"ProjectName":"{{name}}"}""")).Body.GetProperty("ProjectArn").GetString();
                await PutAsync(store, "first", $"w{worker}", i);
                await PutAsync(store, "second", $"w{worker}", i);
                if (i % 3 == 0)
                {
                    await server.CallAsync("DeleteProject", $$"""{"ProjectArn":"{{project}}"}""");
                    await store.DeleteAsync("rows", name, Cancel);
                }

                Interlocked.Increment(ref written[worker]);
            }
        }, Cancel)).ToList();
        try
        {
            for (var round = 0; round < 3; round++)
            {
                // Each of them: on a busy machine one may not have begun when the others have written a lot.
                for (var worker = 0; worker < written.Length; worker++)
                {
                    var enough = Volatile.Read(ref written[worker]) + 5;
                    while (Volatile.Read(ref written[worker]) < enough && !load[worker].IsCompleted)
                    {
                        await Task.Delay(20, Cancel);
                    }
                }

                // A moment that lasts: whatever is not held back then shows.
                using var snapshot = await BackupSnapshot.TakeAsync(
                    server.DataPath, _ => { }, TimeProvider.System, Cancel, () => Task.Delay(300, Cancel).GetAwaiter().GetResult());
                var copy = new ObjectStore(DataDirectory.ObjectsOf(snapshot.Folder), TimeProvider.System);
                using var connection = new SqliteConnection($"Data Source={DataDirectory.DatabaseOf(snapshot.Folder)};Pooling=False;Mode=ReadOnly");
                List<string> names = [.. connection.Query<string>("SELECT name FROM projects WHERE name LIKE 'w%'")];
                Assert.NotEmpty(names);
                foreach (var name in names)
                {
                    Assert.Equal(name, Read(copy, name, "rows"));
                }

                for (var worker = 0; worker < 4; worker++)
                {
                    int first = int.Parse(Read(copy, $"w{worker}", "first"), null), second = int.Parse(Read(copy, $"w{worker}", "second"), null);
                    Assert.InRange(first - second, 0, 1);
                }

                Assert.Equal(0, snapshot.Damaged);
            }
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(load);
        }
    }

    private static async Task PutAsync(ObjectStore store, string bucket, string key, int? content = null)
    {
        using var stream = new MemoryStream(Encoding.ASCII.GetBytes(content?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? key));
        await store.PutAsync(bucket, key, stream, new PutOptions(), Cancel);
    }

    private static string Read(ObjectStore store, string key, string bucket = "images")
    {
        using var reader = new StreamReader(store.OpenRead(bucket, key, out _) ?? throw new InvalidOperationException($"{bucket}/{key} is not there"));
        return reader.ReadToEnd();
    }

    private async Task RefusedAsync(byte[] archive, string what)
    {
        await File.WriteAllBytesAsync(Archive, archive, Cancel);
        var folder = Directory.CreateDirectory(Path.Combine(_top, Guid.NewGuid().ToString("N"))).FullName;
        var failure = Record.Exception(() => BackupReader.Extract(Archive, folder, _ => { }, Cancel));
        Assert.True(failure is InvalidDataException or CommandRefusedException, $"{what}: {failure}");
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Names and sums of an archive's files; null if it cannot be read.</summary>
    private static List<string>? Sums(byte[] archive)
    {
        try
        {
            using var tar = new TarReader(new MemoryStream(archive));
            List<string> sums = [];
            while (tar.GetNextEntry() is { } entry)
            {
                sums.Add($"{entry.Name} {Convert.ToHexString(SHA256.HashData(entry.DataStream ?? Stream.Null))}");
            }

            return sums;
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            return null;
        }
    }

    private void Write(params (string Name, TarEntryType Type)[] entries) =>
        Write(
            JsonSerializer.Serialize(new BackupDescription(1, "1.0.0", DateTimeOffset.UnixEpoch, SchemaJournal.Known), BackupJson.Default.BackupDescription),
            entries);

    private void Write(string description, params (string Name, TarEntryType Type)[] entries)
    {
        using var stream = File.Create(Archive);
        using var tar = new TarWriter(stream, TarEntryFormat.Pax);
        tar.WriteEntry(
            new PaxTarEntry(TarEntryType.RegularFile, BackupFormat.Description) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(description)) });
        foreach (var (name, type) in entries)
        {
            var entry = new PaxTarEntry(type, name);
            if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            {
                entry.LinkName = "/etc/passwd";
            }

            tar.WriteEntry(entry);
        }

        var sums = $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(description)))}  "
            + $"{BackupFormat.Description}\n{Convert.ToHexStringLower(SHA256.HashData([]))}  ocellus.db\n";
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, BackupFormat.Sums) { DataStream = new MemoryStream(Encoding.ASCII.GetBytes(sums)) });
    }
}
