using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Console.Sessions;
using Ocellus.Refusals;

namespace Ocellus.Console.Images;

/// <summary>The addresses of a project's images. Each checks the permission of what it stands for.</summary>
internal sealed class ImagesEndpoints(
    ImageProjects projects, ImageIndex index, ImagePictures pictures, ImageEdits edits, ImageUpload upload, LabelBook labels, ImageChanges changes,
    ImageHealth health) : IDisposable
{
    public const string Root = "/ui/api/p/{project}/images";

    /// <summary>Bytes of a JSON request: fifty images of fifty boxes with long labels, or a thousand lines that are put back.</summary>
    private const int JsonBytesMax = 16 << 20;

    /// <summary>Uploads in memory at a time.</summary>
    private readonly SemaphoreSlim _uploads = new(8);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root + "/index", IndexAsync);
        routes.MapPost(Root + "/lines", Json<LinesRequest>(ImagesJson.Default.LinesRequest, async (project, request, http, cancel) =>
            await WriteAsync(http, new(await index.LinesAsync(project, request.Set, request.Ordinals, cancel)), ImagesJson.Default.StatesAnswer)));
        routes.MapGet(Root + "/thumb/{side}/{set}/{ordinal}", ThumbAsync);
        routes.MapGet(Root + "/picture/{set}/{ordinal}", PictureAsync);
        routes.MapPut(Root + "/upload", UploadAsync);
        routes.MapPost(Root + "/edits", Json<EditsRequest>(ImagesJson.Default.EditsRequest, async (project, request, http, cancel) =>
            await WriteAsync(http, new(await edits.ApplyAsync(project, request.Edits, cancel)), ImagesJson.Default.StatesAnswer)));
        routes.MapPost(Root + "/remove", Json<ImagesRequest>(ImagesJson.Default.ImagesRequest, async (project, request, http, cancel) =>
            await WriteAsync(http, new(await edits.RemoveAsync(project, request.Set, request.Images, cancel)), ImagesJson.Default.RemovedAnswer)));
        routes.MapPost(Root + "/restore", Json<RestoreRequest>(ImagesJson.Default.RestoreRequest, async (project, request, http, cancel) =>
            await WriteAsync(http, new(await edits.RestoreAsync(project, request.Lines, cancel)), ImagesJson.Default.CountAnswer)));
        routes.MapPost(Root + "/move", Json<ImagesRequest>(ImagesJson.Default.ImagesRequest, MoveAsync));
        routes.MapGet(Root + "/labels", http => OfProjectAsync(http, async (project, cancel) => await WriteLabelsAsync(project, http, cancel)));
        routes.MapPost(Root + "/labels", Json<BookLabel>(ImagesJson.Default.BookLabel, async (project, request, http, cancel) =>
        {
            await labels.PutAsync(project, request, cancel);
            await WriteLabelsAsync(project, http, cancel);
        }));
        routes.MapPost(Root + "/labels/rename", Json<RenameRequest>(ImagesJson.Default.RenameRequest, async (project, request, http, cancel) =>
            await WriteAsync(http, new(await labels.RenameAsync(project, request.From, request.To, cancel)), ImagesJson.Default.CountAnswer)));
        routes.MapPost(Root + "/labels/remove", Json<BookLabel>(ImagesJson.Default.BookLabel, async (project, request, http, cancel) =>
        {
            await labels.RemoveAsync(project, request.Name, cancel);
            await WriteLabelsAsync(project, http, cancel);
        }));
        routes.MapPost(Root + "/pulse", Json<PulseRequest>(ImagesJson.Default.PulseRequest, async (project, request, http, cancel) =>
        {
            await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
            await WriteAsync(http, changes.Pulse(project.Arn, project.Caller.UserName, request), ImagesJson.Default.PulseAnswer);
        }));
        routes.MapPost(Root + "/lease", Json<LeaseRequest>(ImagesJson.Default.LeaseRequest, async (project, request, http, cancel) =>
        {
            await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
            await WriteAsync(http, new(changes.Lease(project.Arn, project.Caller.UserName, request)), ImagesJson.Default.LeaseAnswer);
        }));
        routes.MapGet(Root + "/health", http => OfProjectAsync(http, async (project, cancel) =>
            await WriteAsync(http, await health.ReadAsync(project, cancel), ImagesJson.Default.HealthAnswer)));
    }

    public void Dispose() => _uploads.Dispose();

    private Task IndexAsync(HttpContext http) => OfProjectAsync(http, async (project, cancel) =>
    {
        var query = http.Request.Query;
        var count = Math.Min(Number(query["count"], ImageIndex.ChunkMax), ImageIndex.ChunkMax);
        var chunk = await index.ChunkAsync(project, query["set"].ToString(), Number(query["after"], 0), (int)count, cancel);
        await WriteAsync(http, chunk, ImagesJson.Default.IndexChunk);
    });

    private Task ThumbAsync(HttpContext http) => OfProjectAsync(http, async (project, cancel) =>
    {
        var entry = await index.EntryAsync(project, Route(http, "set"), Number(Route(http, "ordinal"), 0), cancel);
        await WriteAsync(http, await pictures.ThumbAsync(project, entry.SourceRef, (int)Number(Route(http, "side"), 0), cancel));
    });

    private Task PictureAsync(HttpContext http) => OfProjectAsync(http, async (project, cancel) =>
    {
        var entry = await index.EntryAsync(project, Route(http, "set"), Number(Route(http, "ordinal"), 0), cancel);
        await WriteAsync(http, await pictures.UprightAsync(project, entry.SourceRef, cancel));
    });

    private Task UploadAsync(HttpContext http) => OfProjectAsync(http, async (project, cancel) =>
    {
        if (http.Request.ContentLength is > ImageUpload.BytesMax and var length)
        {
            throw TooLarge(length);
        }

        await _uploads.WaitAsync(cancel);
        try
        {
            http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = ImageUpload.BytesMax;
            using var body = new MemoryStream((int)(http.Request.ContentLength ?? 0));
            await http.Request.Body.CopyToAsync(body, cancel);
            var query = http.Request.Query;
            var label = query["label"].ToString();
            var file = new DroppedFile(query["set"].ToString(), query["name"].ToString(), label.Length > 0 ? label : null, body.ToArray());
            await WriteAsync(http, await upload.TakeAsync(project, file, cancel), ImagesJson.Default.UploadAnswer);
        }
        catch (IOException failure) when (failure is not BadHttpRequestException && !cancel.IsCancellationRequested)
        {
            throw new ConsoleException(StatusCodes.Status507InsufficientStorage, "NotStored", $"The image cannot be stored: {failure.Message}");
        }
        finally
        {
            _uploads.Release();
        }
    });

    private async Task MoveAsync(ImageProject project, ImagesRequest request, HttpContext http, CancellationToken cancel)
    {
        var to = request.To ?? (request.Set == ImageSet.Train ? ImageSet.Test : ImageSet.Train);
        var ready = await upload.WithDatasetAsync(project, to, cancel);
        await WriteAsync(http, new(await edits.MoveAsync(ready, request.Set, to, request.Images, cancel)), ImagesJson.Default.CountAnswer);
    }

    private async Task WriteLabelsAsync(ImageProject project, HttpContext http, CancellationToken cancel) =>
        await WriteAsync(http, new(await labels.ListAsync(project, cancel)), ImagesJson.Default.LabelsAnswer);

    /// <summary>An endpoint that takes JSON.</summary>
    public RequestDelegate Json<T>(JsonTypeInfo<T> type, Func<ImageProject, T, HttpContext, CancellationToken, Task> handle) => async http =>
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = JsonBytesMax;
        T? request;
        try
        {
            request = await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted);
        }
        catch (JsonException failure)
        {
            throw Refused.Invalid($"The request is not the JSON that this address takes: {failure.Message}");
        }

        await OfProjectAsync(
            http, (project, cancel) => request is null ? throw Refused.Invalid("The request is null.") : handle(project, request, http, cancel));
    };

    /// <summary>Handles a request of the project that its address names.</summary>
    public async Task OfProjectAsync(HttpContext http, Func<ImageProject, CancellationToken, Task> handle) =>
        await handle(await projects.FindAsync(ConsoleSession.Of(http).Caller, Route(http, "project"), http.RequestAborted), http.RequestAborted);

    private static string Route(HttpContext http, string name) => (string)http.Request.RouteValues[name]!;

    /// <summary>A number of an address.</summary>
    /// <exception cref="RefusedException">Invalid: it is none.</exception>
    public static long Number(string? text, long otherwise) =>
        string.IsNullOrEmpty(text) ? otherwise
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw Refused.Invalid($"'{Encodings.Readable.Truncate(text)}' is not a number.");

    private static RefusedException TooLarge(long length) => new(
        RefusalKind.ImageTooLarge,
        string.Create(CultureInfo.InvariantCulture, $"The image has {length:N0} bytes; it may have {ImageUpload.BytesMax:N0} (15 MB)."));

    /// <summary>Answers with JSON.</summary>
    public static async Task WriteAsync<T>(HttpContext http, T answer, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    /// <summary>A picture may be kept for ever under an address that names its content.</summary>
    public static async Task WriteAsync(HttpContext http, Picture picture)
    {
        http.Response.ContentType = picture.ContentType;
        http.Response.ContentLength = picture.Bytes.Length;
        if (http.Request.Query["v"] == picture.Version)
        {
            http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        }

        await http.Response.Body.WriteAsync(picture.Bytes, http.RequestAborted);
    }
}
