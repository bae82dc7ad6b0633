using Ocellus.Storage;

namespace Ocellus.Tests.Storage;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class DirectoryPrivacyTests : IDisposable
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "ocellus-private-" + Guid.NewGuid().ToString("N"));

    public DirectoryPrivacyTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "no modes here");

    [Fact]
    public async Task Whatever_a_server_makes_is_its_user_s_alone()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("images");
        await server.PutObjectAsync("images", "a", [1]);

        AssertPrivate(server.DataPath, 0);
    }

    [Fact]
    public async Task What_an_earlier_version_left_open_is_closed_at_the_start()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("images");
        await server.PutObjectAsync("images", "a", [1]);
        await server.RestartAsync(() =>
        {
            // Where a repair puts what is damaged, and what else a data directory may have.
            foreach (var name in new[] { "damaged", "drawings", ".backup" })
            {
                Directory.CreateDirectory(Path.Combine(server.DataPath, name));
            }

            Open(server.DataPath);
            File.Delete(Path.Combine(server.DataPath, ".gitignore"));
        });

        // What lies deeper nobody reaches: nothing is walked through, however much it is.
        AssertPrivate(server.DataPath, 0, deep: false);
        Assert.Equal("*", (await File.ReadAllLinesAsync(Path.Combine(server.DataPath, ".gitignore"), TestContext.Current.CancellationToken))[^1]);
    }

    [Fact]
    public void A_folder_that_is_also_for_something_else_keeps_its_rights_and_the_user_is_told()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "src"));
        File.SetUnixFileMode(
            _folder, FileSystem.PrivateFolder | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

        using (var data = DataDirectory.Open(_folder))
        {
            Assert.Contains("'src'", Assert.Single(data.Warnings), StringComparison.Ordinal);
        }

        Assert.NotEqual((UnixFileMode)0, File.GetUnixFileMode(_folder) & Others);
        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(Path.Combine(_folder, "ocellus.db")) & Others);
        // Its own repository is not to lose sight of everything in it.
        Assert.False(File.Exists(Path.Combine(_folder, ".gitignore")));
    }

    [Fact]
    public void A_gitignore_of_one_s_own_stays()
    {
        Directory.CreateDirectory(_folder);
        File.WriteAllText(Path.Combine(_folder, ".gitignore"), "mine");
        DataDirectory.Open(_folder).Dispose();
        Assert.Equal("mine", File.ReadAllText(Path.Combine(_folder, ".gitignore")));
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static void Open(string path)
    {
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | Others);
        foreach (var entry in Directory.EnumerateFileSystemEntries(path, "*", SearchOption.AllDirectories).ToList())
        {
            File.SetUnixFileMode(entry, File.GetUnixFileMode(entry) | Others);
        }
    }

    private static void AssertPrivate(string path, UnixFileMode others, bool deep = true)
    {
        Assert.Equal(others, File.GetUnixFileMode(path) & Others);
        List<string> entries = [.. Directory.EnumerateFileSystemEntries(path, "*", deep ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly)];
        Assert.True(TestDatabase.IsPostgres || entries.Any(e => e.EndsWith("ocellus.db-wal", StringComparison.Ordinal)));
        Assert.DoesNotContain(entries, e => !e.EndsWith(".gitignore", StringComparison.Ordinal) && RightsOfOthers(e) is { } rights && rights != others);
    }

    /// <summary>What others may do with an entry; null if the server has removed it since it was listed.</summary>
    private static UnixFileMode? RightsOfOthers(string path)
    {
        try
        {
            return File.GetUnixFileMode(path) & Others;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
