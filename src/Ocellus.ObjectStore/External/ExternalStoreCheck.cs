using Microsoft.Extensions.Options;

namespace Ocellus.Objects.External;

/// <summary>Logs at the start whether the external store answers and knows the keys: later a wrong key looks like a bucket that does not exist.</summary>
internal sealed partial class ExternalStoreCheck(
    ExternalObjectStore objects, IOptions<ExternalStoreOptions> options, ILogger<ExternalStoreCheck> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await objects.CheckAsync(stoppingToken);
            Answers(log, options.Value.Endpoint);
        }
        catch (Exception failure) when (failure is S3Exception or IOException)
        {
            DoesNotAnswer(log, failure.Message);
        }
    }

    [LoggerMessage(1321, LogLevel.Information, "Objects are kept in the outside store {Endpoint}")]
    private static partial void Answers(ILogger log, string endpoint);

    [LoggerMessage(1322, LogLevel.Warning, "The outside object store cannot be used: {Reason}")]
    private static partial void DoesNotAnswer(ILogger log, string reason);
}
