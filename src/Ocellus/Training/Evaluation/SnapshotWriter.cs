using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;

namespace Ocellus.Training.Evaluation;

/// <summary>How a prediction compares with the ground truth at its label's threshold.</summary>
internal enum Outcome
{
    TruePositive,
    TrueNegative,
    FalsePositive,
    FalseNegative,
}

/// <summary>A label's score for one test image.</summary>
/// <param name="Label">The label.</param>
/// <param name="Confidence">0 to 1.</param>
/// <param name="Threshold">The label's assumed threshold.</param>
/// <param name="InGroundTruth">The image has the label.</param>
internal sealed record LabelPrediction(string Label, double Confidence, double Threshold, bool InGroundTruth);

/// <summary>A predicted box, or a ground-truth box without a prediction (confidence 0, false negative).</summary>
/// <param name="Label">The label.</param>
/// <param name="Confidence">0 to 1.</param>
/// <param name="Left">Pixels of the input image, as are the other three.</param>
/// <param name="Top">See Left.</param>
/// <param name="Width">See Left.</param>
/// <param name="Height">See Left.</param>
/// <param name="Outcome">At the label's threshold.</param>
/// <param name="InGroundTruth">Matches a ground-truth box, regardless of the threshold.</param>
internal sealed record BoxPrediction(string Label, double Confidence, int Left, int Top, int Width, int Height, Outcome Outcome, bool InGroundTruth);

/// <summary>Writes lines of the snapshot manifests: only lines that were used, with keys renamed.</summary>
internal static class SnapshotWriter
{
    private const string Training = "rekognition-custom-labels-training";
    private const string Evaluation = "rekognition-custom-labels-evaluation";

    /// <summary>A line of the training manifest, ground truth only.</summary>
    /// <param name="line">A usable line.</param>
    /// <param name="kind">Format whose attributes were used.</param>
    /// <param name="objectId">Number of the image in the file, from 1.</param>
    public static string TrainingLine(ParsedLine line, AttributeKind kind, int objectId) => Finish(GroundTruth(line, kind), line, objectId);

    /// <summary>A line of the test manifest of a classifier: one evaluation attribute for each label.</summary>
    public static string TestingLine(ParsedLine line, IReadOnlyList<LabelPrediction> predictions, DateTimeOffset ended, int objectId)
    {
        var output = GroundTruth(line, AttributeKind.ImageLevel);
        for (var index = 0; index < predictions.Count; index++)
        {
            var prediction = predictions[index];
            var name = $"{Evaluation}-{index}";
            output[name] = 1;
            output[name + "-metadata"] = new JsonObject
            {
                ["confidence"] = prediction.Confidence,
                ["job-name"] = Evaluation + "-job",
                ["class-name"] = prediction.Label,
                ["human-annotated"] = "no",
                ["creation-date"] = EvaluationSummaryWriter.Timestamp(ended),
                ["type"] = "groundtruth/image-classification",
                [Evaluation + "-details"] = Details(OutcomeOf(prediction), prediction.InGroundTruth),
            };
        }

        return Finish(output, line, objectId);
    }

