using System.CommandLine;
using Amazon.Runtime;
using Ocellus.Refusals;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary>The options of verbs that work with a running server, as any client does: its address, and the key for it.</summary>
internal sealed class ServerOptions
{
    /// <summary>Where the AWS CLI is told the address of a server that is not AWS.</summary>
    public const string UrlVariable = "AWS_ENDPOINT_URL";

    private const string Ending = ".amazonaws.com";
    private readonly Option<string?> _url;
    private readonly Option<string?> _data;
    private readonly Option<string?> _profile;
    private readonly Option<string?> _region;

    /// <param name="whose">For the help: the server.</param>
    /// <param name="profileName">Name of the option for a profile of the AWS files.</param>
    public ServerOptions(string whose = "the server", string profileName = "--profile")
    {
        _url = Address(
            "--url", $"Address of {whose}. Without it, that of the server running on --data, {UrlVariable}, or {ServeCommand.UrlDefault}.");
        _data = new("--data")
        {
            Description = $"Data directory of {whose}, for its credentials and address; {ServeCommand.DataDefault} if that exists.",
            HelpName = "DIR",
        };
        _profile = new(profileName) { Description = $"Profile of the AWS files with the key for {whose}.", HelpName = "NAME" };
        _region = new("--region") { Description = $"Region to work in; that of the credentials, or {ConsoleCommand.RegionDefault}.", HelpName = "REGION" };
    }

    public IEnumerable<Option> All => [_url, _data, _profile, _region];

    /// <summary>The folder that <c>--data</c> names; null if it is not given.</summary>
    public string? DataOf(ParseResult parsed) => parsed.GetValue(_data) is { } data ? Path.GetFullPath(data) : null;

    /// <summary>An option with the address of a server.</summary>
    public static Option<string?> Address(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "URL" };
        return option.Refusing((_, text) => Mistake(name, text));
    }

    /// <summary>What is wrong with the address of a server; null if nothing is.</summary>
    public static string? Mistake(string option, string text) =>
        EnvCommand.Address(text) is not { } url ? $"{option} '{text}' is not an address; it should look like {ServeCommand.UrlDefault}."
            : IsAws(url) ? $"{option} '{text}' is AWS itself, which nothing here contacts but `ocellus pull --from aws`."
            : null;

    /// <summary>The server and the key that a command line, the environment and the folder name.</summary>
    /// <exception cref="CommandRefusedException">There is no key.</exception>
    public ServiceEndpoint Resolve(ParseResult parsed)
    {
        var data = DataOf(parsed);
        var variable = KeySources.Variable(UrlVariable);
        var url = parsed.GetValue(_url)
            ?? (data is null ? variable : null)
            ?? ServedAddress.Read(data ?? Path.GetFullPath(ServeCommand.DataDefault))
            ?? ServeCommand.UrlDefault;
        if (Mistake(UrlVariable, url) is { } mistake)
        {
            throw new CommandRefusedException(mistake);
        }

        var (credentials, region) = Key(data, parsed.GetValue(_profile), isShellOfServer: variable is not null);
        return Of(url, credentials, parsed.GetValue(_region) ?? region ?? KeySources.Region() ?? ConsoleCommand.RegionDefault);
    }

    /// <summary>A server at an address.</summary>
    public static ServiceEndpoint Of(string url, AWSCredentials credentials, string region)
    {
        var address = new Uri(url.TrimEnd('/') + "/");
        return new(url.TrimEnd('/'), address, address, region, credentials);
    }

    /// <summary>The key of a data directory.</summary>
    public static (AWSCredentials Credentials, string? Region) KeyOf(string data)
    {
        var file = Path.Combine(data, "credentials");
        if (!File.Exists(file))
        {
            throw new CommandRefusedException(
                $"{data} has no credentials: --data must name the folder given to `./ocellus serve`, whose first start creates them.");
        }

        var (id, secret, region) = ApiClient.Profile(file);
        return (new BasicAWSCredentials(id, secret), region);
    }

    private static (AWSCredentials Credentials, string? Region) Key(string? data, string? profile, bool isShellOfServer)
    {
        if (profile is not null)
        {
            return KeySources.Profile(profile);
        }

        if (data is not null)
        {
            return KeyOf(data);
        }

        // A shell that leads its clients to a server also has the key for it.
        if (isShellOfServer)
        {
            return KeySources.Environment() is { } own ? (own, null) : KeySources.Default();
        }

        return File.Exists(Path.Combine(ServeCommand.DataDefault, "credentials")) ? KeyOf(Path.GetFullPath(ServeCommand.DataDefault))
            : KeySources.Environment() is { } key ? (key, null)
            : throw new CommandRefusedException(
                "There is no key for the server: name its data directory with --data, a profile of the AWS files with --profile, or set AWS_ACCESS_KEY_ID and "
                    + "AWS_SECRET_ACCESS_KEY.");
    }

    private static bool IsAws(Uri url) => url.Host.EndsWith(Ending, StringComparison.OrdinalIgnoreCase)
        || url.Host.EndsWith(Ending + ".cn", StringComparison.OrdinalIgnoreCase) || url.Host.EndsWith(".api.aws", StringComparison.OrdinalIgnoreCase);
}
