using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;
using Ocellus.Formats;
using Ocellus.Formats.Checks;
using Ocellus.Refusals;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    /// <summary>Findings of a kind that are shown, as by <c>convert</c>.</summary>
    private const int FindingsShown = 3;

    private static readonly UTF8Encoding _utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>The source as the job's manifests and images.</summary>
    private sealed record SourceJob(IReadOnlyList<JobImage> Images, bool HasTest, int Unlabelled, int ValidationToTrain);

    /// <summary>Refuses what does not go together: the images are those of a source, or of manifests.</summary>
    /// <param name="source">The source.</param>
    /// <param name="manifest">The manifest that stands for it.</param>
    /// <param name="images">Needed beside a manifest.</param>
    /// <param name="withSource">Options that say how a source is read.</param>
    /// <param name="withManifest">Options that only a manifest has.</param>
    public static Action<CommandResult> SourceOrManifest(
        Argument<string?> source, Option<string?> manifest, Option<string?> images, IReadOnlyList<Option> withSource, IReadOnlyList<Option> withManifest) =>
        result =>
        {
            bool Has(Option option) => result.GetResult(option) is { Implicit: false };
            if (new Option[] { manifest, images }.Any(o => Has(o) && result.GetResult(o)!.Tokens.Count == 0))
            {
                // It lacks its value, which the library reports.
                return;
            }

            var (hasSource, hasManifest) = (result.GetResult(source) is { Tokens.Count: > 0 }, Has(manifest));
            if (hasSource == hasManifest)
            {
                result.AddError(hasSource
                    ? $"{manifest.Name} has no effect beside a SOURCE; leave out one of them."
                    : $"Name a SOURCE, which is a folder, zip file or file of labels, or {manifest.Name} and {images.Name}.");
            }
            else if (hasManifest && !Has(images))
            {
                result.AddError($"{images.Name} is missing.");
            }

            foreach (var option in (hasSource ? withManifest : hasManifest ? withSource : []).Where(Has))
            {
                result.AddError($"{option.Name} has no effect beside {(hasSource ? "a SOURCE" : manifest.Name)}; leave it out.");
            }
        };

    /// <summary>Opens the source of a request and says what it is.</summary>
    private static Task<SourceReader> OpenAsync(Request request, Terminal terminal, CancellationToken cancel) => SourceOpening.OpenAsync(
        request.Source!, new SourceOptions { Format = request.From, Images = request.Images }, request.Fetch, terminal, cancel);

    /// <summary>Writes the source's manifests into the job's folder, and says what is wrong with the source.</summary>
    private static async Task<IReadOnlyList<JobImage>> WriteSourceAsync(Request request, JobFolder folder, Terminal terminal, CancellationToken cancel)
    {
        using var reader = await OpenAsync(request, terminal, cancel);
        var job = await Task.Run(() => Write(reader, folder.TrainingManifest, folder.TestingManifest, folder, cancel), cancel);
        foreach (var line in FindingLines.Of(reader.Findings.Groups, FindingsShown))
        {
            terminal.Remark(line);
        }

        if (job.Unlabelled > 0)
        {
            terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"{job.Unlabelled:N0} images without a label were left out."));
        }

        if (job.ValidationToTrain > 0)
        {
            terminal.Remark(string.Create(
                CultureInfo.InvariantCulture, $"{job.ValidationToTrain:N0} images for validation are learnt from, since the source has a test too."));
        }

        if (new FileInfo(folder.TrainingManifest).Length == 0)
        {
            throw new CommandRefusedException(
                job.HasTest
                    ? $"All labelled images of {request.Source} are for testing; a training needs images to learn from, in train, or without a split."
                    : $"Nothing in {request.Source} can be learnt ({reader.Description}).");
        }

        var missing = job.Images.Where(i => i.File is null).ToList();
        return missing.Count * MissingImages.Share <= job.Images.Count
            ? job.Images
            : throw new CommandRefusedException(
                $"{missing.Count} of {job.Images.Count} pictures of {request.Source} are not there, such as {missing[0].LookedFor}. Nothing was begun: that is "
                    + $"more than a fifth. Put them into the source, or name their folder with --images.");
    }

    /// <summary>Writes both manifests; the second only if the source has images for testing or validation.</summary>
    /// <param name="reader">The source.</param>
    /// <param name="training">The file of the training.</param>
    /// <param name="testing">The file of the test.</param>
    /// <param name="folder">Takes copies of pictures that cannot be read where they are; null to write manifests alone.</param>
    /// <param name="cancel">Ends it.</param>
    private static SourceJob Write(SourceReader reader, string training, string testing, JobFolder? folder, CancellationToken cancel)
    {
        var later = testing + ".validation";
        var source = new SourceManifest(reader);
        var images = new List<JobImage>();
        var (tests, validations) = (0, 0);
        using (var train = Open(training))
        using (var test = Open(testing))
        using (var validation = Open(later))
        {
            foreach (var line in source.Lines(cancel))
            {
                (line.Image.Split switch { Split.Test => test, Split.Validation => validation, _ => train }).WriteLine(line.Text);
                tests += line.Image.Split == Split.Test ? 1 : 0;
                validations += line.Image.Split == Split.Validation ? 1 : 0;
                var file = folder is null ? null : FileOf(line.Image, folder, images.Count, reader.Findings);
                images.Add(new JobImage(line.Ref, file, file is null ? JobImage.Missing : null)
                {
                    LookedFor = line.Image.Picture?.PathOnDisk ?? line.Image.Name,
                });
            }
        }

        // Custom Labels knows training and test only. Images for validation are the test of a source that has no other.
        if (tests == 0)
        {
            File.Move(later, testing, overwrite: true);
        }
        else
        {
            using var from = File.OpenRead(later);
            using var to = new FileStream(training, FileMode.Append);
            from.CopyTo(to);
        }

        File.Delete(later);
        if (tests + validations == 0)
        {
            File.Delete(testing);
        }

        return new(images, tests + validations > 0, source.Unlabelled, tests > 0 ? validations : 0);

        static StreamWriter Open(string file) => new(file, append: false, _utf8) { NewLine = "\n" };
    }

    /// <summary>The file of a picture that the training reads: its own, or a copy in the job's folder. Null if it is not there, or cannot be read.</summary>
    private static string? FileOf(LabelledImage image, JobFolder folder, int number, Findings findings)
    {
        if (image.Picture is null || image.IsUnreadable)
        {
            return null;
        }

        if (image.Picture.PathOnDisk is { } path)
        {
            return File.Exists(path) ? LocalCopies.Use(path, folder, number) : null;
        }

        Directory.CreateDirectory(folder.Images);
        var unpacked = Path.Combine(folder.Images, string.Create(CultureInfo.InvariantCulture, $"{number:D6}.unpacked"));
        if (SourceManifest.Unpack(image, unpacked) is { } refusal)
        {
            findings.Error("unreadable-picture", new(image.Picture.Name), refusal, "Save it again as JPEG or PNG, or remove it.");
            return null;
        }

        var used = LocalCopies.Use(unpacked, folder, number);
        if (used != unpacked)
        {
            File.Delete(unpacked);
        }

        return used;
    }

    /// <summary>Whether the source is still what the training began with.</summary>
    private static async Task<bool> SameSourceAsync(Request request, JobFolder folder, Terminal terminal, CancellationToken cancel)
    {
        var again = Directory.CreateDirectory(Path.Combine(folder.Path, "again")).FullName;
        try
        {
            var (training, testing) = (Path.Combine(again, "training"), Path.Combine(again, "testing"));
            using var reader = await OpenAsync(request, terminal, cancel);
            await Task.Run(() => Write(reader, training, testing, null, cancel), cancel);
            return SameFile(training, folder.TrainingManifest)
                && File.Exists(testing) == File.Exists(folder.TestingManifest)
                && (!File.Exists(testing) || SameFile(testing, folder.TestingManifest));
        }
        finally
        {
            Directory.Delete(again, recursive: true);
        }
    }

    /// <summary>What is seen within seconds in a source, its own faults apart, which have been told.</summary>
    private static void QuickCheck(Request request, Findings findings, CancellationToken cancel)
    {
        var options = new SourceOptions
        {
            Format = request.From,
            Images = request.Images,
            Limits = SourceLimits.Default with { FilesMax = QuickFilesMax },
        };
        using var reader = SourceReader.Open(request.Source!, options);
        SourceCheck.Quick(reader.Read(cancel), new SourcePlace(request.Source!), findings, cancel);
    }
}
