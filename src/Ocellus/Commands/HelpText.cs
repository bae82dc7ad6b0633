using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;

namespace Ocellus.Commands;

/// <summary>The help of a verb: what System.CommandLine writes, under the name that a person typed, with examples and exit codes.</summary>
internal static partial class HelpText
{
    /// <summary>Command lines to begin with, each with what it does.</summary>
    private static readonly Dictionary<string, (string Line, string What)[]> _examples = new(StringComparer.Ordinal)
    {
        ["demo"] = [("demo", "everything once, on sample images of cells"), ("demo --boxes", "the same with a detector")],
        ["serve"] =
        [
            ("serve", "on http://127.0.0.1:8741, with its data in ./ocellus-data"),
            ("serve --data /srv/ocellus --urls http://0.0.0.0:8741", "for other machines too; put a proxy with TLS in front of it"),
            ("serve --data /srv/ocellus --database \"Host=db;Database=ocellus\" --s3-endpoint http://s3:9000", "on PostgreSQL and another store"),
            ("serve --data /srv/ocellus --database \"Host=db;Database=ocellus\" --s3-endpoint http://s3:9000 --cluster lab", "as one of several servers"),
        ],
        ["train"] =
        [
            ("train photos --out parts.zip", "a folder a label, COCO, YOLO …, also packed; without images for the test a fifth is held back"),
            ("train --manifest train.manifest --test-manifest test.manifest --images photos --out parts.zip --time-budget 10m", "ten minutes at most"),
            ("train photos --out draft.zip --quick", "half a minute, for a first look"),
            ("train photos --out parts.zip --precision int8", "more answers from a core, if the test allows it"),
            ("train photos --out better.zip --start-from parts.zip", "go on from a model, with more images or labels"),
        ],
        ["detect"] =
        [
            ("detect parts.zip photo.jpg", "what is in one image"),
            ("detect parts.zip photos --json", "all images of a folder, one JSON object a line"),
        ],
        ["evaluate"] =
        [
            ("evaluate parts.zip photos", "how a model does on labelled images of any format"),
            ("evaluate parts.zip --manifest test.manifest --images photos", "the same with a manifest"),
        ],
        ["export"] = [("export ARN --out parts.zip --data /srv/ocellus", "a model of a server as a file that runs anywhere")],
        ["convert"] =
        [
            ("convert coco.zip --out parts", "manifests and pictures that train takes"),
            ("convert voc --to yolo --out parts-yolo", "from Pascal VOC to YOLO"),
            ("convert tasks.json --fetch --out parts", "also fetches the pictures that are named by addresses"),
        ],
        ["check"] =
        [
            ("check photos", "what is wrong with the images, and their labels"),
            ("check train.manifest --images photos --html report.html", "with a page that shows the pictures"),
            ("check ARN --data /srv/ocellus", "a dataset of a server, or both of a project"),
        ],
        ["import"] =
        [
            ("import photos.zip --project parts --data /srv/ocellus", "COCO, YOLO, VOC, CSV, a folder a label …: what it is, is recognized"),
            ("import photos --project parts --url http://lab:8741 --profile lab", "to a server elsewhere; again, to add what is new"),
        ],
        ["export-dataset"] =
        [
            ("export-dataset ARN --to coco --out parts-coco", "labels and pictures of a dataset, or of both of a project"),
            ("export-dataset ARN --to csv --out labels --no-pictures", "the labels alone"),
        ],
        ["pull"] =
        [
            ("pull --from aws --profile work --project parts", "a project of AWS, with a key that may only read"),
            ("pull --from http://lab:8741 --profile lab --all", "all projects of another Ocellus"),
        ],
        ["env"] = [("env --data ocellus-data", "the commands for this shell; wrap it in eval \"$(…)\" to run them")],
        ["console"] = [("console --data ocellus-data", "a link that signs in to the console of a running server; it works once, for ten minutes")],
        ["keys"] = [("keys create --user ann --policy inference", "a key that may only ask for detections"), ("keys list", "all keys, without their secrets")],
        ["nodes"] = [("nodes --data ocellus-data", "the nodes, and which versions run where"), ("nodes --json", "the same for a program")],
        ["backup"] = [("backup --data ocellus-data --out ocellus.tar", "while the server runs")],
        ["restore"] = [("restore --in ocellus.tar --data restored", "into a new folder")],
        ["migrate"] =
        [
            ("migrate --from ocellus-data --database \"Host=db;Database=ocellus\" --s3-endpoint http://s3:9000", "to PostgreSQL and a store"),
            ("migrate --to ocellus-data --database \"Host=db;Database=ocellus\" --s3-endpoint http://s3:9000", "and back"),
        ],
        ["doctor"] = [("doctor", "is anything in the way on this machine?"), ("doctor --data ocellus-data --repair", "mend damaged files")],
        ["completion"] = [("completion bash > ~/.local/share/bash-completion/completions/ocellus", "completion in every new bash")],
    };

    /// <summary>The verbs that have examples; a test holds them against the commands.</summary>
    public static IEnumerable<string> Documented => _examples.Keys;

    /// <summary>The whole help, from what the library wrote.</summary>
    public static string Complete(string help, Command command)
    {
        var text = new StringBuilder(Usage().Replace(help.TrimEnd(), "$1" + Invocation.Name)).Append("\n\n");
        if (_examples.TryGetValue(command.Name, out var examples))
        {
            text.Append("Examples:\n");
            foreach (var (line, what) in examples)
            {
                text.Append($"  {Invocation.Name} {line}\n      {what}\n");
            }

            text.Append('\n');
        }

        return text.Append(
            $"""
            Exit codes:
              {ExitCodes.Done}    done
              {ExitCodes.Refused}    refused or failed; standard error says why
              {ExitCodes.Usage}    the command line is wrong
              {ExitCodes.Interrupted}  interrupted by Ctrl-C

            """).ToString();
    }

    [GeneratedRegex(@"(?<=Usage:\r?\n)(\s+)\S+")]
    private static partial Regex Usage();
}
