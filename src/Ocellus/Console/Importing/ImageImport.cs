using System.Globalization;
using Ocellus.Console.Images;
using Ocellus.Console.Projects;
using Ocellus.Datasets;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Console.Importing;

/// <summary>How a file is imported.</summary>
/// <param name="Set">Where new images go; null for where the source says, and the training set where it does not.</param>
/// <param name="Replace">Whether images that have other labels get those of the source.</param>
internal sealed record ImportChoices(string? Set, bool Replace);

/// <summary>
/// Brings labelled images of any format that is known into a project: images of an archive are added, files of labels alone are matched with the project's
/// images by name. What is there stays, so an import that was interrupted is repeated.
/// </summary>
internal sealed class ImageImport(
    ImageProjects projects, ProjectReader reader, ImageUpload upload, ImportedLabels labels, DatasetCatalog datasets, ImageFacts facts)
{
    /// <summary>Images of a step: their labels are one transaction.</summary>
    private const int StepImages = 50;

    /// <summary>Images added at a time, as by a browser.</summary>
    private const int AtOnce = 4;

    /// <summary>Findings of a kind that are told.</summary>
    private const int FirstFindings = 5;

    /// <summary>In place of the words for a command line.</summary>
    private static readonly Dictionary<string, string> _remedies = new(StringComparer.Ordinal)
    {
        ["missing-picture"] = "Add the image to the project and import again, or import a zip file that has it.",
        ["behind-address"] = "Add the image to the project and import again, or import a zip file that has it.",
        ["size-unknown"] = "Add the image to the project and import again, or import a zip file that has it.",
        ["several-formats"] = "To read the other one, import that file alone.",
    };

    /// <summary>The format of a file; null if it is of none that is known.</summary>
    public static string? Recognize(string file)
    {
        try
        {
            using var source = SourceReader.Open(file, new());
            return source.Format.Title();
        }
        catch (Exception failure) when (failure is CommandRefusedException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Imports a file.</summary>
    /// <param name="project">The project.</param>
    /// <param name="file">A zip archive, or a file of labels alone in its folder.</param>
    /// <param name="options">How.</param>
    /// <param name="summary">Told first, and filled while the import goes on.</param>
    /// <param name="report">Told how far it is: images so far, and about how many there are.</param>
    /// <param name="cancel">Gives up; what was imported stays.</param>
    /// <exception cref="RefusedException">The file is of no known format or damaged, the person lacks a permission, or a job holds the dataset.</exception>
    /// <exception cref="IOException">The disk is full, for example.</exception>
    public async Task RunAsync(
        ImageProject project, string file, ImportChoices options, Action<ImportSummary> summary, Func<long, long?, Task> report, CancellationToken cancel)
    {
        try
        {
            using var pictures = await ProjectPictures.ReadAsync(projects, facts, datasets, project, cancel);
            using var source = await Task.Run(() => SourceReader.Open(file, new() { Elsewhere = pictures }), cancel);
            if (source.PictureCount == 0)
            {
                throw Refused.Invalid("The file has labels and no images, and the project has none. Add the images first, or import a zip file that has them.");
            }

            var sum = new ImportSummary { Format = source.Description };
            summary(sum);
            var kind = (await reader.FindAsync(project.Caller, project.Name, cancel)).Kind;
            using var images = source.Read(cancel).GetEnumerator();
            var import = new Import(project, source, pictures, options, kind, sum);
            var later = new List<LabelledImage>();
            var hasTest = false;
            try
            {
                while (await Task.Run(() => Next(images), cancel) is { Count: > 0 } step)
                {
                    CheckKind(kind, step);
                    hasTest |= step.Exists(i => i.Split == Split.Test);
                    later.AddRange(step.Where(i => i.Split == Split.Validation));
                    await TakeAsync(import, step.FindAll(i => i.Split != Split.Validation), report, cancel);
                }

                // A project has two sets: images for validation are the test of a source that has no other, as for ./ocellus import.
                foreach (var step in later.Select(i => i with { Split = hasTest ? Split.Train : Split.Test }).Chunk(StepImages))
                {
                    await TakeAsync(import, [.. step], report, cancel);
                }
            }
            finally
            {
                sum.Findings = Told(source.Findings);
            }
        }
        catch (Exception failure) when (failure is CommandRefusedException or InvalidDataException)
        {
            // Where the file lies meanwhile is nobody's business.
            throw Refused.Invalid(failure.Message.Replace(file, Path.GetFileName(file), StringComparison.Ordinal));
        }
    }

    private async Task TakeAsync(Import import, List<LabelledImage> step, Func<long, long?, Task> report, CancellationToken cancel)
    {
        await StepAsync(import, step, cancel);
        import.Done += step.Count;
        await report(import.Done, import.Source.IsElsewhere ? null : Math.Max(import.Done, import.Source.PictureCount));
    }

    private static List<LabelledImage> Next(IEnumerator<LabelledImage> images)
    {
        var step = new List<LabelledImage>(StepImages);
        while (step.Count < StepImages && images.MoveNext())
        {
            step.Add(images.Current);
        }

        return step;
    }

    /// <summary>A project learns either labels of images or boxes.</summary>
    private static void CheckKind(ProjectKind? kind, List<LabelledImage> step)
    {
        if (kind == ProjectKind.Boxes && step.Find(i => i.Labels.Count > 0 && !i.IsForBoxes && i.Boxes.Count == 0) is { } whole)
        {
            throw Refused.Invalid($"The project has boxes, and the file has labels of whole images ({whole.Name}). Import it to a project of another kind.");
        }

        if (kind is ProjectKind.OneLabel or ProjectKind.SeveralLabels && step.Find(i => i.IsForBoxes || i.Boxes.Count > 0) is { } boxed)
        {
            throw Refused.Invalid($"The project has labels of whole images, and the file has boxes ({boxed.Name}). Import it to a project of boxes.");
        }
    }

    private async Task StepAsync(Import import, List<LabelledImage> step, CancellationToken cancel)
    {
        var found = new StoredImage?[step.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, step.Count).Where(i => step[i].Picture is not null),
            new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (i, token) => found[i] = import.Source.IsElsewhere ? import.Pictures.Of(step[i].Picture!.Name) : await AddAsync(import, step[i], token));
        var wanted = new List<(LabelledImage Image, WantedLabels Labels)>();
        for (var i = 0; i < step.Count; i++)
        {
            import.Summary.Refused += found[i] is null ? 1 : 0;
            import.Summary.Images += found[i] is null ? 0 : 1;
            if (found[i] is { } stored && step[i].IsLabelled && Wanted(import, step[i], stored) is { } labelled)
            {
                wanted.Add((step[i], labelled));
            }
        }

        // Two names of one content are one image: its labels are those of the first.
        wanted = [.. wanted.DistinctBy(w => w.Labels.Image.SourceRef, StringComparer.Ordinal)];
        if (wanted.Count == 0)
        {
            return;
        }

        // With the datasets as they are now: the first image makes one.
        var project = await projects.FindAsync(import.Project.Caller, import.Project.Name, cancel);
        var outcomes = await labels.WriteAsync(project, [.. wanted.Select(w => w.Labels)], import.Options.Replace, cancel);
        for (var i = 0; i < outcomes.Count; i++)
        {
            Count(import, wanted[i].Image, outcomes[i]);
        }
    }

    private static void Count(Import import, LabelledImage image, (LabelsOutcome Outcome, string? Reason) end)
    {
        switch (end.Outcome)
        {
            case LabelsOutcome.Written:
                import.Summary.Labelled++;
                break;
            case LabelsOutcome.Known:
                import.Summary.Known++;
                break;
            case LabelsOutcome.Differs:
                import.Summary.Differing++;
                break;
            default:
                Refuse(import, image, end.Reason!);
                import.Summary.Refused++;
                break;
        }
    }

    /// <summary>The labels that an image is to have; null if the project has no place for them.</summary>
    private static WantedLabels? Wanted(Import import, LabelledImage image, StoredImage stored)
    {
        var hasBoxes = image.IsForBoxes || image.Boxes.Count > 0;
        if (!hasBoxes && import.Kind == ProjectKind.OneLabel && image.Labels.Count > 1)
        {
            import.Source.Findings.Error(
                "several-labels", image.Place, $"{image.Name} has {image.Labels.Count} labels, and the images of this project have one.",
                "Import the file to a project for several labels an image.");
            return null;
        }

        return new(stored, new(hasBoxes ? [] : image.Labels, [.. image.Boxes.Select(Rect)]), hasBoxes);
    }

    /// <summary>Whole pixels, as a person draws. Edges are rounded, not sizes, so that neighbours that touch still do.</summary>
    private static LabelledRect Rect(ImageBox box)
    {
        int left = Round(box.Left), top = Round(box.Top);
        return new(box.Label, left, top, Math.Max(1, Round(box.Left + box.Width) - left), Math.Max(1, Round(box.Top + box.Height) - top));

        static int Round(double value) => (int)Math.Round(value, MidpointRounding.AwayFromZero);
    }

    /// <summary>Adds an image of an archive; null if it is none that trains, which is among the findings.</summary>
    private async Task<StoredImage?> AddAsync(Import import, LabelledImage image, CancellationToken cancel)
    {
        try
        {
            var bytes = image.Picture!.Length;
            if (bytes > ImageUpload.BytesMax)
            {
                throw new InvalidDataException(
                    string.Create(CultureInfo.InvariantCulture, $"The image has {bytes:N0} bytes; it may have {ImageUpload.BytesMax:N0} (15 MB)."));
            }

            using var content = new MemoryStream((int)bytes);
            lock (import.Source)
            {
                // An archive is read by one at a time.
                using var stream = image.OpenRead();
                stream.CopyTo(content);
            }

            var set = import.Options.Set ?? (image.Split == Split.Test ? ImageSet.Test : ImageSet.Train);
            var answer = await upload.TakeAsync(import.Project, new(set, image.Name, null, content.ToArray()), cancel);
            lock (import.Summary)
            {
                import.Summary.Added += answer.Outcome == "added" ? 1 : 0;
            }

            return new(answer.Set, answer.Image);
        }
        catch (RefusedException refusal) when (refusal.Kind is RefusalKind.InvalidImage or RefusalKind.ImageTooLarge)
        {
            Refuse(import, image, refusal.Message);
            return null;
        }
        catch (InvalidDataException damaged)
        {
            Refuse(import, image, damaged.Message);
            return null;
        }
    }

    private static void Refuse(Import import, LabelledImage image, string reason) =>
        import.Source.Findings.Error("refused-image", new(image.Name), reason, "Mend the image or its labels, or leave it out.");

    private static List<ImportFinding> Told(Findings findings) =>
    [
        .. findings.Groups.Select(g => new ImportFinding(
            g.Severity == Severity.Error ? "error" : "warning", g.Count, [.. g.First.Take(FirstFindings).Select(f => $"{f.Place}: {f.Words}")],
            _remedies.GetValueOrDefault(g.Code, g.First[0].Remedy))),
    ];

    private sealed record Import(
        ImageProject Project, SourceReader Source, ProjectPictures Pictures, ImportChoices Options, ProjectKind? Kind, ImportSummary Summary)
    {
        /// <summary>Images so far.</summary>
        public long Done { get; set; }
    }
}
