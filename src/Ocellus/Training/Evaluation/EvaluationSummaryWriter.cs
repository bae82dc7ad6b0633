using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ocellus.Training.Evaluation;

/// <summary>Writes the evaluation summary, one JSON object.</summary>
internal static class EvaluationSummaryWriter
{
    /// <summary>UTC without zone suffix, microseconds.</summary>
    internal static string Timestamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff", CultureInfo.InvariantCulture);

    /// <param name="report">Metrics; a confusion matrix or averages are written if it has them.</param>
    /// <param name="ended">End of the evaluation.</param>
    /// <param name="trainingImages">Images used for training.</param>
    /// <param name="testingImages">Images used for testing.</param>
    /// <param name="projectVersionArn">The model.</param>
    /// <param name="gate">How its 8-bit and its float model compare; null without an 8-bit one.</param>
    public static string Write(
        EvaluationReport report, DateTimeOffset ended, int trainingImages, int testingImages, string projectVersionArn, PrecisionGate? gate = null)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteNumber("Version", 1);
            json.WriteStartObject("AggregatedEvaluationResults");
            if (report.Confusion is { } confusion)
            {
                json.WriteStartArray("ConfusionMatrix");
                foreach (var cell in confusion)
                {
                    json.WriteStartObject();
                    json.WriteString("GroundTruthLabel", cell.GroundTruthLabel);
                    json.WriteString("PredictedLabel", cell.PredictedLabel);
                    json.WriteNumber("Value", cell.Value);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteNumber("F1Score", report.F1);
            json.WriteNumber("Precision", report.Precision);
            json.WriteNumber("Recall", report.Recall);
            if (report.AveragePrecision is { } averagePrecision)
            {
                json.WriteNumber("AveragePrecision", averagePrecision);
            }

            if (report.AverageRecall is { } averageRecall)
            {
                json.WriteNumber("AverageRecall", averageRecall);
            }

            json.WriteEndObject();
            json.WriteStartObject("EvaluationDetails");
            json.WriteString("EvaluationEndTimestamp", Timestamp(ended));
            json.WriteStartArray("Labels");
            foreach (var label in report.Labels)
            {
                json.WriteStringValue(label.Label);
            }

            json.WriteEndArray();
            json.WriteNumber("NumberOfTestingImages", testingImages);
            json.WriteNumber("NumberOfTrainingImages", trainingImages);
            json.WriteString("ProjectVersionArn", projectVersionArn);
            if (report.Remark is { } remark)
            {
                json.WriteString("Remark", remark);
            }

            if (gate is not null)
            {
                Write(json, gate);
            }

            json.WriteEndObject();
            json.WriteStartArray("LabelEvaluationResults");
            foreach (var label in report.Labels.OrderByDescending(label => label.F1).ThenBy(label => label.Label, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("Label", label.Label);
                json.WriteStartObject("Metrics");
                json.WriteNumber("F1Score", label.F1);
                json.WriteNumber("Precision", label.Precision);
                json.WriteNumber("Recall", label.Recall);
                json.WriteNumber("Threshold", label.Threshold);
                json.WriteEndObject();
                json.WriteNumber("NumberOfTestingImages", label.TestImages);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void Write(Utf8JsonWriter json, PrecisionGate gate)
    {
        json.WriteStartObject("Int8Test");
        json.WriteString("Metric", gate.Metric);
        json.WriteNumber("Float", gate.Float);
        json.WriteNumber("Int8", gate.Int8);
        json.WriteNumber("SameBestLabel", gate.SameBestLabel);
        json.WriteBoolean("Passed", gate.IsPassed);
        json.WriteEndObject();
    }
}
