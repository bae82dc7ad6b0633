using Ocellus.Storage;
using Ocellus.Work;

namespace Ocellus.Projects;

/// <summary>Removes versions that are DELETING and, at start, the folders that a crash left without a version.</summary>
internal sealed partial class VersionRemoval(VersionCatalog versions, DataDirectory data, TimeProvider clock, ILogger<VersionRemoval> log) : BackgroundService
{
    /// <summary>Prefix of the names of versions' folders; nothing else is ever swept.</summary>
    public const string FolderPrefix = "v-";

    /// <summary>Polls for work this often even without a wake-up, and so retries after a failure.</summary>
    private static readonly TimeSpan _pollEvery = TimeSpan.FromSeconds(20);

    private readonly WakeSignal _wakes = new(clock);

    /// <summary>Wakes the worker: something is due.</summary>
    public void Wake() => _wakes.Wake();

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before any request is accepted, so that the folder of a new version is never among them.
        await SweepAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _wakes.LoopAsync(_pollEvery, () => WorkAsync(stoppingToken), failure => PollFailed(log, failure, _pollEvery.TotalSeconds), stoppingToken);

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        foreach (var version in await versions.InAsync([ProjectVersionStatus.DELETING], stoppingToken))
        {
            try
            {
                // Files first: a row without files is deleted again after a crash, files without a row would stay.
                using (await data.Barrier.EnterAsync(stoppingToken))
                {
                    await data.Models.RemoveAsync(version.AccountId, version.Folder, stoppingToken);
                    FileSystem.RemoveFolder(Path.Combine(data.JobsPath, version.Folder));
                }

                await data.Models.Store.RemoveAsync($"jobs/{version.Folder}", stoppingToken);

                await versions.RemoveAsync(version.Arn, stoppingToken);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or System.Data.Common.DbException)
            {
                NotRemoved(log, failure, version.Arn);
            }
        }
    }

    private async Task SweepAsync(CancellationToken cancel)
    {
        var known = await versions.FoldersAsync(cancel);
        foreach (var folder in Folders(data.JobsPath).Concat(Folders(data.ModelsPath).SelectMany(Folders))
            .Where(f => Path.GetFileName(f).StartsWith(FolderPrefix, StringComparison.Ordinal) && !known.Contains(Path.GetFileName(f))))
        {
            try
            {
                FileSystem.RemoveFolder(folder);
                Swept(log, folder);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Leftovers do no harm.
                NotSwept(log, failure, folder);
            }
        }
    }

    private static string[] Folders(string path) => Directory.Exists(path) ? Directory.GetDirectories(path) : [];

    [LoggerMessage(1401, LogLevel.Error, "{ProjectVersionArn} could not be removed; it will be tried again later")]
    private static partial void NotRemoved(ILogger log, Exception failure, string projectVersionArn);

    [LoggerMessage(1402, LogLevel.Information, "Removed {Folder}, which belongs to no version")]
    private static partial void Swept(ILogger log, string folder);

    [LoggerMessage(1404, LogLevel.Warning, "{Folder} belongs to no version and could not be removed; the next start tries again")]
    private static partial void NotSwept(ILogger log, Exception failure, string folder);

    [LoggerMessage(1403, LogLevel.Error, "The database could not be read or written; trying again within {RetrySeconds} s")]
    private static partial void PollFailed(ILogger log, Exception failure, double retrySeconds);
}
