namespace Ocellus.Datasets.Manifests;

/// <summary>What a training learns from its manifests.</summary>
internal enum UseCase
{
    /// <summary>The check ended before the choice.</summary>
    NotDetermined,
    ImageLevelLabels,
    ObjectLocalization,
}

/// <summary>A terminal error of a manifest's content.</summary>
internal sealed record ContentError(string Code, string Message)
{
    /// <summary>Code and text, as a dataset's status message has them.</summary>
    public string Text => $"{Code}: {Message}";

    public static ContentError ImageBucketPermissions { get; } = new(
        "ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET", "The permissions for the images S3 bucket are invalid.");

    public static ContentError ImageBucketOwner { get; } = new("ERROR_INVALID_IMAGES_S3_BUCKET_OWNER", "Invalid owner id for images S3 bucket.");

    public static ContentError NoAutoSplit { get; } = new(
        "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT", "The manifest file contains insufficient labeled images per label to perform auto-split.");

    public static ContentError ImagesNotCopied { get; } = new("ERROR_FAILED_IMAGES_S3_COPY", "Failed to copy images from S3 bucket.");

    public static ContentError TooManyRecordsInError { get; } = new("ERROR_TOO_MANY_RECORDS_IN_ERROR", "The manifest file has too many terminal errors.");

    public static ContentError TooManyRows { get; } = new("ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM", "The manifest file has too many rows.");

    internal static ContentError TooManyInvalid { get; } = new("ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST", "The manifest file contains too many invalid rows.");

    internal static ContentError ManyBuckets { get; } = new(
        "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS", "The manifest file contains images from multiple S3 buckets.");

    internal static ContentError TooFewLabels { get; } = new("ERROR_MANIFEST_TOO_FEW_LABELS", "The manifest file has too few labels.");

    internal static ContentError TooManyLabels { get; } = new("ERROR_MANIFEST_TOO_MANY_LABELS", "The manifest file has too many labels.");

    internal static ContentError TooFewUsableLabels { get; } = new("ERROR_MANIFEST_TOO_FEW_USABLE_LABELS", "The manifest file has too few usable labels.");

    internal static ContentError LabelOverlap { get; } = new(
        "ERROR_INSUFFICIENT_LABEL_OVERLAP", "Less than 50% label overlap between the training and testing manifest files.");

    internal static ContentError UsableLabelOverlap { get; } = new(
        "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP", "Less than 50% usable label overlap between the training and testing manifest files.");
}

/// <summary>One manifest after the check. Total = valid + invalid + ignored.</summary>
/// <param name="Total">Lines of the manifest.</param>
/// <param name="Valid">Lines that are not left out, in any format.</param>
/// <param name="Invalid">Lines left out because of errors.</param>
/// <param name="Ignored">Lines left out because of warnings only.</param>
/// <param name="ErrorLines">Numbers of the lines with any error, ascending.</param>
/// <param name="Errors">Terminal errors of this manifest.</param>
/// <param name="Usable">Valid lines of the chosen format; empty if no use case was chosen.</param>
internal sealed record SideResult(int Total, int Valid, int Invalid, int Ignored, IReadOnlyList<int> ErrorLines,
    IReadOnlyList<ContentError> Errors, IReadOnlyList<ParsedLine> Usable);

/// <summary>Both manifests after the check.</summary>
/// <param name="UseCase">The format chosen for training.</param>
/// <param name="Training">The training manifest.</param>
/// <param name="Testing">The test manifest.</param>
/// <param name="Errors">Terminal errors that span both.</param>
/// <param name="Labels">Labels of the model, ordinal order: those of the usable training lines.</param>
/// <param name="IsMultiLabel">Whether any training image has several image-level labels.</param>
/// <param name="WholeImageBoxes">Whether training has image-level labels only, each taken as one box over the whole image.</param>
internal sealed record ContentResult(UseCase UseCase, SideResult Training, SideResult Testing, IReadOnlyList<ContentError> Errors,
    IReadOnlyList<string> Labels, bool IsMultiLabel, bool WholeImageBoxes)
{
    /// <summary>Text for <c>StatusMessage</c>: the first of training, test, both; null if training may go on.</summary>
    public string? FirstMessage => Training.Errors.Concat(Testing.Errors).Concat(Errors).FirstOrDefault()?.Message;
}

/// <summary>Rules over the content of a training and a test manifest.</summary>
internal static class ContentCheck
{
    /// <summary>Maximum distinct labels of a manifest or dataset. AWS quota.</summary>
    internal const int LabelsMax = 250;

