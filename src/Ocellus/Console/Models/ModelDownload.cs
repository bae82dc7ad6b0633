using System.Text.Json;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training;
using Ocellus.Vision.Inference;

namespace Ocellus.Console.Models;

/// <summary>Gives out a model as the file that <c>ocellus export</c> writes. It is made anew for each download, on disk, and removed afterwards.</summary>
internal sealed class ModelDownload(ProjectModels models, IObjects objects, DataDirectory data, TimeProvider clock) : IDisposable
{
    private const string Prefix = "download-";

    /// <summary>A file of two hundred megabytes for each would soon fill a disk.</summary>
    private readonly SemaphoreSlim _few = new(2);

    /// <exception cref="RefusedException">NotFound: the version has no model.</exception>
    public async Task WriteAsync(ProjectModel model, HttpContext http, CancellationToken cancel)
    {
        var (version, folder) = (model.Version, models.FolderOf(model.Version));
        if (!File.Exists(Path.Combine(folder, ModelFiles.Description)))
        {
            throw Refused.NotFound($"{version.Name} has no model: {ProjectVersionStates.Message(version.Status)}");
        }

        await _few.WaitAsync(cancel);
        var cache = Path.Combine(data.Path, "cache");
        var name = Path.Combine(cache, $"{Prefix}{Guid.NewGuid():N}");
        try
        {
            FileSystem.CreateFolder(cache);
            Sweep(cache);
            var evaluation = await EvaluationAsync(version, name + ".json", cancel);
            await Task.Run(() => ModelPackage.Write(name + ".zip", folder, evaluation, $"{model.Project.Name}-{version.Name}"), cancel);
            http.Response.ContentType = "application/zip";
            // Names of projects and versions have letters, digits and -_. only.
            http.Response.Headers.ContentDisposition = $"attachment; filename=\"{model.Project.Name}-{version.Name}.zip\"";
            await http.Response.SendFileAsync(name + ".zip", cancel);
        }
        finally
        {
            File.Delete(name + ".json");
            File.Delete(name + ".zip");
            _few.Release();
        }
    }

    public void Dispose() => _few.Dispose();

    /// <summary>Removes what a crash has left: no download lasts a day.</summary>
    private void Sweep(string cache)
    {
        var old = clock.GetUtcNow() - TimeSpan.FromDays(1);
        foreach (var file in Directory.GetFiles(cache, Prefix + "*").Where(f => File.GetLastWriteTimeUtc(f) < old))
        {
            File.Delete(file);
        }
    }

    /// <summary>A file with the evaluation's summary; null if it is gone.</summary>
    private async Task<string?> EvaluationAsync(VersionRow version, string file, CancellationToken cancel)
    {
        var summary = version.EvaluationResult is { } json ? JsonSerializer.Deserialize(json, TrainingJson.Default.EvaluationResult)?.Summary?.S3Object : null;
        try
        {
            return summary is { Bucket: { } bucket, Name: { } key }
                && await objects.FindBucketAsync(bucket, cancel) is { } found
                && found.IsOf(version.AccountId)
                && found.IsIn(Arn.Parse(version.Arn).Region)
                && await objects.FetchAsync(bucket, key, file, cancel) ? file : null;
        }
        catch (S3Exception)
        {
            return null;
        }
    }
}
