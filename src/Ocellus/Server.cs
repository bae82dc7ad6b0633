using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Ocellus.Backups;
using Ocellus.Datasets;
using Ocellus.Diagnostics;
using Ocellus.Hosting;
using Ocellus.Hosting.Serving;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training;
using Ocellus.Training.Server;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus;

/// <summary>The whole server on one screen: what there is, and in which order a request meets it.</summary>
internal static class Server
{
    /// <summary>Builds a server on an open data directory. The credentials file is written before it returns.</summary>
    public static Task<WebApplication> BuildAsync(DataDirectory data, string urls, CancellationToken cancel) =>
        BuildAsync(data, urls, LogLevel.Information, [], cancel);

    /// <summary>As above, with the least level of what is logged, which goes to standard error, and with settings that come before all others.</summary>
    public static async Task<WebApplication> BuildAsync(
        DataDirectory data, string urls, LogLevel logs, IEnumerable<KeyValuePair<string, string?>> settings, CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.WebHost.UseUrls(urls.Split(';'));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Objects may have 5 GB; the API's endpoint has its own, smaller limit.
            kestrel.Limits.MaxRequestBodySize = null;
            // A key has 1,024 bytes, three characters each when encoded, and a signature in the query a few hundred; the rest is for filters, tags and
            // metadata.
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;
            // S3 has 8 KB of headers, 2 KB of them metadata; the rest is for proxies. More of either is answered with 431.
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 100;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
            // What comes beyond is closed at once; the others are served.
            kestrel.Limits.MaxConcurrentConnections = OpenFiles.ConnectionsMax(OpenFiles.Limit());
            kestrel.AddServerHeader = false;
        });
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, ReceivePool.Factory>();
        builder.Logging.ClearProviders().AddConsole(o => (o.FormatterName, o.LogToStandardErrorThreshold) = (LogLines.FormatName, LogLevel.Trace))
            .AddConsoleFormatter<LogLines, ConsoleFormatterOptions>().SetMinimumLevel(logs);
        // What the frameworks tell of themselves concerns those who look for a fault in them.
        var frameworks = logs < LogLevel.Debug || logs > LogLevel.Warning ? logs : LogLevel.Warning;
        builder.Logging.AddFilter("Microsoft", frameworks).AddFilter("Orleans", frameworks).AddFilter("Polly", frameworks)
            // They write the query of each request, and with it the signature of a link that is good for days; so they are silent at every level, whatever the
            // settings say of it.
            .AddFilter<ConsoleLoggerProvider>("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Error)
                .AddFilter<ConsoleLoggerProvider>("Microsoft.AspNetCore.Server.Kestrel.BadRequests", LogLevel.Error)
            // Each start it recommends the server's garbage collector, which trades the memory that we give back; and its watchdog warns of the time since
            // boot.
            .AddFilter("Orleans.Runtime.Silo", LogLevel.Error).AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);

        builder.Services.AddOptionsWithValidateOnStart<QuotaOptions>().BindConfiguration("Ocellus:Quotas").ValidateDataAnnotations();
        builder.Services.AddOptionsWithValidateOnStart<ThrottlingOptions>().BindConfiguration("Ocellus:Throttling").ValidateDataAnnotations();
        builder.Services.AddOptionsWithValidateOnStart<BodyOptions>().BindConfiguration(BodyOptions.Section).ValidateDataAnnotations();
        builder.Services.AddOptionsWithValidateOnStart<ApiCorsOptions>().BindConfiguration(ApiCorsOptions.Section).ValidateDataAnnotations();
        builder.Services.AddOptionsWithValidateOnStart<RegionOptions>().BindConfiguration(RegionOptions.Section).ValidateDataAnnotations();
        builder.Services.AddOptionsWithValidateOnStart<TrainingOptions>().BindConfiguration("Ocellus:Training").ValidateDataAnnotations();
        builder.AddHosting();
        builder.Services.AddMetricsPage();
        var clock = TimeProvider.System;
        var keys = await KeyRing.OpenAsync(data, cancel);
        builder.Services
            .AddSingleton(data)
            .AddSingleton(clock)
            .AddSingleton(keys)
            .AddSingleton<IKeySource>(keys)
            .AddSingleton<Regions>()
            .AddSingleton<SignatureVerifier>()
            .AddSingleton<VersionTwoVerifier>()
            .AddSingleton<RequestAuthenticator>()
            .AddSingleton<Authorizer>()
            .AddObjects(data, builder.Configuration)
            .AddSingleton<PageToken>()
            .AddSingleton<ProjectCatalog>()
            .AddSingleton<DatasetCatalog>()
            .AddSingleton<PolicyCatalog>()
            .AddSingleton<VersionCatalog>()
            .AddSingleton<DatasetJobs>()
            .AddSingleton<DatasetWorker>()
            .AddHostedService(services => services.GetRequiredService<DatasetWorker>())
            .AddSingleton<VersionRemoval>()
            .AddHostedService(services => services.GetRequiredService<VersionRemoval>())
            .AddHostedService<BackupSweep>()
            .AddSingleton<JobCatalog>()
            .AddSingleton<ImageFetch>()
            .AddSingleton<CopyWorker>()
            .AddHostedService(services => services.GetRequiredService<CopyWorker>())
            .AddSingleton<TrainingPublisher>()
            .AddSingleton<TrainingWorker>()
            .AddHostedService(services => services.GetRequiredService<TrainingWorker>())
            .AddOperations()
            .AddSingleton<RequestThrottle>()
            .AddSingleton<ApiCors>()
            .AddSingleton(s => new BodyBudget(s.GetRequiredService<IOptions<BodyOptions>>(), clock, s.GetRequiredService<FreedMemory>().Return))
            .AddSingleton<BodyReader>()
            .AddSingleton<AwsJsonEndpoint>();

        var app = builder.Build();
        keys.WarnOfUnreachable(app.Services.GetRequiredService<ILogger<KeyRing>>());
        var api = app.Services.GetRequiredService<AwsJsonEndpoint>();
        var cors = app.Services.GetRequiredService<ApiCors>();
        var stopping = app.Lifetime.ApplicationStopping;
        // Before everything that answers: no answer leaves a body on the connection.
        app.UseUnreadBodies();
        // Before anything that asks for a parameter: it then has what the signature covers.
        app.Use((http, next) =>
        {
            RequestTarget.Attach(http);
            return next(http);
        });
        app.UseMetricsPage();
        // The object store has every path but these.
        app.UseObjectStore(http => (http.Request.Method, http.Request.Path.Value) switch
        {
            // Health first: it asks for no signature. No bucket can be named so, since these paths have two parts and take GET only.
            ("GET", "/health/live") => http.Response.WriteAsync("live\n", http.RequestAborted),
            ("GET", "/health/ready") => ReadyAsync(http, stopping.IsCancellationRequested),
            // The API has one path and one method; a POST with the parameter delete is the object store's.
            ("POST", "/") when http.Request.Headers.ContainsKey("X-Amz-Target") || !http.Request.Query.ContainsKey("delete") => api.HandleAsync(http),
            // The object store has no rules for its root, and its refusal is the answer when the API has none.
            ("OPTIONS", "/") when cors.Preflight(http) => Task.CompletedTask,
            _ => null,
        });
        return app;
    }

    private static Task ReadyAsync(HttpContext http, bool draining)
    {
        http.Response.StatusCode = draining ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        return http.Response.WriteAsync(draining ? "draining\n" : "ready\n", http.RequestAborted);
    }
}