    /// <summary>Checks both manifests. A manifest that fails as a whole ends the check before a use case is chosen.</summary>
    /// <param name="training">All lines of the training manifest, after any split.</param>
    /// <param name="testing">All lines of the test manifest, after any split.</param>
    /// <param name="trainingFound">Terminal errors the caller found itself (permissions, owner, image copy, rows, split).</param>
    /// <param name="testingFound">Those of the test manifest.</param>
    public static ContentResult Run(IReadOnlyList<ParsedLine> training, IReadOnlyList<ParsedLine> testing,
        IReadOnlyList<ContentError>? trainingFound = null, IReadOnlyList<ContentError>? testingFound = null)
    {
        var trainingErrors = WholeErrors(training, trainingFound);
        var testingErrors = WholeErrors(testing, testingFound);
        if (trainingErrors.Count + testingErrors.Count > 0)
        {
            return new ContentResult(UseCase.NotDetermined, Side(training, trainingErrors, []), Side(testing, testingErrors, []), [], [], false, false);
        }

        var useCase = Choose(training, testing, out var wholeImage);
        var minimum = useCase == UseCase.ImageLevelLabels ? 2 : 1;
        var usableTraining = Usable(training, useCase, wholeImage);
        var usableTesting = Usable(testing, useCase, false);
        var trainingLabels = LabelSet(training.SelectMany(AllLabels));
        var testingLabels = LabelSet(testing.SelectMany(AllLabels));
        var trainingUsable = LabelSet(usableTraining.SelectMany(line => LabelsOf(line, wholeImage ? UseCase.ImageLevelLabels : useCase)));
        var testingUsable = LabelSet(usableTesting.SelectMany(line => LabelsOf(line, useCase)));
        CountErrors(trainingLabels, trainingUsable, minimum, trainingErrors);
        CountErrors(testingLabels, testingUsable, minimum, testingErrors);

        var spanning = new List<ContentError>();
        if (Overlap(trainingLabels, testingLabels) < 0.5)
        {
            spanning.Add(ContentError.LabelOverlap);
        }
        else if (Overlap(trainingUsable, testingUsable) < 0.5)
        {
            spanning.Add(ContentError.UsableLabelOverlap);
        }

        var multiLabel = useCase == UseCase.ImageLevelLabels && usableTraining.Exists(line => line.ImageLabels.Count > 1);
        return new ContentResult(useCase, Side(training, trainingErrors, usableTraining), Side(testing, testingErrors, usableTesting),
            spanning, [.. trainingUsable], multiLabel, wholeImage);
    }

    /// <summary>The 20 % rule: strictly more than 20 % of the lines.</summary>
    internal static bool IsTooMany(long bad, long lines) => bad * 5 > lines;

    /// <summary>Labels of a line in one format.</summary>
    public static IReadOnlyList<string> LabelsOf(ParsedLine line, UseCase useCase) => useCase switch
    {
        UseCase.ImageLevelLabels => line.ImageLabels,
        UseCase.ObjectLocalization => line.BoxLabels,
        UseCase.NotDetermined => [],
    };

    private static IEnumerable<string> AllLabels(ParsedLine line) => line.ImageLabels.Concat(line.BoxLabels);

    private static SortedSet<string> LabelSet(IEnumerable<string> labels) => new(labels, StringComparer.Ordinal);

    private static List<ContentError> WholeErrors(IReadOnlyList<ParsedLine> lines, IReadOnlyList<ContentError>? found)
    {
        // Bucket errors come first: they are the cause, and the lines that are out follow from them.
        var errors = new List<ContentError>(found ?? []);
        if (IsTooMany(lines.Count(line => line.IsOut), lines.Count))
        {
            errors.Add(ContentError.TooManyInvalid);
        }

        if (lines.Where(line => line.Bucket.Length > 0).Select(line => line.Bucket).Distinct(StringComparer.Ordinal).Skip(1).Any())
        {
            errors.Add(ContentError.ManyBuckets);
        }

        return errors;
    }

    private static void CountErrors(SortedSet<string> labels, SortedSet<string> usable, int minimum, List<ContentError> errors)
    {
        if (labels.Count < minimum)
        {
            errors.Add(ContentError.TooFewLabels);
        }
        else if (usable.Count < minimum)
        {
            errors.Add(ContentError.TooFewUsableLabels);
        }

        // Counted over all lines, as the error has no "usable" sibling.
        if (labels.Count > LabelsMax)
        {
            errors.Add(ContentError.TooManyLabels);
        }
    }

    /// <summary>Share of the training labels that the test manifest has; 1 if there are none, which is another error.</summary>
    private static double Overlap(SortedSet<string> training, SortedSet<string> testing) =>
        training.Count == 0 ? 1 : training.Count(testing.Contains) / (double)training.Count;

    private static UseCase Choose(IReadOnlyList<ParsedLine> training, IReadOnlyList<ParsedLine> testing, out bool wholeImage)
    {
        var trainingImages = training.Count(line => line.HasImageLevel);
        var trainingBoxes = training.Count(line => line.HasBoxes);
        var testingImages = testing.Any(line => line.HasImageLevel);
        var testingBoxes = testing.Any(line => line.HasBoxes);
        wholeImage = false;
        if (testingBoxes && !testingImages)
        {
            wholeImage = trainingBoxes == 0 && trainingImages > 0;
            return UseCase.ObjectLocalization;
        }

        var images = trainingImages > 0 || testingImages;
        var boxes = trainingBoxes > 0 || testingBoxes;
        return (images, boxes) switch
        {
            (false, false) => UseCase.NotDetermined,
            (true, false) => UseCase.ImageLevelLabels,
            (false, true) => UseCase.ObjectLocalization,
            (true, true) => trainingImages > trainingBoxes ? UseCase.ImageLevelLabels : UseCase.ObjectLocalization,
        };
    }

    private static List<ParsedLine> Usable(IReadOnlyList<ParsedLine> lines, UseCase useCase, bool wholeImage) =>
        [
            .. lines.Where(
                line => wholeImage || useCase == UseCase.ImageLevelLabels ? line.HasImageLevel : useCase == UseCase.ObjectLocalization && line.HasBoxes),
        ];

    private static SideResult Side(IReadOnlyList<ParsedLine> lines, List<ContentError> errors, List<ParsedLine> usable)
    {
        var invalid = lines.Count(line => line.IsOut);
        var ignored = lines.Count(line => line.IsIgnored);
        return new SideResult(lines.Count, lines.Count - invalid - ignored, invalid, ignored,
            [.. lines.Where(line => line.HasErrors).Select(line => line.Number).Order()], errors, usable);
    }
}
