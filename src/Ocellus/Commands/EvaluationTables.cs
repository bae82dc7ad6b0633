using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Training.Evaluation;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary>An evaluation as tables for a person and as JSON for a program.</summary>
internal static class EvaluationTables
{
    /// <summary>Reads an evaluation summary as a training writes it.</summary>
    /// <exception cref="InvalidDataException">Not such a summary.</exception>
    public static EvaluationReport Read(ReadOnlySpan<byte> summary)
    {
        try
        {
            var root = JsonNode.Parse(summary)!;
            var all = root["AggregatedEvaluationResults"]!;
            return new EvaluationReport(
                [
                    .. root["LabelEvaluationResults"]!.AsArray().Select(l => new LabelMetrics(
                        (string)l!["Label"]!, (double)l["Metrics"]!["Threshold"]!, (double)l["Metrics"]!["Precision"]!, (double)l["Metrics"]!["Recall"]!,
                        (double)l["Metrics"]!["F1Score"]!, (int)l["NumberOfTestingImages"]!)),
                ],
                (double)all["Precision"]!,
                (double)all["Recall"]!,
                (double)all["F1Score"]!,
                all["ConfusionMatrix"]?.AsArray()
                    .Select(c => new ConfusionCell((string)c!["GroundTruthLabel"]!, (string)c["PredictedLabel"]!, (double)c["Value"]!)).ToList(),
                (double?)all["AveragePrecision"],
                (double?)all["AverageRecall"])
            {
                Remark = (string?)root["EvaluationDetails"]?["Remark"],
            };
        }
        catch (Exception failure) when (failure is JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"The evaluation summary cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>A row per label, the means last. Labels without a test image have no numbers and are not in the means.</summary>
    public static Table Labels(EvaluationReport report)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Label");
        foreach (var column in new[] { "F1", "Precision", "Recall", "Threshold", "Test images" })
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var label in report.Labels)
        {
            table.AddRow(label.TestImages == 0
                ? [new Text(label.Label), Cell("–"), Cell("–"), Cell("–"), Cell(Percent(label.Threshold)), Cell("0")]
                : [
                    new Text(label.Label), Cell(Ratio(label.F1)), Cell(Ratio(label.Precision)), Cell(Ratio(label.Recall)), Cell(Percent(label.Threshold)),
                    Cell(label.TestImages.ToString(CultureInfo.InvariantCulture))]);
        }

        table.AddEmptyRow();
        table.AddRow(new Text("mean"), Cell(Ratio(report.F1)), Cell(Ratio(report.Precision)), Cell(Ratio(report.Recall)), Cell(""), Cell(""));
        return table;
    }

    /// <summary>Of the images of each label, the share whose best score went to each label, in percent.</summary>
    public static Table Confusion(IReadOnlyList<ConfusionCell> cells)
    {
        List<string> labels = [.. cells.Select(c => c.PredictedLabel).Distinct(StringComparer.Ordinal)];
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Actual \\ predicted");
        foreach (var label in labels)
        {
            table.AddColumn(new TableColumn(Markup.Escape(label)).RightAligned());
        }

        foreach (var row in cells.GroupBy(c => c.GroundTruthLabel, StringComparer.Ordinal))
        {
            var shares = row.ToDictionary(c => c.PredictedLabel, c => c.Value, StringComparer.Ordinal);
            table.AddRow([new Text(row.Key), .. labels.Select(l => Cell(shares.TryGetValue(l, out var share) && share > 0 ? Percent(share) : "·"))]);
        }

        return table;
    }

    public static JsonObject Json(EvaluationReport report) => new()
    {
        ["f1"] = report.F1,
        ["precision"] = report.Precision,
        ["recall"] = report.Recall,
        ["labels"] = new JsonArray([.. report.Labels.Select(l => (JsonNode)new JsonObject
        {
            ["label"] = l.Label,
            ["f1"] = l.F1,
            ["precision"] = l.Precision,
            ["recall"] = l.Recall,
            ["threshold"] = l.Threshold,
            ["testPictures"] = l.TestImages,
        })]),
    };

    public static string Ratio(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>A score from 0 to 1 as the API's confidence.</summary>
    public static string Percent(double value) => (100 * value).ToString("0.0", CultureInfo.InvariantCulture);

    private static Text Cell(string text) => new(text);
}
