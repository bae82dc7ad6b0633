using Ocellus.Encodings;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Console.Models;

/// <summary>
/// Shows where a classifier's evidence is. The model is loaded in this process beside those that answer requests, so a version need not run; one image goes
/// through it at a time, on one thread, so that requests and trainings hardly notice. The last model is kept for a minute.
/// </summary>
internal sealed class HeatMaps(ProjectModels models, TimeProvider clock) : IDisposable
{
    /// <summary>Places along the longer side of the grid that a page gets; it paints smoothly between them.</summary>
    private const int Side = 48;

    private static readonly TimeSpan _keepFor = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _one = new(1);
    private (string Arn, TrainedModel Model)? _kept;
    private ITimer? _timer;

    /// <summary>The evidence for a label in an image.</summary>
    /// <param name="version">The version.</param>
    /// <param name="image">A file.</param>
    /// <param name="label">Name of the label; null for the one with the highest score.</param>
    /// <param name="cancel">Ends the wait for other images.</param>
    /// <exception cref="RefusedException">
    /// Invalid: the model is a detector, tells no evidence, or has no such label. NotFound: it has no model. InvalidImage: the image is not accepted.
    /// </exception>
    public async Task<HeatAnswer> ReadAsync(VersionRow version, ReadOnlyMemory<byte> image, string? label, CancellationToken cancel)
    {
        await _one.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => Read(Load(version), image, label), cancel);
        }
        catch (ImageRefusedException refused)
        {
            throw new RefusedException(RefusalKind.InvalidImage, refused.Message);
        }
        finally
        {
            _timer?.Dispose();
            _timer = clock.CreateTimer(_ => Forget(), null, _keepFor, Timeout.InfiniteTimeSpan);
            _one.Release();
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _kept?.Model.Dispose();
        _one.Dispose();
    }

    private TrainedModel Load(VersionRow version)
    {
        if (_kept is { } kept)
        {
            if (kept.Arn == version.Arn)
            {
                return kept.Model;
            }

            _kept = null;
            kept.Model.Dispose();
        }

        try
        {
            var model = TrainedModel.Load(models.FolderOf(version));
            _kept = (version.Arn, model);
            return model;
        }
        catch (InvalidDataException)
        {
            throw Refused.NotFound($"{version.Name} has no model that can be loaded; it is {version.Status}.");
        }
    }

    private static HeatAnswer Read(TrainedModel model, ReadOnlyMemory<byte> image, string? label)
    {
        if (!model.HasEvidence)
        {
            throw Refused.Invalid(
                model.Description.Kind == ModelKinds.Localization
                    ? "The model finds boxes, which show themselves where it looked; heat maps are for models that label whole images."
                    : "The model was trained by an earlier version of the program and does not tell where its evidence is; train it again for heat maps.");
        }

        var prepared = model.Prepare(image, ImageLimits.Default);
        var at = label is null
            ? model.Predict([prepared])[0].MaxBy(p => p.Score).Label
            : model.Description.Labels.Index().Where(l => l.Item == label).Select(l => (int?)l.Index).FirstOrDefault()
                ?? throw Refused.Invalid($"The model has no label '{Readable.Truncate(label)}'.");
        var header = ImageDecoder.ReadHeader(image);
        var (rows, columns) = header.UprightWidth >= header.UprightHeight
            ? (Places(header.UprightHeight, header.UprightWidth), Side)
            : (Side, Places(header.UprightWidth, header.UprightHeight));
        var strength = model.Evidence(prepared).Standing(at);
        return new(
            model.Description.Labels[at], rows, columns,
            strength is null ? [] :
            [
                .. Enumerable.Range(0, rows * columns).Select(
                    i => (float)Math.Round(strength(((i % columns) + .5) / columns, ((i / columns) + .5) / rows), 3)),
            ]);

        static int Places(int side, int longer) => Math.Max(1, (int)Math.Round((double)Side * side / longer));
    }

    private void Forget()
    {
        // In use: the next timer comes.
        if (!_one.Wait(0, CancellationToken.None))
        {
            return;
        }

        _kept?.Model.Dispose();
        _kept = null;
        _one.Release();
    }
}
