using System.Collections.Concurrent;
using Ocellus.Console.Images;
using Ocellus.Console.Projects;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Console.Suggestions;

/// <summary>The newest version of a project that has a model, running or not: it is asked in this process.</summary>
/// <param name="Arn">Of the version.</param>
/// <param name="Name">Of the version.</param>
/// <param name="Folder">Of its files.</param>
/// <param name="IsBoxes">Whether it finds boxes.</param>
/// <param name="Damaged">Told that its files cannot be loaded, and why.</param>
internal sealed record NewestModel(string Arn, string Name, string Folder, bool IsBoxes, Action<string> Damaged)
{
    /// <summary>Score of a box below which it is not suggested.</summary>
    private const double BoxScoreMin = .2;

    /// <summary>The score of each label.</summary>
    /// <exception cref="ImageRefusedException">Not an image that the model takes.</exception>
    /// <exception cref="InvalidDataException">The model's files are damaged; from then on it is not the newest one any more.</exception>
    public ModelScores Scores(QuietNetworks networks, byte[] content)
    {
        var model = Load(networks);
        var scores = new float[model.Description.Labels.Count];
        foreach (var found in model.Predict([model.Prepare(content, ImageLimits.Default)])[0])
        {
            scores[found.Label] = Math.Max(scores[found.Label], found.Score);
        }

        return new(Arn, model.Description.Labels, scores);
    }

    /// <summary>The boxes, the surest first.</summary>
    /// <exception cref="ImageRefusedException">Not an image that the model takes.</exception>
    /// <exception cref="InvalidDataException">The model's files are damaged; from then on it is not the newest one any more.</exception>
    public IReadOnlyList<(string Label, Prediction Found)> Boxes(QuietNetworks networks, byte[] content)
    {
        var model = Load(networks);
        return [.. model.Predict([model.Prepare(content, ImageLimits.Default)])[0].Where(f => f.Score >= BoxScoreMin && f.Box is not null)
            .Select(f => (model.Description.Labels[f.Label], f))];
    }

    private TrainedModel Load(QuietNetworks networks)
    {
        try
        {
            return networks.Model(Folder);
        }
        catch (InvalidDataException damaged)
        {
            Damaged(damaged.Message);
            throw;
        }
    }
}

/// <summary>Finds the model that suggests.</summary>
internal sealed partial class NewestModels(VersionCatalog versions, ImageProjects projects, DataDirectory data, ILogger<NewestModels> log)
{
    private const int VersionsMax = 100;

    /// <summary>Versions whose files could not be loaded, until the server starts again.</summary>
    private readonly ConcurrentDictionary<string, bool> _damaged = new(StringComparer.Ordinal);

    /// <summary>The newest version with a model, if the caller may detect labels with it; null otherwise.</summary>
    public async Task<NewestModel?> FindAsync(ImageProject project, CancellationToken cancel)
    {
        var row = (await versions.ListAsync(project.Arn, null, null, null, VersionsMax, cancel))
            .FirstOrDefault(v => new VersionView(v).HasModel && !_damaged.ContainsKey(v.Arn));
        if (row is null)
        {
            return null;
        }

        try
        {
            await projects.RequireAsync(project, Permission.Rekognition("DetectCustomLabels", row.Arn), cancel);
            var folder = data.ModelFolder(row.AccountId, row.Folder);
            var description = ModelDescription.FromJson(await File.ReadAllBytesAsync(Path.Combine(folder, ModelFiles.Description), cancel));
            return new(row.Arn, row.Name, folder, description.Kind == ModelKinds.Localization, reason => MarkDamaged(row.Arn, reason));
        }
        catch (Exception unusable) when (unusable is RefusedException { Kind: RefusalKind.Denied } or IOException or InvalidDataException)
        {
            // Labels that people gave suggest instead.
            return null;
        }
    }

    private void MarkDamaged(string arn, string reason)
    {
        if (_damaged.TryAdd(arn, true))
        {
            Damaged(log, arn, reason);
        }
    }

    [LoggerMessage(1722, LogLevel.Warning, "{Arn} suggests nothing, because its model cannot be loaded: {Reason}")]
    private static partial void Damaged(ILogger log, string arn, string reason);
}
