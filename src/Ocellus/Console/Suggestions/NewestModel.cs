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
internal sealed record NewestModel(string Arn, string Name, string Folder, bool IsBoxes)
{
    /// <summary>Score of a box below which it is not suggested.</summary>
    private const double BoxScoreMin = .2;

    /// <summary>The score of each label.</summary>
    /// <exception cref="ImageRefusedException">Not an image that the model takes.</exception>
    public ModelScores Scores(QuietNetworks networks, byte[] content)
    {
        var model = networks.Model(Folder);
        var scores = new float[model.Description.Labels.Count];
        foreach (var found in model.Predict([model.Prepare(content, ImageLimits.Default)])[0])
        {
            scores[found.Label] = Math.Max(scores[found.Label], found.Score);
        }

        return new(Arn, model.Description.Labels, scores);
    }

    /// <summary>The boxes, the surest first.</summary>
    /// <exception cref="ImageRefusedException">Not an image that the model takes.</exception>
    public IReadOnlyList<(string Label, Prediction Found)> Boxes(QuietNetworks networks, byte[] content)
    {
        var model = networks.Model(Folder);
        return [.. model.Predict([model.Prepare(content, ImageLimits.Default)])[0].Where(f => f.Score >= BoxScoreMin && f.Box is not null)
            .Select(f => (model.Description.Labels[f.Label], f))];
    }
}

/// <summary>Finds the model that suggests.</summary>
internal sealed class NewestModels(VersionCatalog versions, ImageProjects projects, DataDirectory data)
{
    private const int VersionsMax = 100;

    /// <summary>The newest version with a model, if the caller may detect labels with it; null otherwise.</summary>
    public async Task<NewestModel?> FindAsync(ImageProject project, CancellationToken cancel)
    {
        var row = (await versions.ListAsync(project.Arn, null, null, null, VersionsMax, cancel)).FirstOrDefault(v => new VersionView(v).HasModel);
        if (row is null)
        {
            return null;
        }

        try
        {
            await projects.RequireAsync(project, Permission.Rekognition("DetectCustomLabels", row.Arn), cancel);
            await data.Models.BringAsync(row.AccountId, row.Folder, cancel);
            var folder = data.ModelFolder(row.AccountId, row.Folder);
            var description = ModelDescription.FromJson(await File.ReadAllBytesAsync(Path.Combine(folder, ModelFiles.Description), cancel));
            return new(row.Arn, row.Name, folder, description.Kind == ModelKinds.Localization);
        }
        catch (Exception unusable) when (unusable is RefusedException { Kind: RefusalKind.Denied } or IOException or InvalidDataException)
        {
            // Labels that people gave suggest instead.
            return null;
        }
    }
}
