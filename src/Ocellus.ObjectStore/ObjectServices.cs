using Microsoft.Extensions.Options;
using Ocellus.Objects.External;
using Ocellus.Objects.Files;
using Ocellus.Objects.S3;
using Ocellus.Settings;
using Ocellus.Storage;

namespace Ocellus.Objects;

/// <summary>The object store's services and middleware.</summary>
internal static class ObjectServices
{
    public static IServiceCollection AddObjects(this IServiceCollection services, DataDirectory data, IConfiguration configuration)
    {
        services.AddSettings<ExternalStoreOptions>(ExternalStoreOptions.Section);
        services.AddSettings<ObjectOptions>(ObjectOptions.Section);
        services.AddSingleton(s => new ObjectStore(
            data.ObjectsPath, s.GetRequiredService<TimeProvider>(), s.GetRequiredService<IOptions<ObjectOptions>>().Value,
            s.GetRequiredService<ILogger<ObjectStore>>()));
        if (string.IsNullOrEmpty(configuration[ExternalStoreOptions.EndpointSetting]))
        {
            services.AddSingleton<IObjects, EmbeddedObjects>().AddHostedService<ObjectStoreUpkeep>();
        }
        else
        {
            services.AddSingleton<ExternalObjectStore>()
                .AddSingleton<IObjects>(s => s.GetRequiredService<ExternalObjectStore>()).AddHostedService<ExternalStoreCheck>();
        }

        return services
            .AddSingleton<BucketRequests>()
            .AddSingleton<ObjectRequests>()
            .AddSingleton<ListingRequests>()
            .AddSingleton<MultipartRequests>()
            .AddSingleton<PostRequests>()
            .AddSingleton<S3Endpoint>()
            .AddSingleton<S3Gate>();
    }

    /// <summary>Serves S3 on every path, at the end of the pipeline, except for the server's own requests.</summary>
    /// <param name="app">The server.</param>
    /// <param name="ownOf">
    /// Handles one of the server's own requests; returns null for any other. Not called if the host names a bucket: all paths are then the bucket's.
    /// </param>
    public static void UseObjectStore(this WebApplication app, Func<HttpContext, Task?> ownOf)
    {
        var gate = app.Services.GetRequiredService<S3Gate>();
        app.Run(http => (S3Target.IsInHost(http.Request) ? null : ownOf(http)) ?? gate.HandleAsync(http));
    }
}
