using Dapper;
using Microsoft.Data.Sqlite;
using Ocellus.Commands;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Tests.Commands;

namespace Ocellus.Tests.Storage;

/// <summary>A database that a later version wrote is left alone by everything that opens one.</summary>
public sealed class SchemaJournalTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "ocellus-later-" + Guid.NewGuid().ToString("N"));

    public SchemaJournalTests()
    {
        DataDirectory.Open(_folder).Dispose();
        using var connection = new SqliteConnection($"Data Source={DataDirectory.DatabaseOf(_folder)};Pooling=False");
        connection.Execute(
            "INSERT INTO SchemaVersions (ScriptName, Applied) VALUES ('Ocellus.Storage.Migrations.0099_far.sql', '2030-01-01'); DROP TABLE "
                + "access_key_policies");
        connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    [Fact]
    public void The_server_does_not_start_and_says_which_change_it_does_not_know()
    {
        var before = State();

        var refusal = Assert.Throws<InvalidOperationException>(() => DataDirectory.Open(_folder));

        Assert.Contains("later version", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("0099_far", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(SchemaJournal.ProgramVersion, refusal.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => DataDirectory.Attach(_folder));
        Assert.Equal(before, State());
        // Nothing is held either: the later version can start.
        Assert.False(DataDirectory.IsHeld(_folder));
    }

    [Theory]
    [InlineData("keys", "list")]
    [InlineData("keys", "create", "--name", "a", "--policy", "inference")]
    [InlineData("export", "arn:aws:rekognition:us-east-1:123456789012:project/a/version/b/1", "--out", "model.zip")]
    [InlineData("backup", "--out", "backup.tar")]
    public async Task Every_verb_refuses(params string[] words)
    {
        var before = State();

        var end = await CommandLineTests.RunAsync(Path.GetTempPath(), [.. words, "--data", _folder]);

        Assert.Equal(ExitCodes.Refused, end.Code);
        Assert.Contains("later version", end.Errors, StringComparison.Ordinal);
        Assert.Equal(before, State());
    }

    [Fact]
    public void The_doctor_finds_it()
    {
        var finding = MachineCheck.Database(_folder);
        Assert.Equal(FindingState.Problem, finding.State);
        Assert.Contains("0099_far", finding.Found, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Names, sizes, modes and content of all files.</summary>
    private string State() => string.Join('\n', Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        .Select(f => $"{f} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f)))} {File.GetLastWriteTimeUtc(f):O}"));
}
