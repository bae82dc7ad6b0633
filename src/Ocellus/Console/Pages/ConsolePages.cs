using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Ocellus.Console.Images.Pages;
using Ocellus.Console.Models.Pages;

namespace Ocellus.Console.Pages;

/// <summary>Renders the pages: Razor components, once, on the server.</summary>
/// <remarks>
/// Without <c>AddRazorComponents</c>: that brings Data Protection, which writes its keys outside the data directory, and needs nothing that these pages use.
/// </remarks>
internal sealed class ConsolePages(ILoggerFactory logs)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        MapPage<HomePage>(routes, "/ui/");
        MapPage<ProjectPage>(routes, "/ui/p/{project}");
        MapPage<GalleryPage>(routes, "/ui/p/{project}/images");
        MapPage<StagePage>(routes, "/ui/p/{project}/label/{n}");
        MapPage<HealthPage>(routes, "/ui/p/{project}/health");
        MapPage<ModelsPage>(routes, "/ui/p/{project}/models");
        MapPage<ModelPage>(routes, "/ui/p/{project}/models/{version}");
        MapPage<JudgePage>(routes, "/ui/p/{project}/models/{version}/judge");
        MapPage<TryPage>(routes, "/ui/p/{project}/models/{version}/try");
        MapPage<UsePage>(routes, "/ui/p/{project}/models/{version}/use");
        MapPage<ComparePage>(routes, "/ui/p/{project}/models/{version}/compare");
        MapPage<SettingsPage>(routes, "/ui/p/{project}/settings");
        MapPage<KeysPage>(routes, "/ui/keys");
        MapPage<SystemPage>(routes, "/ui/system");
    }

    /// <summary>Registers a page. The route's values become the component's parameters of the same names.</summary>
    public void MapPage<TPage>(IEndpointRouteBuilder routes, string pattern)
        where TPage : IComponent =>
        routes.MapGet(
            pattern, http => RenderAsync<TPage>(http, StatusCodes.Status200OK, http.Request.RouteValues.ToDictionary(v => Pascal(v.Key), v => v.Value)));

    /// <summary>Renders a page. An exception of the component is thrown here, before anything is sent.</summary>
    public async Task RenderAsync<TPage>(HttpContext http, int status, IDictionary<string, object?> parameters)
        where TPage : IComponent
    {
        string html;
        await using (var renderer = new HtmlRenderer(http.RequestServices, logs))
        {
            html = await renderer.Dispatcher.InvokeAsync(async () =>
                (await renderer.RenderComponentAsync<TPage>(ParameterView.FromDictionary(parameters))).ToHtmlString());
        }

        http.Response.StatusCode = status;
        http.Response.ContentType = "text/html; charset=utf-8";
        var bytes = Encoding.UTF8.GetBytes(html);
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    /// <summary>The page of a refusal: the server's words, and what to do.</summary>
    public Task RenderErrorAsync(HttpContext http, int status, string message) => RenderAsync<ErrorPage>(http, status, new Dictionary<string, object?>
    {
        [nameof(ErrorPage.Status)] = status,
        [nameof(ErrorPage.Message)] = message,
    });

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
