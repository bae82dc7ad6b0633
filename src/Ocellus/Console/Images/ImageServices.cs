namespace Ocellus.Console.Images;

/// <summary>The services of a project's images.</summary>
internal static class ImageServices
{
    public static IServiceCollection AddImages(this IServiceCollection services) => services
        .AddSingleton<ImageProjects>()
        .AddSingleton<ImageFacts>()
        .AddHostedService(s => s.GetRequiredService<ImageFacts>())
        .AddSingleton<ImageMarks>()
        .AddSingleton<ImageIndex>()
        .AddSingleton<ThumbCache>()
        .AddSingleton<ImagePictures>()
        .AddSingleton<ImageChanges>()
        .AddSingleton<ImageEdits>()
        .AddSingleton<ImageUpload>()
        .AddSingleton<LabelBook>()
        .AddSingleton<ImageHealth>()
        .AddSingleton<ImagesEndpoints>();
}
