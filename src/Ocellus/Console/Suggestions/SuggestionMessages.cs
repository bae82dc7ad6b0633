using System.Text.Json.Serialization;
using Ocellus.Console.Images;
using Ocellus.Encodings;

namespace Ocellus.Console.Suggestions;

/// <summary>Where suggestions come from.</summary>
internal static class SuggestionSource
{
    /// <summary>The newest finished version.</summary>
    public const string Model = "model";

    /// <summary>A head on frozen features, fitted to the labels that people gave.</summary>
    public const string Head = "head";

    /// <summary>There are too few labels yet.</summary>
    public const string None = "none";
}

/// <summary>Suggested labels of one set, by columns.</summary>
/// <param name="Ordinals">The images.</param>
/// <param name="Labels">Of each, places in <see cref="SuggestAnswer.Labels"/>, the surest first.</param>
/// <param name="Scores">Of each of these, percent.</param>
/// <param name="Sure">Of each image, percent: how sure all of it is, for orders.</param>
internal sealed record SuggestedSet(
    IReadOnlyList<long> Ordinals, IReadOnlyList<IReadOnlyList<int>> Labels, IReadOnlyList<IReadOnlyList<int>> Scores, IReadOnlyList<int> Sure);

/// <summary>What is suggested for a project's images.</summary>
/// <param name="Revision">Changes with the suggestions.</param>
/// <param name="Source">One of <see cref="SuggestionSource"/>.</param>
/// <param name="Words">The same, for people.</param>
/// <param name="Ready">Images that have been looked at.</param>
/// <param name="Total">Images to look at.</param>
/// <param name="Labels">The labels that are suggested.</param>
/// <param name="Sets">Null if the caller has this revision.</param>
internal sealed record SuggestAnswer(
    long Revision, string Source, string Words, int Ready, int Total, IReadOnlyList<string> Labels, IReadOnlyDictionary<string, SuggestedSet>? Sets);

internal sealed record BoxesRequest(string Set, IReadOnlyList<long> Ordinals);

/// <summary>A suggested box, in pixels of the upright image.</summary>
/// <param name="Label">Its label; empty if only its place is suggested.</param>
/// <param name="Score">Percent.</param>
/// <param name="Left">From the left edge.</param>
/// <param name="Top">From the upper edge.</param>
/// <param name="Width">At least 1.</param>
/// <param name="Height">At least 1.</param>
internal sealed record SuggestedBox(string Label, int Score, int Left, int Top, int Width, int Height);

internal sealed record SuggestedBoxes(long Ordinal, IReadOnlyList<SuggestedBox> Boxes);

internal sealed record BoxesAnswer(string Source, string Words, IReadOnlyList<SuggestedBoxes> Images);

/// <summary>An image whose label may be wrong.</summary>
/// <param name="Image">Which.</param>
/// <param name="Label">The label it has.</param>
/// <param name="Score">Percent, by a head that has not seen the image.</param>
/// <param name="Likelier">The label that fits better.</param>
/// <param name="LikelierScore">Percent.</param>
/// <param name="Revision">Of its line, to change it.</param>
/// <param name="Labels">All its labels.</param>
internal sealed record SuspectImage(
    HealthImage Image, string Label, int Score, string Likelier, int LikelierScore, string Revision, IReadOnlyList<string> Labels);

/// <summary>Two images that show the same.</summary>
internal sealed record LikePair(HealthImage First, HealthImage Second, bool Mirrored, int Similarity);

/// <summary>What a look at the pictures themselves finds.</summary>
/// <param name="Ready">Images that have been looked at.</param>
/// <param name="Total">Images to look at.</param>
/// <param name="Suspects">Labels that may be wrong, the likeliest first.</param>
/// <param name="Leaks">Pairs of which one is a training image and the other a test image; equal files are told elsewhere.</param>
/// <param name="Duplicates">Pairs in one set.</param>
internal sealed record FindingsAnswer(
    int Ready, int Total, IReadOnlyList<SuspectImage> Suspects, IReadOnlyList<LikePair> Leaks, IReadOnlyList<LikePair> Duplicates);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SuggestAnswer)), JsonSerializable(typeof(BoxesRequest)), JsonSerializable(typeof(BoxesAnswer))]
[JsonSerializable(typeof(FindingsAnswer))]
[JsonSerializable(typeof(HealthImage))]
internal sealed partial class SuggestionsJson : JsonSerializerContext;
