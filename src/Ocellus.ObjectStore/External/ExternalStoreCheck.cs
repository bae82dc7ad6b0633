using Microsoft.Extensions.Options;

namespace Ocellus.Objects.External;

/// <summary>Logs at startup whether the external store responds and knows the key. Later, a wrong key would look like a missing bucket.</summary>
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

    [LoggerMessage(1321, LogLevel.Information, "Objects are stored in the external object store {Endpoint}")]
    private static partial void Answers(ILogger log, string endpoint);

    [LoggerMessage(1322, LogLevel.Warning, "The external object store cannot be used: {Reason}")]
    private static partial void DoesNotAnswer(ILogger log, string reason);
}
