using Microsoft.Extensions.Options;
using Ocellus.Storage;

namespace Ocellus.Objects;

/// <summary>The object store's part of the server.</summary>
internal static class ObjectServices
{
    public static IServiceCollection AddObjects(this IServiceCollection services, DataDirectory data, IConfiguration configuration)
    {
        services.AddOptionsWithValidateOnStart<OutsideOptions>().BindConfiguration(OutsideOptions.Section).ValidateDataAnnotations();
        services.AddOptionsWithValidateOnStart<ObjectOptions>().BindConfiguration(ObjectOptions.Section).ValidateDataAnnotations();
        services.AddSingleton(s => new ObjectStore(
            data.ObjectsPath, s.GetRequiredService<TimeProvider>(), s.GetRequiredService<IOptions<ObjectOptions>>().Value, s.GetRequiredService<ILogger<ObjectStore>>()));
        if (string.IsNullOrEmpty(configuration[$"{OutsideOptions.Section}:{nameof(OutsideOptions.Endpoint)}"]))
        {
            services.AddSingleton<IObjects, EmbeddedObjects>().AddHostedService<ObjectStoreUpkeep>();
        }
        else
        {
            services.AddSingleton<OutsideObjects>().AddSingleton<IObjects>(s => s.GetRequiredService<OutsideObjects>()).AddHostedService<OutsideStoreCheck>();
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
}
