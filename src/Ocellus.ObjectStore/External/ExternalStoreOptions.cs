using System.ComponentModel.DataAnnotations;
using Ocellus.Objects.Files;

namespace Ocellus.Objects.External;

/// <summary>
/// An external S3-compatible store in place of the embedded one. Section <c>Ocellus:S3</c>; a wrong value stops the server at start and names the setting.
/// </summary>
internal sealed class ExternalStoreOptions : IValidatableObject
{
    public const string Section = "Ocellus:S3";

    /// <summary>The setting with the store's address.</summary>
    public const string EndpointSetting = Section + ":" + nameof(Endpoint);

    /// <summary>Address of the store, such as <c>http://127.0.0.1:9000</c>; empty for the embedded store.</summary>
    public string Endpoint { get; set; } = "";

    /// <summary>Access key id, issued by the store.</summary>
    public string AccessKey { get; set; } = "";

    /// <summary>Its secret. Preferably set by the environment variable <c>Ocellus__S3__SecretKey</c>.</summary>
    public string SecretKey { get; set; } = "";

    /// <summary>Region that requests are signed for.</summary>
    [RegularExpression("[a-z0-9-]+", ErrorMessage = "Ocellus:S3:Region must be the name of a region, such as us-east-1.")]
    public string Region { get; set; } = Bucket.FirstRegion;

    /// <summary>
    /// Bucket for what the product itself keeps there when the database is PostgreSQL: models, trainings under way, the key that encrypts secrets. It is
    /// created if the store does not have it. No caller of the API can name it.
    /// </summary>
    [RegularExpression("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", ErrorMessage = "Ocellus:S3:OwnBucket must be the name of a bucket, such as ocellus-internal.")]
    public string OwnBucket { get; set; } = "ocellus-internal";

    public bool IsExternal => Endpoint.Length > 0;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsExternal)
        {
            yield break;
        }

        if (Uri.TryCreate(Endpoint, UriKind.Absolute, out var given) && given.UserInfo.Length > 0)
        {
            // The message omits the address, which may contain a secret.
            yield return new(
                $"{Section}:Endpoint has a user or password before its host; keys of the store belong in {Section}:AccessKey and {Section}:SecretKey "
                    + $"(environment: Ocellus__S3__SecretKey).");
            yield break;
        }

        if (!Uri.TryCreate(Endpoint, UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https")
            || address.AbsolutePath != "/"
            || address.Query.Length > 0)
        {
            yield return new($"{Section}:Endpoint is '{Endpoint}'; it must be an http or https address without a path, such as http://127.0.0.1:9000.");
        }

        if (AccessKey.Length == 0 || SecretKey.Length == 0)
        {
            yield return new(
                $"{Section}:Endpoint is set, so {Section}:AccessKey and {Section}:SecretKey are needed (environment: Ocellus__S3__AccessKey and "
                    + $"Ocellus__S3__SecretKey).");
        }
    }
}
