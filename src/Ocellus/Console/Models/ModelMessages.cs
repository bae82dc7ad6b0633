using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Console.Models;

/// <summary>A rectangle as shares of the upright image's sides, 0 to 1.</summary>
internal sealed record ShownBox(int Label, double Left, double Top, double Width, double Height);

/// <summary>A box that a detector found.</summary>
/// <param name="Label">Index of the label.</param>
/// <param name="Score">0 to 1.</param>
/// <param name="Left">As in <see cref="ShownBox"/>, as are the other three.</param>
/// <param name="Top">See Left.</param>
/// <param name="Width">See Left.</param>
/// <param name="Height">See Left.</param>
/// <param name="Truth">Index of the true box that it matches; null if it matches none.</param>
internal sealed record FoundBox(int Label, float Score, double Left, double Top, double Width, double Height, int? Truth);

/// <summary>What a model said of one image of its test.</summary>
/// <param name="Name">Of the image.</param>
/// <param name="Version">Names the image's content in addresses; empty if it has not been read yet.</param>
/// <param name="Aspect">Width by height, upright; 0 if unknown.</param>
/// <param name="Truth">Indexes of the labels that the image has; null for a detector.</param>
/// <param name="Scores">0 to 1, one for each label; null for a detector.</param>
/// <param name="Boxes">The true boxes; null for a classifier.</param>
/// <param name="Found">The boxes that were found; null for a classifier.</param>
internal sealed record TestedImage(
    string Name, string Version, double Aspect, IReadOnlyList<int>? Truth, IReadOnlyList<float>? Scores, IReadOnlyList<ShownBox>? Boxes,
    IReadOnlyList<FoundBox>? Found);

/// <summary>The stored test of a version: everything from which its figures follow, for any threshold.</summary>
/// <param name="Kind">One of <see cref="Vision.Inference.ModelKinds"/>.</param>
/// <param name="Labels">In the order of the scores.</param>
/// <param name="Thresholds">The model's own, 0 to 1.</param>
/// <param name="Complete">False: below a label's own threshold the false alarms were not stored, as in tests of earlier versions of the program.</param>
/// <param name="Images">In the order of the test.</param>
internal sealed record TestResults(
    string Kind, IReadOnlyList<string> Labels, IReadOnlyList<float> Thresholds, bool Complete, IReadOnlyList<TestedImage> Images);

/// <summary>Where a classifier's evidence for a label is.</summary>
/// <param name="Label">Name of the label.</param>
/// <param name="Rows">Of the grid that covers the upright image.</param>
/// <param name="Columns">Of the grid.</param>
/// <param name="Values">Row by row, 0 to 1: how much the evidence stands out. Empty if it is the same everywhere.</param>
internal sealed record HeatAnswer(string Label, int Rows, int Columns, IReadOnlyList<float> Values);

/// <summary>How a running model is used, on this node.</summary>
/// <param name="Requests">Since it was loaded.</param>
/// <param name="Seconds">That they took, all together.</param>
/// <param name="Units">Inference units now.</param>
/// <param name="InFlight">Requests inside.</param>
/// <param name="Waiting">Of those, the ones that no thread has taken yet.</param>
/// <param name="MemoryBytes">Of the whole server.</param>
internal sealed record UsageAnswer(long Requests, double Seconds, int Units, int InFlight, int Waiting, long MemoryBytes);

/// <summary>Serialization of the console's messages about models.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(TestResults)), JsonSerializable(typeof(HeatAnswer)), JsonSerializable(typeof(UsageAnswer))]
[JsonSerializable(typeof(IReadOnlyList<string>)), JsonSerializable(typeof(IReadOnlyList<float>))]
internal sealed partial class ModelsJson : JsonSerializerContext;
