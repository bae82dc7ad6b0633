namespace Ocellus.Console.Models;

/// <summary>The services of a project's models.</summary>
internal static class ModelServices
{
    public static IServiceCollection AddModels(this IServiceCollection services) => services
        .AddSingleton<ProjectModels>()
        .AddSingleton<TestSnapshots>()
        .AddSingleton<HeatMaps>()
        .AddSingleton<ModelDownload>()
        .AddSingleton<ModelsEndpoints>();
}
