using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Console.Images;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Console.Importing;

/// <summary>
/// Takes a file of labels, or an archive of images and labels, and answers with a line of JSON for each step of its import. The file lies in
/// <c>DIR/cache/imports</c> meanwhile.
/// </summary>
internal sealed class ImportEndpoints
{
    /// <summary>Bytes of a file.</summary>
    public const long BytesMax = 16L << 30;

    /// <summary>Bytes of labels that are only looked at.</summary>
    private const long LookBytesMax = 1L << 30;

    private const int NameLengthMax = 120;

    private static readonly byte[] _lineEnd = "\n"u8.ToArray();

    private readonly ImagesEndpoints _images;
    private readonly ImageProjects _projects;
    private readonly ImageImport _import;
    private readonly string _folder;
    private readonly ConcurrentDictionary<string, bool> _underWay = new(StringComparer.Ordinal);

    public ImportEndpoints(ImagesEndpoints images, ImageProjects projects, ImageImport import, DataDirectory data)
    {
        (_images, _projects, _import) = (images, projects, import);
        _folder = Path.Combine(data.Path, "cache", "imports");
        if (Directory.Exists(_folder))
        {
            // What a server left that was killed.
            Directory.Delete(_folder, recursive: true);
        }
    }

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut(ImagesEndpoints.Root + "/import", ImportAsync);
        routes.MapPut(ImagesEndpoints.Root + "/import/look", LookAsync);
    }

    private Task LookAsync(HttpContext http) => _images.OfProjectAsync(http, async (project, cancel) =>
    {
        await RequireAsync(project, cancel);
        await WithFileAsync(
            http, LookBytesMax,
            async file => await ImagesEndpoints.WriteAsync(
                http, new(await Task.Run(() => ImageImport.Recognize(file), cancel)), ImportsJson.Default.RecognizedAnswer),
            cancel);
    });

    private Task ImportAsync(HttpContext http) => _images.OfProjectAsync(http, async (project, cancel) =>
    {
        await RequireAsync(project, cancel);
        var set = http.Request.Query["set"].ToString();
        if (set.Length > 0)
        {
            ImageSet.Type(set);
        }

        if (!_underWay.TryAdd(project.Arn, true))
        {
            throw Refused.InUse("Another import to this project is under way; wait until it has ended.");
        }

        try
        {
            var choices = new ImportChoices(set.Length > 0 ? set : null, http.Request.Query["replace"] == "yes");
            await WithFileAsync(http, BytesMax, file => RunAsync(http, project, file, choices, cancel), cancel);
        }
        finally
        {
            _underWay.TryRemove(project.Arn, out _);
        }
    });

    /// <summary>Before a large file is sent for nothing. Each step checks what it does.</summary>
    private Task RequireAsync(ImageProject project, CancellationToken cancel) =>
        _projects.RequireAsync(project, "UpdateDatasetEntries", project.Sets, cancel);

    private async Task RunAsync(HttpContext http, ImageProject project, string file, ImportChoices options, CancellationToken cancel)
    {
        http.Response.ContentType = "application/x-ndjson";
        ImportSummary? summary = null;
        long done = 0;
        try
        {
            await _import.RunAsync(
                project, file, options, s => summary = s,
                async (images, total) =>
                {
                    done = images;
                    await WriteAsync(http, new(images, total), cancel);
                },
                cancel);
            await WriteAsync(http, new(done, done, summary), cancel);
        }
        catch (RefusedException refusal) when (http.Response.HasStarted)
        {
            await WriteAsync(http, new(done, null, summary, refusal.Message), cancel);
        }
        catch (IOException failure) when (failure is not BadHttpRequestException && !cancel.IsCancellationRequested)
        {
            await WriteAsync(http, new(done, null, summary, $"An image cannot be stored: {failure.Message}"), cancel);
        }
    }

    /// <summary>Stores the request's body for as long as it is worked on.</summary>
    private async Task WithFileAsync(HttpContext http, long bytesMax, Func<string, Task> work, CancellationToken cancel)
    {
        if (http.Request.ContentLength is { } length && length > bytesMax)
        {
            throw Refused.Invalid(string.Create(
                CultureInfo.InvariantCulture,
                $"The file has {length:N0} bytes; the console takes up to {bytesMax:N0}. ./ocellus import takes more, and folders as they are."));
        }

        var folder = Path.Combine(_folder, Guid.NewGuid().ToString("N"));
        try
        {
            var file = Path.Combine(folder, NameOf(http.Request.Query["name"].ToString()));
            try
            {
                FileSystem.CreateFolder(folder);
                http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = bytesMax;
                await using var target = File.Create(file);
                await http.Request.Body.CopyToAsync(target, cancel);
            }
            catch (IOException failure) when (failure is not BadHttpRequestException && !cancel.IsCancellationRequested)
            {
                throw new ConsoleException(StatusCodes.Status507InsufficientStorage, "NotStored", $"The file cannot be stored: {failure.Message}");
            }

            await work(file);
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>A name that any file system takes, with the suffix that was sent: messages name the file.</summary>
    private static string NameOf(string name)
    {
        var last = name[(name.LastIndexOfAny(['/', '\\']) + 1)..];
        var clean = new string([.. last.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_')]).TrimStart('.');
        return clean.Length == 0 ? "labels" : clean.Length <= NameLengthMax ? clean : clean[^NameLengthMax..].TrimStart('.');
    }

    private static async Task WriteAsync(HttpContext http, ImportNews news, CancellationToken cancel)
    {
        await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(news, ImportsJson.Default.ImportNews), cancel);
        await http.Response.Body.WriteAsync(_lineEnd, cancel);
        await http.Response.Body.FlushAsync(cancel);
    }
}

/// <summary>The services of imports.</summary>
internal static class ImportServices
{
    public static IServiceCollection AddImports(this IServiceCollection services) => services
        .AddSingleton<ImportedLabels>()
        .AddSingleton<ImageImport>()
        .AddSingleton<ImportEndpoints>();
}