    /// <summary>A line of the test manifest of a localization model: one evaluation attribute with all boxes.</summary>
    public static string TestingLine(ParsedLine line, IReadOnlyList<BoxPrediction> boxes, DateTimeOffset ended, int objectId)
    {
        var output = GroundTruth(line, AttributeKind.Boxes);
        var size = line.Attributes.First(attribute => attribute.IsValid && attribute.Kind == AttributeKind.Boxes);
        var classes = boxes.Select(box => box.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        output[Evaluation] = new JsonObject
        {
            ["image_size"] = new JsonArray(new JsonObject { ["width"] = size.ImageWidth, ["height"] = size.ImageHeight, ["depth"] = size.ImageDepth }),
            ["annotations"] = new JsonArray([.. boxes.Select(box => (JsonNode)new JsonObject
            {
                ["class_id"] = classes.IndexOf(box.Label),
                ["left"] = box.Left,
                ["top"] = box.Top,
                ["width"] = box.Width,
                ["height"] = box.Height,
            })]),
        };
        output[Evaluation + "-metadata"] = new JsonObject
        {
            ["objects"] = new JsonArray([.. boxes.Select(box => (JsonNode)new JsonObject
            {
                ["confidence"] = box.Confidence,
                [Evaluation + "-details"] = Details(box.Outcome, box.InGroundTruth),
            })]),
            ["class-map"] = new JsonObject(classes.Select((label, index) => KeyValuePair.Create($"{index}", (JsonNode?)label))),
            ["type"] = "groundtruth/object-detection",
            ["human-annotated"] = "no",
            ["creation-date"] = EvaluationSummaryWriter.Timestamp(ended),
            ["job-name"] = Evaluation + "-job",
        };
        return Finish(output, line, objectId);
    }

    private static Outcome OutcomeOf(LabelPrediction prediction) => (prediction.Confidence >= prediction.Threshold, prediction.InGroundTruth) switch
    {
        (true, true) => Outcome.TruePositive,
        (true, false) => Outcome.FalsePositive,
        (false, true) => Outcome.FalseNegative,
        (false, false) => Outcome.TrueNegative,
    };

    private static JsonObject Details(Outcome outcome, bool present) => new()
    {
        ["version"] = 1,
        ["ground-truth-labelling-jobs"] = new JsonArray(Training + "-job"),
        ["is-true-positive"] = outcome == Outcome.TruePositive,
        ["is-true-negative"] = outcome == Outcome.TrueNegative,
        ["is-false-positive"] = outcome == Outcome.FalsePositive,
        ["is-false-negative"] = outcome == Outcome.FalseNegative,
        ["is-present-in-ground-truth"] = present,
    };

    private static JsonObject GroundTruth(ParsedLine line, AttributeKind kind)
    {
        var content = line.Content ?? throw new ArgumentException("Only a usable line has a snapshot.", nameof(line));
        var output = new JsonObject { ["source-ref"] = line.SourceRef };
        var labels = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var attribute in line.Attributes.Where(attribute => attribute.IsValid && attribute.Kind == kind))
        {
            // The same label twice in a line counts once.
            if (kind == AttributeKind.ImageLevel && !labels.Add(attribute.ClassName))
            {
                continue;
            }

            var value = content[attribute.Name]!.DeepClone();
            var metadata = content[attribute.Name + LineParser.MetadataSuffix]!.DeepClone().AsObject();
            if (kind == AttributeKind.Boxes)
            {
                KeepUsed(attribute, value.AsObject(), metadata);
            }

            metadata["job-name"] = Training + "-job";
            output[$"{Training}-{index}"] = value;
            output[$"{Training}-{index}-metadata"] = metadata;
            index++;
        }

        return output;
    }

    /// <summary>Leaves out the boxes that were not used, and writes whole pixels.</summary>
    private static void KeepUsed(LabelAttribute attribute, JsonObject value, JsonObject metadata)
    {
        var boxes = value["annotations"]!.AsArray();
        var objects = metadata["objects"]!.AsArray();
        while (objects.Count > boxes.Count)
        {
            objects.RemoveAt(objects.Count - 1);
        }

        for (var index = attribute.Boxes.Count - 1; index >= 0; index--)
        {
            var box = attribute.Boxes[index];
            if (!box.IsValid)
            {
                boxes.RemoveAt(index);
                objects.RemoveAt(index);
                continue;
            }

            // Edges are rounded, not sizes, so that a box inside the image stays inside.
            var left = (int)Math.Round(box.Left, MidpointRounding.AwayFromZero);
            var top = (int)Math.Round(box.Top, MidpointRounding.AwayFromZero);
            var target = boxes[index]!.AsObject();
            target["left"] = left;
            target["top"] = top;
            target["width"] = (int)Math.Round(box.Left + box.Width, MidpointRounding.AwayFromZero) - left;
            target["height"] = (int)Math.Round(box.Top + box.Height, MidpointRounding.AwayFromZero) - top;
        }
    }

    private static string Finish(JsonObject output, ParsedLine line, int objectId)
    {
        output["rekognition-custom-labels-object-id"] = objectId;
        output["line-idx"] = line.Number;
        return output.ToJsonString(ParsedLine.Compact);
    }
}
