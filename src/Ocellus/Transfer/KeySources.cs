using Amazon.Runtime;
using Amazon.Runtime.CredentialManagement;
using Amazon.Runtime.Credentials;
using Ocellus.Refusals;

namespace Ocellus.Transfer;

/// <summary>Where keys come from: the places in which the AWS CLI looks, read by the AWS SDK.</summary>
internal static class KeySources
{
    /// <summary>A profile of the person's AWS files.</summary>
    /// <returns>Its credentials, and its region if it has one.</returns>
    /// <exception cref="CommandRefusedException">There is no such profile, or it has no credentials that can be used.</exception>
    public static (AWSCredentials Credentials, string? Region) Profile(string name)
    {
        var chain = new CredentialProfileStoreChain();
        if (!chain.TryGetProfile(name, out var profile))
        {
            var known = chain.ListProfiles().Select(p => p.Name).Distinct(StringComparer.Ordinal).ToList();
            throw new CommandRefusedException(
                $"There is no profile '{name}' in the AWS files. {(known.Count == 0 ? "They have none; `aws configure` writes one."
                    : $"They have {string.Join(", ", known.Take(20))}.")}");
        }

        try
        {
            return (profile.GetAWSCredentials(chain), profile.Region?.SystemName);
        }
        catch (Exception failure) when (failure is AmazonClientException or InvalidOperationException or InvalidDataException)
        {
            throw new CommandRefusedException($"The profile '{name}' cannot be used: {failure.Message}");
        }
    }

    /// <summary>The key of the environment variables, or null.</summary>
    public static AWSCredentials? Environment() =>
        (Variable("AWS_ACCESS_KEY_ID"), Variable("AWS_SECRET_ACCESS_KEY"), Variable("AWS_SESSION_TOKEN")) switch
        {
            ({ } id, { } secret, { } token) => new SessionAWSCredentials(id, secret, token),
            ({ } id, { } secret, null) => new BasicAWSCredentials(id, secret),
            _ => null,
        };

    /// <summary>What the AWS CLI uses if it is told nothing: environment variables, the default profile, the role of the machine.</summary>
    /// <exception cref="CommandRefusedException">There are none.</exception>
    public static (AWSCredentials Credentials, string? Region) Default()
    {
        var chain = new CredentialProfileStoreChain();
        var region = chain.TryGetProfile(Variable("AWS_PROFILE") ?? "default", out var profile) ? profile.Region?.SystemName : null;
        try
        {
            return (DefaultAWSCredentialsIdentityResolver.GetCredentials(), region);
        }
        catch (Exception failure) when (failure is AmazonClientException or AmazonServiceException or InvalidOperationException)
        {
            throw new CommandRefusedException(
                "There is no key: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, nor a default profile in the AWS files. Name a "
                    + "profile with --profile, or run `aws configure`.");
        }
    }

    /// <summary>The region that the environment names, or null.</summary>
    public static string? Region() => Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION");

    /// <summary>An environment variable; null if it is not set, or empty.</summary>
    public static string? Variable(string name) => System.Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
