using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Console.Images;

/// <summary>What a person marked of an image beside its labels; null leaves a mark as it is.</summary>
internal sealed record Marks(bool? Unsure = null, bool? Approved = null, bool? Nothing = null);

/// <summary>Labels as they go over the wire. Null boxes, or null labels, are not part of the change.</summary>
internal sealed record SentLabels(IReadOnlyList<string>? Labels = null, IReadOnlyList<LabelledRect>? Boxes = null);

/// <summary>A change of one image.</summary>
/// <param name="Set">Where the image was when the person saw it.</param>
/// <param name="Image">Its <c>source-ref</c>.</param>
/// <param name="Revision">Of the line that the person saw.</param>
/// <param name="Was">Its labels then.</param>
/// <param name="Now">What the person made of them; null changes marks alone.</param>
/// <param name="Marks">Marks that change.</param>
/// <param name="Single">Whether an image has one label at most.</param>
/// <param name="ByEye">Whether a person looked at this image, rather than at a screen of suggestions.</param>
internal sealed record ImageEdit(
    string Set, string Image, string Revision, SentLabels? Was = null, SentLabels? Now = null, Marks? Marks = null, bool Single = false, bool ByEye = true);

/// <summary>What became of a change.</summary>
internal static class EditOutcome
{
    /// <summary>It is stored as sent.</summary>
    public const string Kept = "kept";

    /// <summary>The image had changed, in another place: both changes are stored.</summary>
    public const string Merged = "merged";

    /// <summary>The image had changed in the same place: nothing is stored, and the answer has what is there.</summary>
    public const string Conflict = "conflict";

    /// <summary>It breaks a rule: nothing is stored.</summary>
    public const string Refused = "refused";

    /// <summary>The image is no longer in the project.</summary>
    public const string Gone = "gone";
}

/// <summary>An image as it is after a change, or as it is now.</summary>
internal sealed record ImageState(
    string Set, long Ordinal, string Image, string Revision, IReadOnlyList<string> Labels, IReadOnlyList<LabelledRect> Boxes, int Flags, int Width, int Height,
    string Version)
{
    public string? Outcome { get; init; }

    public string? Reason { get; init; }
}

/// <summary>Bits that say more of an image.</summary>
internal static class ImageFlags
{
    /// <summary>The line claims a label.</summary>
    public const int Labelled = 1;

    /// <summary>The line has errors.</summary>
    public const int Errors = 2;

    public const int Unsure = 4;

    public const int Approved = 8;

    /// <summary>A person looked, and there is nothing to label.</summary>
    public const int Nothing = 16;

    public const int Boxes = 32;

    /// <summary>A label that no person has confirmed.</summary>
    public const int ToReview = 64;

    public static int Of(string entry, bool labelled, bool errors, Marks? marks) =>
        (labelled ? Labelled : 0) | (errors ? Errors : 0) | (marks?.Unsure is true ? Unsure : 0) | (marks?.Approved is true ? Approved : 0)
            | (marks?.Nothing is true ? Nothing : 0)
            // Quotation marks inside of strings are escaped, so these are members of the line.
            | (entry.Contains("\"type\":\"groundtruth/object-detection\"", StringComparison.Ordinal) ? Boxes : 0)
            | (entry.Contains("\"human-annotated\":\"no\"", StringComparison.Ordinal) ? ToReview : 0);
}

/// <summary>A part of the index, by columns: thousands of images are a few arrays.</summary>
internal sealed record IndexChunk
{
    public required string Set { get; init; }

    /// <summary>What all names begin with.</summary>
    public required string Prefix { get; init; }

    public required IReadOnlyList<long> Ordinals { get; init; }

    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Width by height of the upright image; 0 where it is not known yet.</summary>
    public required IReadOnlyList<double> Aspects { get; init; }

    /// <summary>The labels of this part.</summary>
    public required IReadOnlyList<string> LabelNames { get; init; }

    /// <summary>Of each image, its labels as places in <see cref="LabelNames"/>.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Labels { get; init; }

    public required IReadOnlyList<int> Flags { get; init; }

    public required IReadOnlyList<string> Revisions { get; init; }

