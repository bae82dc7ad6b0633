using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    /// <summary>The errors that the check of the manifests wrote into their lines, the first of them in full.</summary>
    private static void ShowErrors(JobFolder folder, JobDescription job, Terminal terminal)
    {
        foreach (var (kind, name) in new[] { (OutputKinds.TrainingValidation, "training"), (OutputKinds.TestingValidation, "test") })
        {
            var path = folder.OutFile(kind, job);
            if (!File.Exists(path))
            {
                continue;
            }

            // No line numbers: an automatic split has taken lines out.
            List<string> errors =
            [
                .. File.ReadLines(path).Select(text => JsonNode.Parse(text))
                    .SelectMany(line => Errors(line).Select(e => $"{line?["source-ref"] ?? "a line without source-ref"}: {e}")),
            ];
            foreach (var text in errors.Take(LinesShown))
            {
                terminal.Remark($"  {name}: {text}");
            }

            if (errors.Count > LinesShown)
            {
                terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"  … and {errors.Count - LinesShown} more errors in the {name} lines"));
            }
        }
    }

    private static IEnumerable<string> Errors(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(m => m is { Key: "errors", Value: JsonArray list } ? list.Select(e => $"{e?["code"]}: {e?["message"]}") : Errors(m.Value)),
        JsonArray a => a.SelectMany(Errors),
        _ => [],
    };
}
