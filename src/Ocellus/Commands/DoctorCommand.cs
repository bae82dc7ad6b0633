using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary><c>ocellus doctor</c>: what would keep Ocellus from working on this machine.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server.";
        var urls = ServeCommand.UrlsOption(ServeCommand.UrlDefault);
        urls.Description = "Address that the server will listen on.";
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var repair = new Option<bool>("--repair")
        {
            Description = "Repair damaged descriptions of objects and buckets, and move what cannot be repaired to DIR/damaged. Nothing is deleted; the server "
                + "must be stopped.",
        };
        var account = new Option<string?>("--account")
        {
            Description = "With --repair: account of buckets whose description no longer names it. Needed if several accounts have keys.",
            HelpName = "ID",
        };
        account.Refusing((_, text) => text.Length == 12 && text.All(char.IsAsciiDigit)
            ? null
            : $"--account '{text}' is not an account; it should have 12 digits, such as 123456789012.");
        var command = new Command(
            "doctor", "Checks for what would keep Ocellus from working here and for damaged files, and says what to do.") { data, urls, json, repair, account };
        command.Act(async (parsed, terminal, cancel) =>
        {
            var path = Path.GetFullPath(parsed.GetValue(data)!);
            var repaired = parsed.GetValue(repair) ? DataCheck.Repair(path, parsed.GetValue(account), cancel) : [];
            var findings = await MachineCheck.RunAsync(path, parsed.GetValue(urls)!, cancel);
            return Show([.. repaired, .. findings, .. DataCheck.Run(path, cancel)], parsed.GetValue(json), terminal);
        });
        return command;
    }

    private static int Show(IReadOnlyList<Finding> findings, bool json, Terminal terminal)
    {
        int problems = findings.Count(f => f.State == FindingState.Problem), warnings = findings.Count(f => f.State == FindingState.Warning);
        if (json)
        {
            terminal.Json(new JsonObject
            {
                ["ok"] = problems == 0,
                ["findings"] = new JsonArray(
                    [
                        .. findings.Select(
                            f => (JsonNode)new JsonObject { ["name"] = f.Name, ["state"] = Word(f.State), ["found"] = f.Found, ["advice"] = f.Advice }),
                    ]),
            });
        }
        else
        {
            var table = new Table().Border(TableBorder.Rounded).AddColumns(new TableColumn(""), new TableColumn("Checked"), new TableColumn("Found"));
            foreach (var finding in findings)
            {
                var colour = finding.State switch { FindingState.Ok => Color.Green, FindingState.Warning => Color.Yellow, FindingState.Problem => Color.Red };
                table.AddRow(
                    new Text(Word(finding.State), new Style(colour)), new Text(finding.Name),
                    new Text(finding.Found + (finding.Advice is null ? "" : $"\n{finding.Advice}")));
            }

            terminal.Result(table);
            terminal.Result((problems, warnings) switch
            {
                (0, 0) => "Nothing stands in the way.",
                (0, _) => $"Nothing stands in the way; {warnings} warning{(warnings == 1 ? "" : "s")}.",
                _ => $"{problems} problem{(problems == 1 ? "" : "s")} to solve first.",
            });
        }

        return problems == 0 ? ExitCodes.Done : ExitCodes.Refused;
    }

    private static string Word(FindingState state) =>
        state switch { FindingState.Ok => "ok", FindingState.Warning => "warning", FindingState.Problem => "problem" };
}
