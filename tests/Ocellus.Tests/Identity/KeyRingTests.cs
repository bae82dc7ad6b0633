using System.Text;
using Ocellus.Identity;

namespace Ocellus.Tests.Identity;

public sealed class KeyRingTests
{
    [Fact]
    public async Task The_secret_is_nowhere_in_the_database_and_its_key_is_for_the_owner_only()
    {
        await using var server = await TestServer.StartAsync();
        AssertAbsent(server, server.Signer.Secret);
        await server.RestartAsync(() => AssertAbsent(server, server.Signer.Secret));
        Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}")).Status);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(server.DataPath, SecretBox.FileName)));
        }
    }

    [Fact]
    public async Task A_plain_secret_of_an_earlier_version_is_encrypted_at_start_and_keeps_working()
    {
        const string plain = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        await using var server = await TestServer.StartAsync();
        var id = server.Signer.AccessKeyId;
        await server.RestartAsync(() =>
        {
            Execute(server, $"UPDATE access_keys SET secret = '{plain}'");
            File.Delete(Path.Combine(server.DataPath, SecretBox.FileName));
        });
        Assert.Equal((id, plain), (server.Signer.AccessKeyId, server.Signer.Secret));
        Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}")).Status);
        AssertAbsent(server, plain);
    }

    [Fact]
    public async Task A_lost_key_file_stops_the_start_and_says_what_to_do()
    {
        await using var server = await TestServer.StartAsync();
        var path = Path.Combine(server.DataPath, SecretBox.FileName);
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => server.RestartAsync(() => File.Delete(path)));
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("backup", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task The_key_file_of_another_server_stops_the_start()
    {
        await using var server = await TestServer.StartAsync();
        var path = Path.Combine(server.DataPath, SecretBox.FileName);
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(
            () => server.RestartAsync(() => File.WriteAllText(path, Convert.ToBase64String(new byte[32]))));
        Assert.Contains(server.Signer.AccessKeyId, refusal.Message, StringComparison.Ordinal);
        var broken = await Assert.ThrowsAsync<InvalidOperationException>(() => server.RestartAsync(() => File.WriteAllText(path, "none")));
        Assert.Contains("4 characters were found", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sealed_secret_opens_for_its_own_access_key_only()
    {
        var folder = Directory.CreateTempSubdirectory("ocellus-box-").FullName;
        try
        {
            var box = SecretBox.Open(folder, inUse: false);
            var sealedText = box.Seal("AKIAONE", "secret");
            Assert.NotEqual(sealedText, box.Seal("AKIAONE", "secret"));
            Assert.Equal("secret", SecretBox.Open(folder, inUse: true).Unseal("AKIAONE", sealedText));
            Assert.Throws<InvalidOperationException>(() => box.Unseal("AKIATWO", sealedText));
            Assert.Throws<InvalidOperationException>(() => box.Unseal("AKIAONE", "v1:AAAA"));
            Assert.Throws<InvalidOperationException>(() => box.Unseal("AKIAONE", "v1:not base64"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task An_older_state_of_the_keys_does_not_replace_a_newer_one()
    {
        await using var server = await TestServer.StartAsync();
        var key = await server.KeyAsync("app", "administrator");
        Assert.Equal(200, (await server.CallAsync(key, "DescribeProjects", "{}")).Status);

        // As a refresh sees it that began before another and ends after it.
        Execute(
            server,
            "UPDATE access_revision SET revision = revision - 1; DELETE FROM access_key_policies WHERE access_key_id <> (SELECT access_key_id FROM "
                + "access_keys WHERE is_default = 1)");
        Assert.Equal(200, (await server.CallAsync(key, "DescribeProjects", "{}")).Status);

        Execute(server, "UPDATE access_revision SET revision = revision + 2");
        Assert.Equal("AccessDeniedException", (await server.CallAsync(key, "DescribeProjects", "{}")).Error);
    }

    private static void AssertAbsent(TestServer server, string secret)
    {
        TestDatabase.RequireSqlite();
        var files = Directory.GetFiles(server.DataPath, "ocellus.db*");
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            // The server may hold it open.
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret)) < 0, $"{Path.GetFileName(file)} holds the secret");
        }

    }

    private static void Execute(TestServer server, string sql)
    {
        using var connection = TestDatabase.Connect(server.DataPath);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
