using System.Text;
using System.Text.Json;

namespace Ocellus.Datasets.Manifests;

/// <summary>Writes the manifest summary of a training.</summary>
internal static class ManifestSummary
{
    /// <summary>The summary as one line of JSON.</summary>
    public static string Write(ContentResult result)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("statistics");
            WriteSide(json, "training", result.UseCase, result.Training);
            WriteSide(json, "testing", result.UseCase, result.Testing);
            json.WriteEndObject();
            WriteErrors(json, result.Errors);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteSide(Utf8JsonWriter json, string name, UseCase useCase, SideResult side)
    {
        json.WriteStartObject(name);
        json.WriteString("use_case", useCase switch
        {
            UseCase.NotDetermined => "NOT_DETERMINED",
            UseCase.ImageLevelLabels => "IMAGE_LEVEL_LABELS",
            UseCase.ObjectLocalization => "OBJECT_LOCALIZATION",
        });
        json.WriteNumber("total_json_lines", side.Total);
        json.WriteNumber("valid_json_lines", side.Valid);
        json.WriteNumber("invalid_json_lines", side.Invalid);
        json.WriteNumber("ignored_json_lines", side.Ignored);
        json.WriteStartArray("error_json_line_indices");
        foreach (var line in side.ErrorLines)
        {
            json.WriteNumberValue(line);
        }

        json.WriteEndArray();
        WriteErrors(json, side.Errors);
        json.WriteEndObject();
    }

    private static void WriteErrors(Utf8JsonWriter json, IReadOnlyList<ContentError> errors)
    {
        json.WriteStartArray("errors");
        foreach (var error in errors)
        {
            json.WriteStartObject();
            json.WriteString("code", error.Code);
            json.WriteString("message", error.Message);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
