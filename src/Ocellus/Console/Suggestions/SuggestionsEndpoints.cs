using Ocellus.Console.Images;

namespace Ocellus.Console.Suggestions;

/// <summary>
/// The addresses of suggestions. They need the permission to list entries, and to read each image; asking a model also that of DetectCustomLabels.
/// </summary>
internal sealed class SuggestionsEndpoints(ImagesEndpoints images, LabelSuggestions labels, BoxSuggestions boxes, ImageFindings findings)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(ImagesEndpoints.Root + "/suggest", http => images.OfProjectAsync(http, async (project, cancel) =>
            await ImagesEndpoints.WriteAsync(
                http, await labels.ReadAsync(project, ImagesEndpoints.Number(http.Request.Query["have"], -1), cancel), SuggestionsJson.Default.SuggestAnswer)));
        routes.MapPost(ImagesEndpoints.Root + "/suggest", images.Json(SuggestionsJson.Default.BoxesRequest, async (project, request, http, cancel) =>
            await ImagesEndpoints.WriteAsync(http, await boxes.ReadAsync(project, request, cancel), SuggestionsJson.Default.BoxesAnswer)));
        routes.MapGet(ImagesEndpoints.Root + "/findings", http => images.OfProjectAsync(http, async (project, cancel) =>
            await ImagesEndpoints.WriteAsync(http, await findings.ReadAsync(project, cancel), SuggestionsJson.Default.FindingsAnswer)));
    }
}

/// <summary>The services of suggestions.</summary>
internal static class SuggestionsServices
{
    public static IServiceCollection AddSuggestions(this IServiceCollection services) => services
        .AddSingleton<QuietThread>()
        .AddSingleton<FingerprintCache>()
        .AddSingleton<NewestModels>()
        .AddSingleton<ImageWatch>()
        .AddSingleton<LabelSuggestions>()
        .AddSingleton<BoxSuggestions>()
        .AddSingleton<ImageFindings>()
        .AddSingleton<SuggestionsEndpoints>();
}
