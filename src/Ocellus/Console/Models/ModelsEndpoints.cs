using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Console.Images;
using Ocellus.Console.Projects;
using Ocellus.Console.Sessions;
using Ocellus.Datasets;
using Ocellus.Encodings;
using Ocellus.Hosting.Serving;
using Ocellus.Refusals;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using static Ocellus.Console.Images.ImagesEndpoints;

namespace Ocellus.Console.Models;

/// <summary>The addresses of a version's test, heat maps and training. Each checks the permission of what it stands for.</summary>
internal sealed class ModelsEndpoints(
    ProjectModels models, ImageProjects projects, TestSnapshots tests, ImagePictures pictures, ImageFacts facts, HeatMaps heat, DatasetCatalog datasets,
    ProjectReader reader, TrainingCancel cancelling, ModelDownload downloads, LocalModels running)
{
    private const string Root = "/ui/api/p/{project}/models/{version}";

    private const string Describe = "DescribeProjectVersions", Detect = "DetectCustomLabels";

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root + "/scores", For(Describe, async (model, http, cancel) =>
            await WriteAsync(http, await tests.ReadAsync(model, cancel), ModelsJson.Default.TestResults)));
        routes.MapGet(Root + "/thumb/{side}/{n}", For(Describe, async (model, http, cancel) =>
            await WriteAsync(http, await pictures.ThumbAsync(model.Project, await NameAsync(model, http, cancel), Number(Route(http, "side")), cancel))));
        routes.MapGet(Root + "/picture/{n}", For(Describe, async (model, http, cancel) =>
            await WriteAsync(http, await pictures.UprightAsync(model.Project, await NameAsync(model, http, cancel), cancel))));
        routes.MapGet(Root + "/heat/{n}", For(Detect, async (model, http, cancel) =>
        {
            var (bucket, key) = await projects.RequireReadAsync(model.Project, await NameAsync(model, http, cancel), cancel);
            await WriteHeatAsync(model, http, await facts.ContentAsync(bucket, key, cancel), cancel);
        }));
        routes.MapGet(Root + "/log", For(Describe, LogAsync));
        routes.MapPost(Root + "/cancel", For("DeleteProjectVersion", async (model, http, cancel) =>
        {
            await cancelling.RunAsync(model.Version, model.Project.Caller.UserName, cancel);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
        }));
        routes.MapGet(Root + "/usage", For(Describe, UsageAsync));
        routes.MapGet(Root + "/model.zip", For("CopyProjectVersion", downloads.WriteAsync));
        routes.MapPost(Root + "/heat", For(Detect, HeatOfBodyAsync));
        foreach (var page in (ReadOnlySpan<string>)["judge", "use"])
        {
            routes.MapGet($"/ui/p/{{project}}/{page}", http => NewestAsync(http, page));
        }

        // A page, not a part of one: whoever follows the link sees a refusal as a page too.
        routes.MapGet("/ui/p/{project}/models/{version}/label/{n}", For(Describe, StageAsync));
    }

    private async Task HeatOfBodyAsync(ProjectModel model, HttpContext http, CancellationToken cancel)
    {
        if (http.Request.ContentLength is > ImageFacts.BytesMax and var length)
        {
            throw new RefusedException(
                RefusalKind.ImageTooLarge, string.Create(CultureInfo.InvariantCulture, $"The image has {length:N0} bytes; it may have 15 MB."));
        }

        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = ImageFacts.BytesMax;
        using var body = new MemoryStream((int)(http.Request.ContentLength ?? 0));
        await http.Request.Body.CopyToAsync(body, cancel);
        await WriteHeatAsync(model, http, body.ToArray(), cancel);
    }

    private async Task WriteHeatAsync(ProjectModel model, HttpContext http, byte[] image, CancellationToken cancel)
    {
        var label = http.Request.Query["label"].ToString();
        await WriteAsync(http, await heat.ReadAsync(model.Version, image, label.Length > 0 ? label : null, cancel), ModelsJson.Default.HeatAnswer);
    }

    private async Task UsageAsync(ProjectModel model, HttpContext http, CancellationToken cancel)
    {
        if (running.Find(model.Version.Arn) is not { } used)
        {
            throw Refused.NotReady($"{model.Version.Name} is {model.Version.Status}, and not in this server's memory.");
        }

        var (count, inside) = used.Answered;
        await WriteAsync(
            http, new(count, inside.TotalSeconds, used.Units, used.InFlight, used.QueueLength, Environment.WorkingSet), ModelsJson.Default.UsageAnswer);
    }

    /// <summary>What the training told, a line each time, and what its process wrote to standard error.</summary>
    private async Task LogAsync(ProjectModel model, HttpContext http, CancellationToken cancel)
    {
        var folder = models.HistoryOf(model.Version);
        http.Response.ContentType = "text/plain; charset=utf-8";
        var lines = TrainingHistory.Read(folder).Select(p => p.ToString()).Append(TrainingHistory.ReadLog(folder)).Append(model.Version.Message);
        await http.Response.WriteAsync(string.Join('\n', lines.Where(l => l.Length > 0)) + "\n", cancel);
    }

    /// <summary>Leads to the page on which the labels of a test image can be changed.</summary>
    private async Task StageAsync(ProjectModel model, HttpContext http, CancellationToken cancel)
    {
        var name = await NameAsync(model, http, cancel);
        foreach (var set in model.Project.Sets)
        {
            if (await projects.MayAsync(model.Project, "ListDatasetEntries", set, cancel)
                && await datasets.FindEntryAsync(model.Project.Caller, model.Project.Get(set).Arn, name, cancel) is { } entry)
            {
                var project = Uri.EscapeDataString(model.Project.Name);
                http.Response.Redirect(string.Create(CultureInfo.InvariantCulture, $"/ui/p/{project}/label/{set}-{entry.Ordinal}"));
                return;
            }
        }

        throw Refused.NotFound(
            $"{Readable.Truncate(name)} is not among the project's images that you may list. It may have been removed since {model.Version.Name} was trained.");
    }

    /// <summary>Leads from a step of a project to the page of its newest version that has a model; to all models where there is none.</summary>
    private async Task NewestAsync(HttpContext http, string page)
    {
        var project = await reader.FindAsync(ConsoleSession.Of(http).Caller, Route(http, "project"), http.RequestAborted);
        var name = (page == "judge" ? project.Versions.FirstOrDefault(v => v.F1 is not null) : project.Running ?? project.Trained)?.Name;
        http.Response.Redirect($"/ui/p/{Uri.EscapeDataString(project.Name)}/models{(name is null ? "" : $"/{Uri.EscapeDataString(name)}/{page}")}");
    }

    private Task<string> NameAsync(ProjectModel model, HttpContext http, CancellationToken cancel) => tests.NameAsync(model, Number(Route(http, "n")), cancel);

    private RequestDelegate For(string operation, Func<ProjectModel, HttpContext, CancellationToken, Task> handle) => async http =>
    {
        var cancel = http.RequestAborted;
        await handle(await models.FindAsync(ConsoleSession.Of(http).Caller, Route(http, "project"), Route(http, "version"), operation, cancel), http, cancel);
    };

    private static string Route(HttpContext http, string name) => (string)http.Request.RouteValues[name]!;

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw Refused.Invalid($"'{Readable.Truncate(text)}' is not a number.");
}
