using System.Text.Json.Serialization;

namespace Ocellus.Console.Importing;

/// <summary>Findings of one kind, as a page shows them.</summary>
/// <param name="Severity"><c>error</c>: something was left out; <c>warning</c>: it was used, perhaps not as it was meant.</param>
/// <param name="Count">How many there are.</param>
/// <param name="First">The first few: place and words.</param>
/// <param name="Remedy">What would be right.</param>
internal sealed record ImportFinding(string Severity, long Count, IReadOnlyList<string> First, string Remedy);

/// <summary>What an import has done.</summary>
internal sealed record ImportSummary
{
    /// <summary>The format that was recognized, and its file.</summary>
    public required string Format { get; init; }

    /// <summary>Images that the source describes and that are in the project now.</summary>
    public long Images { get; set; }

    /// <summary>Those of them that came with the import.</summary>
    public long Added { get; set; }

    /// <summary>Images whose labels were written.</summary>
    public long Labelled { get; set; }

    /// <summary>Images that had just these labels.</summary>
    public long Known { get; set; }

    /// <summary>Images that have other labels, and keep them.</summary>
    public long Differing { get; set; }

    /// <summary>Images that were left out, each of which is among the findings.</summary>
    public long Refused { get; set; }

    public IReadOnlyList<ImportFinding> Findings { get; set; } = [];
}

/// <summary>A line of the answer to an import: how far it is, then how it ended.</summary>
/// <param name="Done">Images so far.</param>
/// <param name="Total">About how many there are; null if nobody knows yet.</param>
/// <param name="Summary">At the end.</param>
/// <param name="Failure">Why it ended before its end; what was imported until then stays.</param>
internal sealed record ImportNews(long Done, long? Total, ImportSummary? Summary = null, string? Failure = null);

/// <summary>What files of labels are; null if no format is recognized.</summary>
internal sealed record RecognizedAnswer(string? Format);

/// <summary>Serialization of the messages about imports.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ImportNews)), JsonSerializable(typeof(RecognizedAnswer))]
internal sealed partial class ImportsJson : JsonSerializerContext;
