using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    /// <summary>The errors that the check of the manifests wrote into their lines: equal ones once, the commonest first.</summary>
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
            var errors = File.ReadLines(path).Select(text => JsonNode.Parse(text))
                .SelectMany(line => ContentExplanation.Causes(Errors(line)).Select(e =>
                    (e.Text, Image: $"{line?["source-ref"] ?? "a line without source-ref"}")))
                .GroupBy(e => e.Text).Select(g => (Text: g.Key, g.First().Image, Count: g.Count())).OrderByDescending(e => e.Count).ToList();
            foreach (var (text, image, count) in errors.Take(LinesShown))
            {
                terminal.Remark(
                    string.Create(CultureInfo.InvariantCulture, $"  {name}: {(count == 1 ? image : $"{count} lines, the first {image}")}: {text}"));
            }

            if (errors.Count > LinesShown)
            {
                terminal.Remark(string.Create(CultureInfo.InvariantCulture, $"  … and {errors.Count - LinesShown} more errors in the {name} lines"));
            }
        }
    }

    private static IEnumerable<LineIssue> Errors(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(m => m is { Key: "errors", Value: JsonArray list }
            ? list.Select(e => new LineIssue($"{e?["code"]}", $"{e?["code"]}: {e?["message"]}", IssueLevel.Line))
            : Errors(m.Value)),
        JsonArray a => a.SelectMany(Errors),
        _ => [],
    };
}
