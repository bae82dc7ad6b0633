using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Ocellus.Backups;
using Ocellus.Console;
using Ocellus.Datasets;
using Ocellus.Diagnostics;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Objects.External;
using Ocellus.Projects;
using Ocellus.Settings;
using Ocellus.Storage;
using Ocellus.Training;
using Ocellus.Training.Server;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;
using Ocellus.Wire.Others;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;
using Ocellus.Work;

namespace Ocellus;

/// <summary>The whole server on one screen: its parts, and the order in which a request passes them.</summary>
internal static class Server
{
    /// <summary>The body of <c>GET /health/live</c>.</summary>
    public const string Live = "live\n";

    /// <summary>Builds a server on an open data directory. The credentials file is written before it returns.</summary>
    public static Task<WebApplication> BuildAsync(DataDirectory data, string urls, CancellationToken cancel) =>
        BuildAsync(data, urls, LogLevel.Information, [], cancel);

    /// <summary>As above, with the minimum level of the log, which goes to standard error, and with settings that override all others.</summary>
    public static async Task<WebApplication> BuildAsync(
        DataDirectory data, string urls, LogLevel logLevel, IEnumerable<KeyValuePair<string, string?>> settings, CancellationToken cancel)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.WebHost.UseUrls(urls.Split(';'));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            // Objects may be 5 GB; the API's endpoint has its own, smaller limit.
            kestrel.Limits.MaxRequestBodySize = null;
            // A key takes up to 1,024 bytes, three characters each when encoded, and a signature in the query a few hundred; the rest is for filters, tags and
            // metadata.
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;
            // S3 allows 8 KB of headers, 2 KB of them metadata; the rest is for proxies. Beyond either limit the status is 431.
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.MaxRequestHeaderCount = 100;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
            // Further connections are closed at once.
            kestrel.Limits.MaxConcurrentConnections = OpenFiles.ConnectionsMax(OpenFiles.Limit());
            kestrel.AddServerHeader = false;
        });
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, ReceivePool.Factory>();
        builder.Logging.ClearProviders().AddConsole(o => (o.FormatterName, o.LogToStandardErrorThreshold) = (LogLines.FormatName, LogLevel.Trace))
            .AddConsoleFormatter<LogLines, ConsoleFormatterOptions>().SetMinimumLevel(logLevel);
        // The frameworks' own messages matter only to someone debugging them.
        var frameworks = logLevel < LogLevel.Debug || logLevel > LogLevel.Warning ? logLevel : LogLevel.Warning;
        builder.Logging.AddFilter("Microsoft", frameworks).AddFilter("Orleans", frameworks).AddFilter("Polly", frameworks)
            // These log the query of each request, which may hold the signature of a link that is valid for days, so they are silent whatever the settings say.
            .AddFilter<ConsoleLoggerProvider>("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Error)
                .AddFilter<ConsoleLoggerProvider>("Microsoft.AspNetCore.Server.Kestrel.BadRequests", LogLevel.Error)
            // A failed start is one sentence on standard error, not sixty stack frames; ServeCommand reports the failures of background services too.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", logLevel < LogLevel.Information ? logLevel : LogLevel.None)
            // At its start the silo of a node recommends the server garbage collector, which would keep the memory that we give back; its watchdog warns of the
            // time since boot.
            .AddFilter("Orleans.Runtime.MembershipService", LogLevel.Error)
            .AddFilter("Ocellus.Hosting.Placement.NodeService", LogLevel.Warning)
            .AddFilter("Orleans.Runtime.Silo", LogLevel.Error).AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);

        builder.Services.AddSettings<DatabaseOptions>(DatabaseOptions.Section);
        builder.Services.AddSettings<QuotaOptions>("Ocellus:Quotas");
        builder.Services.AddSettings<ThrottlingOptions>("Ocellus:Throttling");
        builder.Services.AddSettings<BodyOptions>(BodyOptions.Section);
        builder.Services.AddSettings<ApiCorsOptions>(ApiCorsOptions.Section);
        builder.Services.AddSettings<RegionOptions>(RegionOptions.Section);
        builder.Services.AddSettings<TrainingOptions>("Ocellus:Training");
        builder.AddHosting();
        builder.Services.AddMetricsPage();
        var clock = TimeProvider.System;
        await ShareAsync(data, builder, cancel);
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
            // Of several servers on one database, each takes the others' tokens.
            .AddSingleton(new PageToken(data.Database.IsShared ? keys.Derive("page tokens") : null))
            .AddSingleton<ProjectCatalog>()
            .AddSingleton<DatasetCatalog>()
            .AddSingleton<PolicyCatalog>()
            .AddSingleton<VersionCatalog>()
            .AddSingleton<WorkLeases>()
            .AddHostedService(services => services.GetRequiredService<WorkLeases>())
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
            .AddSingleton<TrainingCancel>()
            .AddHostedService(services => services.GetRequiredService<TrainingWorker>())
            .AddOperations()
            .AddSingleton<RequestThrottle>()
            .AddSingleton<ApiCors>()
            .AddSingleton(s => new BodyBudget(s.GetRequiredService<IOptions<BodyOptions>>(), clock, s.GetRequiredService<FreedMemory>().Return))
            .AddSingleton<BodyReader>()
            .AddSingleton<AwsJsonEndpoint>()
            .AddSingleton<OtherServices>()
            .AddSingleton<ModelTransfer>()
            .AddSingleton<ModelTrial>()
            .AddConsole();

        var app = builder.Build();
        UnknownSettings.Warn(app.Configuration, app.Services.GetServices<SettingsSection>(), app.Services.GetRequiredService<ILogger<WebApplication>>());
        keys.WarnOfUnreachable(app.Services.GetRequiredService<ILogger<KeyRing>>());
        var api = app.Services.GetRequiredService<AwsJsonEndpoint>();
        var others = app.Services.GetRequiredService<OtherServices>();
        var models = app.Services.GetRequiredService<ModelTransfer>();
        var cors = app.Services.GetRequiredService<ApiCors>();
        var stopping = app.Lifetime.ApplicationStopping;
        var lease = app.Services.GetRequiredService<NodeLease>();
        // Before everything that responds: no response leaves an unread body on the connection.
        app.UseUnreadBodies();
        // Before anything that reads a parameter: it then sees what the signature covers.
        app.Use((http, next) =>
        {
            RequestTarget.Attach(http);
            return next(http);
        });
        app.UseMetricsPage();
        var console = app.UseConsole();
        // The object store serves all other paths.
        app.UseObjectStore(http => models.Handle(http) ?? others.Handle(http) ?? (http.Request.Method, http.Request.Path.Value) switch
        {
            // Health first: it needs no signature. Only GET of these two paths is taken from the object store.
            ("GET", "/health/live") => http.Response.WriteAsync(Live, http.RequestAborted),
            ("GET", "/health/ready") => ReadyAsync(http, stopping.IsCancellationRequested, data.Database, lease),
            // The API has one path and one method; a POST with the parameter delete is for the object store.
            ("POST", "/") when http.Request.Headers.ContainsKey("X-Amz-Target") || !http.Request.Query.ContainsKey("delete") => api.HandleAsync(http),
            // The object store has no rules for its root: its refusal is the response where the API has none.
            ("OPTIONS", "/") when cors.Preflight(http) => Task.CompletedTask,
            _ => console(http),
        });
        return app;
    }

    /// <summary>With a database and a store that other servers use too, the data directory holds copies.</summary>
    private static async Task ShareAsync(DataDirectory data, WebApplicationBuilder builder, CancellationToken cancel)
    {
        var store = builder.Configuration.GetSection(ExternalStoreOptions.Section).Get<ExternalStoreOptions>() ?? new();
        // One that is not valid stops the start a little later, with a sentence.
        if (data.Database.IsShared && store.IsExternal && !store.Validate(new(store)).Any())
        {
            var folders = new ExternalFolders(store);
            builder.Services.AddSingleton(_ => folders);
            data.Models.Store = folders;
            await SharedSecret.BringAsync(data, folders, cancel);
        }
    }

    private static Task ReadyAsync(HttpContext http, bool draining, Database database, NodeLease lease)
    {
        var trouble = draining ? "draining" : database.Away is { } reason ? $"the database does not answer: {reason}"
            : lease.Holds ? null
            : "the cluster does not count on this node now: its lease was not renewed";
        http.Response.StatusCode = trouble is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return http.Response.WriteAsync($"{trouble ?? "ready"}\n", http.RequestAborted);
    }
}
