using System.Text.Json.Nodes;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>Queries a model about files, with the server's choice of labels.</summary>
internal static class Answers
{
    /// <summary>Reads an image and scales it to network size.</summary>
    /// <exception cref="ImageRefusedException">Not an image that the model accepts.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PreparedImage Prepare(TrainedModel model, string file) => model.Prepare(LocalImage.Read(file), ImageLimits.Default);

    /// <summary>The labels that DetectCustomLabels would return.</summary>
    public static IReadOnlyList<CustomLabel> Choose(
        ModelDescription description, IReadOnlyList<Prediction> predictions, double? minConfidence, int? maxResults) =>
        DetectCustomLabels.Choose(
            [.. predictions.Select(p => new Found(description.Labels[p.Label], p.Score, description.ThresholdOf(p.Label), p.Box))],
            minConfidence,
            maxResults);

    /// <summary>Labels as JSON, with the API's names.</summary>
    public static JsonArray Json(IReadOnlyList<CustomLabel> labels) => new([.. labels.Select(Json)]);

    private static JsonNode Json(CustomLabel label)
    {
        var json = new JsonObject { ["Name"] = label.Name, ["Confidence"] = label.Confidence };
        if (label.Geometry?.BoundingBox is { } box)
        {
            json["Geometry"] = new JsonObject
            {
                ["BoundingBox"] = new JsonObject { ["Left"] = box.Left, ["Top"] = box.Top, ["Width"] = box.Width, ["Height"] = box.Height },
            };
        }

        return json;
    }
}