    /// <summary>Of the image's content; empty where it is not known yet.</summary>
    public required IReadOnlyList<string> Versions { get; init; }

    /// <summary>The ordinal to go on after; null at the end.</summary>
    public long? Next { get; init; }

    public long Total { get; init; }
}

internal sealed record LinesRequest(string Set, IReadOnlyList<long> Ordinals);

internal sealed record EditsRequest(IReadOnlyList<ImageEdit> Edits);

internal sealed record StatesAnswer(IReadOnlyList<ImageState> Images);

/// <summary>Names images of one set.</summary>
internal sealed record ImagesRequest(string Set, IReadOnlyList<string> Images, string? To = null);

/// <summary>A line that was removed, so that it can be put back.</summary>
internal sealed record RemovedLine(string Set, long Ordinal, string Line);

internal sealed record RemovedAnswer(IReadOnlyList<RemovedLine> Removed);

internal sealed record RestoreRequest(IReadOnlyList<RemovedLine> Lines);

internal sealed record CountAnswer(long Images);

/// <summary>What became of an uploaded file.</summary>
/// <param name="Outcome"><c>added</c> or <c>duplicate</c>.</param>
/// <param name="Image">The new image, or the one with the same content.</param>
/// <param name="Set">Where it is.</param>
internal sealed record UploadAnswer(string Outcome, string Image, string Set);

/// <summary>A label of a project.</summary>
/// <param name="Name">The label.</param>
/// <param name="Colour">One of twelve, from 0; negative if nobody chose one.</param>
/// <param name="Key">A digit, or empty.</param>
/// <param name="Train">Training images that have it.</param>
/// <param name="Test">Test images that have it.</param>
internal sealed record BookLabel(string Name, int Colour = -1, string Key = "", long Train = 0, long Test = 0);

internal sealed record LabelsAnswer(IReadOnlyList<BookLabel> Labels);

internal sealed record RenameRequest(IReadOnlyList<string> From, string To);

/// <summary>What a page asks every few seconds: who else is here, and what has changed.</summary>
/// <param name="Tab">Names the page.</param>
/// <param name="After">The last change that it knows.</param>
/// <param name="Open">The image that it has open.</param>
internal sealed record PulseRequest(string Tab, long After, string? Open = null);

internal sealed record Present(string Image, string Initials, string Name);

internal sealed record ChangedImage(string Set, string Image);

/// <param name="Seq">The last change.</param>
/// <param name="Changed">Images that changed; null if they are too many to tell, so that the index is to be read again.</param>
/// <param name="Others">Who has which image open.</param>
internal sealed record PulseAnswer(long Seq, IReadOnlyList<ChangedImage>? Changed, IReadOnlyList<Present> Others);

/// <param name="Tab">Names the page.</param>
/// <param name="Candidates">Unlabelled images in the order in which the page would take them.</param>
internal sealed record LeaseRequest(string Tab, IReadOnlyList<string> Candidates);

/// <param name="Image">The one that this page may have; null if others have them all.</param>
internal sealed record LeaseAnswer(string? Image);

/// <summary>Serialization of the console's messages about images.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(IndexChunk)), JsonSerializable(typeof(LinesRequest)), JsonSerializable(typeof(EditsRequest)), JsonSerializable(typeof(StatesAnswer))]
[JsonSerializable(typeof(ImagesRequest)), JsonSerializable(typeof(RemovedAnswer)), JsonSerializable(typeof(RestoreRequest))]
[JsonSerializable(typeof(CountAnswer))]
[JsonSerializable(typeof(UploadAnswer)), JsonSerializable(typeof(LabelsAnswer)), JsonSerializable(typeof(RenameRequest)), JsonSerializable(typeof(BookLabel))]
[JsonSerializable(typeof(string)), JsonSerializable(typeof(IReadOnlyList<string>)), JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(PulseRequest)), JsonSerializable(typeof(PulseAnswer)), JsonSerializable(typeof(LeaseRequest)), JsonSerializable(typeof(LeaseAnswer))]
internal sealed partial class ImagesJson : JsonSerializerContext;
