using System.CommandLine;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary><c>ocellus env</c>: what a shell is to be told, so that AWS clients started there talk to a server of ours and not to AWS.</summary>
internal static class EnvCommand
{
    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server.";
        var url = new Option<string?>("--url")
        {
            Description = "Address of the server; without it that of the one that runs on the data directory.",
            HelpName = "URL",
        };
        url.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && Address(text) is null)
            {
                result.AddError($"--url '{text}' is no address; it should look like {ServeCommand.UrlDefault}.");
            }
        });
        var shell = new Option<ShellKind>("--shell")
        {
            Description = "Shell to write for: sh (bash, zsh and their like), fish or powershell.",
            DefaultValueFactory = _ => OperatingSystem.IsWindows() ? ShellKind.PowerShell : ShellKind.Sh,
        };
        var json = new Option<bool>("--json") { Description = "Write the variables as one JSON object." };
        var command = new Command("env", "Prints what leads the AWS CLI and SDKs to a server: eval \"$(./ocellus env --data DIR)\"") { data, url, shell, json };
        command.Act((parsed, terminal, _) =>
        {
            var folder = Path.GetFullPath(parsed.GetValue(data)!);
            var (credentials, region) = Credentials(folder);
            var environment = ClientEnvironment.Of(Server(parsed.GetValue(url), folder, terminal), credentials, region, Environment.GetEnvironmentVariables());
            if (parsed.GetValue(json))
            {
                terminal.Json(environment.ToJson());
            }
            else
            {
                terminal.Result(environment.ToCommands(parsed.GetValue(shell)));
            }

            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    /// <summary>The line that a person is told, for sh.</summary>
    public static string Hint(string data) => $"eval \"$(./ocellus env --data {ClientEnvironment.QuoteForSh(data)})\"";

    private static Uri Server(string? url, string data, Terminal terminal)
    {
        if ((url ?? ServedAddress.Read(data)) is { } known && Address(known) is { } address)
        {
            return address;
        }

        terminal.Remark($"ocellus: no server that runs on {data} is known, so the address is {ServeCommand.UrlDefault}; --url names another.");
        return new Uri(ServeCommand.UrlDefault);
    }

    /// <summary>The credentials file of a data directory and its region.</summary>
    private static (string Path, string Region) Credentials(string data)
    {
        var path = Path.Combine(data, "credentials");
        if (!File.Exists(path))
        {
            throw new CommandRefusedException(
                $"{data} has no credentials: --data names the folder that `./ocellus serve` was given, and its first start makes them.");
        }

        return (path, ApiClient.Profile(path).Region);
    }

    private static Uri? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", Host.Length: > 0, UserInfo: "", Query: "", Fragment: "" }
            ? url
            : null;
}
