using Ocellus.Console.Assets;
using Ocellus.Console.Calls;
using Ocellus.Console.Events;
using Ocellus.Console.Images;
using Ocellus.Console.Importing;
using Ocellus.Console.Keys;
using Ocellus.Console.Models;
using Ocellus.Console.Pages;
using Ocellus.Console.Projects;
using Ocellus.Console.Sessions;
using Ocellus.Console.Suggestions;
using Ocellus.Identity;
using Ocellus.Settings;

namespace Ocellus.Console;

/// <summary>Everything below <c>/ui/</c>. No bucket can have that name: it is too short.</summary>
internal static class ConsoleEndpoints
{
    public static IServiceCollection AddConsole(this IServiceCollection services)
    {
        services.AddSettings<ConsoleOptions>(ConsoleOptions.Section);
        return services
            .AddSingleton<SessionCatalog>()
            .AddSingleton<SessionCookie>()
            .AddSingleton<SignInTries>()
            .AddSingleton<SignIn>()
            .AddSingleton<AssetFiles>()
            .AddSingleton<ConsoleCalls>()
            .AddSingleton<CallEndpoint>()
            .AddSingleton<EventStream>()
            .AddSingleton<KeyCatalog>()
            .AddSingleton<KeysEndpoint>()
            .AddSingleton<ProjectReader>()
            .AddSingleton<ConsolePages>()
            .AddSingleton<ConsoleGate>()
            .AddScoped<ConsoleRequest>()
            .AddImages()
            .AddImports()
            .AddSuggestions()
            .AddModels();
    }

    /// <summary>
    /// Takes the requests of the console; returns null for any other. A page is made for whoever opens the server's address in a browser: signed requests and
    /// clients of the API do not ask for HTML.
    /// </summary>
    public static Func<HttpContext, Task?> UseConsole(this WebApplication app)
    {
        // Nothing of the console is loaded before its first request, and nothing stands in the way of other requests.
        var console = new Lazy<RequestDelegate>(() => Build(app));
        return http =>
            http.Request.Path.StartsWithSegments("/ui", StringComparison.Ordinal) ? console.Value(http)
            : IsBrowserAtRoot(http.Request) ? RedirectAsync(http.Response)
            : null;
    }

    private static RequestDelegate Build(WebApplication app)
    {
        var hosts = ActivatorUtilities.CreateInstance<AllowedHosts>(app.Services, () => app.Urls.AsEnumerable());
        var gate = ActivatorUtilities.CreateInstance<ConsoleGate>(app.Services, hosts);
        var branch = ((IApplicationBuilder)app).New();
        branch.UseRouting();
        branch.Use(next => http => gate.HandleAsync(http, next));
        branch.UseEndpoints(Map);
        branch.Run(_ => throw new ConsoleException(StatusCodes.Status404NotFound, "NotFound", "There is no such page. It may have been deleted, or renamed."));
        return branch.Build();
    }

    private static void Map(IEndpointRouteBuilder routes)
    {
        var services = routes.ServiceProvider;
        services.GetRequiredService<AssetFiles>().Map(routes);
        services.GetRequiredService<SignIn>().Map(routes);
        routes.MapPost("/ui/api/call/{operation}", services.GetRequiredService<CallEndpoint>().HandleAsync);
        routes.MapGet("/ui/api/events", services.GetRequiredService<EventStream>().HandleAsync);
        services.GetRequiredService<KeysEndpoint>().Map(routes);
        services.GetRequiredService<ImagesEndpoints>().Map(routes);
        services.GetRequiredService<ImportEndpoints>().Map(routes);
        services.GetRequiredService<SuggestionsEndpoints>().Map(routes);
        services.GetRequiredService<ModelsEndpoints>().Map(routes);
        services.GetRequiredService<ConsolePages>().Map(routes);
    }

    private static bool IsBrowserAtRoot(HttpRequest request) =>
        request.Path.Value == "/" && HttpMethods.IsGet(request.Method) && !request.QueryString.HasValue
            && request.Headers.Authorization.Count == 0 && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private static Task RedirectAsync(HttpResponse response)
    {
        response.Redirect("/ui/");
        return Task.CompletedTask;
    }
}
