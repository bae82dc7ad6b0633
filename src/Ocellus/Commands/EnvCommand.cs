using System.CommandLine;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary><c>ocellus env</c>: the shell commands that make AWS clients talk to our server and not to AWS.</summary>
internal static class EnvCommand
{
    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the server.";
        var url = new Option<string?>("--url")
        {
            Description = "Address of the server. Without it, that of the server running on the data directory.",
            HelpName = "URL",
        };
        url.Refusing((_, text) => Address(text) is null ? $"--url '{text}' is not an address; it should look like {ServeCommand.UrlDefault}." : null);
        var shell = new Option<ShellKind>("--shell")
        {
            Description = "Shell to write for: sh (bash, zsh and their like), fish or powershell.",
            DefaultValueFactory = _ => OperatingSystem.IsWindows() ? ShellKind.PowerShell : ShellKind.Sh,
        };
        var json = new Option<bool>("--json") { Description = "Write the variables as one JSON object." };
        var command = new Command("env", "Points the AWS CLI and SDKs to a server: eval \"$(./ocellus env --data DIR)\"") { data, url, shell, json };
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

    /// <summary>The line to show to a person, for sh.</summary>
    public static string Hint(string data) => $"eval \"$({Invocation.Name} env --data {ClientEnvironment.QuoteForSh(data)})\"";

    private static Uri Server(string? url, string data, Terminal terminal)
    {
        if ((url ?? ServedAddress.Read(data)) is { } known && Address(known) is { } address)
        {
            return address;
        }

        terminal.Remark($"ocellus: no server is known to run on {data}, so the address is {ServeCommand.UrlDefault}; name another with --url.");
        return new Uri(ServeCommand.UrlDefault);
    }

    /// <summary>The credentials file of a data directory and its region.</summary>
    private static (string Path, string Region) Credentials(string data)
    {
        var path = Path.Combine(data, "credentials");
        if (!File.Exists(path))
        {
            throw new CommandRefusedException(
                $"{data} has no credentials: --data must name the folder given to `./ocellus serve`, whose first start creates them.");
        }

        return (path, ApiClient.Profile(path).Region);
    }

    internal static Uri? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "http" or "https", Host.Length: > 0, UserInfo: "", Query: "", Fragment: "" }
            ? url
            : null;
}
