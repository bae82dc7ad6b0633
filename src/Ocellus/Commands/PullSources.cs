using Ocellus.Refusals;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary>The server that <c>ocellus pull</c> reads from.</summary>
internal static class PullSources
{
    /// <summary>AWS, or what the variables for its services name in its place, such as an endpoint in a private network.</summary>
    /// <exception cref="CommandRefusedException">There is no key or no region, or this shell leads elsewhere.</exception>
    public static ServiceEndpoint Aws(string? profile, string? region)
    {
        if (KeySources.Variable(ServerOptions.UrlVariable) is { } elsewhere)
        {
            throw new CommandRefusedException(
                $"{ServerOptions.UrlVariable} leads this shell to {elsewhere}, as `ocellus env` does, so its keys are not those of AWS. "
                    + "Run this in a new shell.");
        }

        var (credentials, own) = profile is null ? KeySources.Default() : KeySources.Profile(profile);
        region ??= KeySources.Region() ?? own
            ?? throw new CommandRefusedException("In which region are the projects? Name it with --from-region, such as us-east-1.");
        return new(
            $"AWS ({region})", Address("REKOGNITION", $"https://rekognition.{region}.amazonaws.com/"), Address("S3", $"https://s3.{region}.amazonaws.com/"),
            region, credentials, IsAws: true);
    }

    /// <summary>Another Ocellus.</summary>
    /// <exception cref="CommandRefusedException">There is no key.</exception>
    public static ServiceEndpoint Other(string url, string? data, string? profile, string? region)
    {
        var (credentials, own) = data is not null ? ServerOptions.KeyOf(Path.GetFullPath(data))
            : profile is not null ? KeySources.Profile(profile)
            : KeySources.Environment() is { } key ? (key, KeySources.Region())
            : throw new CommandRefusedException(
                $"There is no key for {url}: name its data directory with --from-data, a profile with --profile, or set AWS_ACCESS_KEY_ID and "
                    + "AWS_SECRET_ACCESS_KEY.");
        return ServerOptions.Of(url, credentials, region ?? own ?? ConsoleCommand.RegionDefault);
    }

    private static Uri Address(string service, string usual) =>
        new((KeySources.Variable($"{ServerOptions.UrlVariable}_{service}") ?? usual).TrimEnd('/') + "/");
}
