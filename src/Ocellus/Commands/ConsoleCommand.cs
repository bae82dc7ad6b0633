using System.CommandLine;
using System.Data.Common;
using Ocellus.Console.Sessions;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Wire;

namespace Ocellus.Commands;

/// <summary><c>ocellus console</c>: a link that opens the console of a running server, signed in.</summary>
internal static class ConsoleCommand
{
    public const string RegionDefault = "us-east-1";

    public static Command Create()
    {
        var data = ServeCommand.DataOption(ServeCommand.DataDefault);
        data.Description = "Data directory of the running server.";
        var key = new Option<string?>("--key")
        {
            Description = "Access key id, or the name of a user who has one key, to sign in as. Without it, the key of the credentials file.",
            HelpName = "KEY",
        };
        var region = new Option<string>("--region") { Description = "Region to open.", DefaultValueFactory = _ => RegionDefault, HelpName = "REGION" };
        region.Refusing((text, _) => Regions.IsName(text) ? null : $"--region '{Readable.Truncate(text)}' is not a region, such as us-east-1.");
        var command = new Command("console", "Prints a link to the web console of a running server, which signs in once.") { data, key, region };
        command.Act(async (parsed, terminal, cancel) =>
        {
            using var folder = KeysCommand.Attach(parsed.GetValue(data)!);
            if (ServedAddress.Read(folder.Path) is not { } served)
            {
                throw new CommandRefusedException(
                    $"No server runs on {folder.Path}. Start one: ./ocellus serve --data {ClientEnvironment.QuoteForSh(folder.Path)}");
            }

            var catalog = new KeyCatalog(folder, TimeProvider.System);
            var user = parsed.GetValue(key) is { } word ? await KeysCommand.FindAsync(catalog, word, cancel) : null;
            terminal.Result(
                await LinkAsync(folder, served, user?.AccessKeyId, parsed.GetValue(region)!, cancel)
                    ?? throw new CommandRefusedException(
                        user is null && ServeCommand.IsLoopback(served)
                            ? "The key of the credentials file was revoked; name another with --key."
                            : $"The server listens on {served} only, and links need a loopback address. Open {served}/ui/ and sign in with an access key."));
            return ExitCodes.Done;
        });
        return command;
    }

    /// <summary>Prints a link for whoever starts a server.</summary>
    public static async Task ShowLinkAsync(WebApplication app, DataDirectory data, string words, Terminal terminal)
    {
        try
        {
            // Not cancelled: from the start on, Ctrl-C is the normal end of a server.
            if (await LinkAsync(data, ServedAddress.ForClients(app.Urls), null, RegionDefault, CancellationToken.None) is { } link)
            {
                terminal.Result($"{words} {link}");
            }
        }
        catch (DbException)
        {
            // A full disk, say: the server works without the link.
        }
    }

    /// <summary>A new link. It works once, within ten minutes, on this machine.</summary>
    /// <returns>Null if the server has no loopback address, or the credentials file no key.</returns>
    private static async Task<string?> LinkAsync(DataDirectory data, string address, string? accessKeyId, string region, CancellationToken cancel)
    {
        if (!ServeCommand.IsLoopback(address))
        {
            return null;
        }

        accessKeyId ??= (await new KeyCatalog(data, TimeProvider.System).ListAsync(cancel)).FirstOrDefault(k => k.IsDefault)?.AccessKeyId;
        return accessKeyId is null ? null
            : $"{address}/ui/sign-in?ticket={await new SessionCatalog(data, TimeProvider.System).IssueTicketAsync(new(accessKeyId, region), cancel)}";
    }
}
