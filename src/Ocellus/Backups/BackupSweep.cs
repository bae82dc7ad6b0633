using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>Removes what a killed backup left in the data directory: its links would keep the data of deleted objects forever.</summary>
internal sealed partial class BackupSweep(DataDirectory data, ILogger<BackupSweep> log) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(Sweep, stoppingToken);

    private void Sweep()
    {
        try
        {
            BackupSnapshot.Sweep(data.Path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The next start tries again, and so does the next backup.
            NotSwept(log, failure, Path.Combine(data.Path, BackupSnapshot.FolderName));
        }
    }

    [LoggerMessage(1601, LogLevel.Warning, "{Folder}, left by a backup, could not be removed")]
    private static partial void NotSwept(ILogger log, Exception failure, string folder);
}
