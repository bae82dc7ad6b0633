using Ocellus.Work;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Ocellus.Diagnostics;

/// <summary><c>GET /metrics</c>: the metrics as Prometheus text.</summary>
internal static class MetricsPage
{
    public static IServiceCollection AddMetricsPage(this IServiceCollection services)
    {
        services.AddSingleton<OcellusMeter>().AddSingleton<ServingActivity>();
        // The runtime's own meter beside ours: garbage collections, threads, exceptions.
        services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService("ocellus"))
            .WithMetrics(metrics => metrics.AddMeter(OcellusMeter.Name, "System.Runtime").AddPrometheusExporter());
        return services;
    }

    /// <summary>Handles one path before the object store, unsigned. A signed request for a bucket of that name goes on to the store.</summary>
    public static void UseMetricsPage(this WebApplication app) => app.UseOpenTelemetryPrometheusScrapingEndpoint(http =>
        HttpMethods.IsGet(http.Request.Method)
        && http.Request.Path.Value == "/metrics"
        && !http.Request.Host.Host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) // with a bucket in the host, every path is the bucket's
        && !http.Request.Headers.Authorization.ToString().StartsWith("AWS", StringComparison.Ordinal)
        && !http.Request.Query.ContainsKey("X-Amz-Signature")
        && !http.Request.Query.ContainsKey("Signature"));
}
