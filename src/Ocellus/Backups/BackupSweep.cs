using Ocellus.Storage;

namespace Ocellus.Backups;

/// <summary>Removes what a backup that was killed left in the data directory: its links would keep the data of deleted objects for ever.</summary>
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

    [LoggerMessage(1601, LogLevel.Warning, "{Folder}, which a backup left, could not be removed")]
    private static partial void NotSwept(ILogger log, Exception failure, string folder);
}
