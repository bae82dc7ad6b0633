using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Spectre.Console;

namespace Ocellus.Commands;

internal static partial class DemoCommand
{
    private static string Truth(ParsedLine line) => Count(line.ImageLabels.Concat(line.ValidBoxes.Select(b => b.Label)));

    /// <summary>Labels in order of their names, repeated ones with their count.</summary>
    private static string Count(IEnumerable<string> labels) =>
        string.Join(
            ", ",
            labels.GroupBy(l => l, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => g.Count() == 1 ? g.Key : $"{g.Count()} × {g.Key}"));

    private static string Range(IReadOnlyList<double> confidences) => confidences.Count switch
    {
        0 => "",
        1 => confidences[0].ToString("0.0", CultureInfo.InvariantCulture),
        _ => string.Create(CultureInfo.InvariantCulture, $"{confidences.Min():0.0} – {confidences.Max():0.0}"),
    };

    private static string Key(DemoSample sample, string file) => $"{sample.Folder}/{file.Replace(Path.DirectorySeparatorChar, '/')}";

    private static string NextSteps(DemoSample sample, Result result, bool keep, string path)
    {
        var folder = ClientEnvironment.QuoteForSh(path);
        var first = keep
            ? "The server runs until Ctrl-C. In another terminal:"
            : $"Start the server again, and continue with the AWS CLI in another terminal:\n  ./ocellus serve --data {folder}";
        var image = new JsonObject { ["S3Object"] = new JsonObject { ["Bucket"] = sample.Bucket, ["Name"] = result.Key } };
        return $"""
            {first}
              {EnvCommand.Hint(path)}
              aws rekognition start-project-version --min-inference-units 1 --project-version-arn {result.Arn}
              aws rekognition detect-custom-labels --project-version-arn {result.Arn} --image '{image.ToJsonString()}'
            Without a server:
              ./ocellus export {result.Arn} --data {folder} --out {sample.Project}.zip
              ./ocellus detect {sample.Project}.zip IMAGE…
            """;
    }
}
