using System.Collections.Frozen;
using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace Ocellus.Wire;

/// <summary>Regions in addition to those of AWS. Section <c>Ocellus:Regions</c>; a wrong value stops the server at start and names the setting.</summary>
internal sealed class RegionOptions : IValidatableObject
{
    public const string Section = "Ocellus:Regions";

    /// <summary>Names such as <c>lab-1</c>, separated by spaces; none by default. Each has its own quotas, like a region of AWS.</summary>
    public string More { get; set; } = "";

    /// <summary>The names one by one.</summary>
    public string[] All => More.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        All.Where(name => !Regions.IsName(name))
            .Select(
                name =>
                    new ValidationResult(
                        $"{Section}:More has '{name}'; a region name has 2 to 32 lower-case letters, digits and hyphens, a letter first, such as lab-1."));
}

/// <summary>
/// The regions that a request may be signed for. A region is part of ARNs, and quotas count by region: if any text were accepted, a name could break the form
/// of an ARN, and invented names would have unlimited quotas.
/// </summary>
[Assumed(
    "Regions",
    "A request may be signed for any region of AWS, in every partition, and for those that the setting `Ocellus:Regions:More` names. Another region "
    + "is `InvalidSignatureException`. Quotas count by account and region, as in AWS.")]
internal sealed partial class Regions(IOptions<RegionOptions> options)
{
    /// <summary>The regions of S3 in botocore 1.43, in every partition.</summary>
    private static readonly FrozenSet<string> _known = FrozenSet.ToFrozenSet(
    [
        "af-south-1",
        "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
        "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
        "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1",
        "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-isoe-west-1", "eusc-de-east-1",
        "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1",
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1",
        "us-iso-east-1", "us-iso-west-1", "us-isob-east-1", "us-isob-west-1", "us-isof-east-1", "us-isof-south-1",
    ], StringComparer.Ordinal);

    private readonly FrozenSet<string> _more = options.Value.All.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>The regions of AWS only.</summary>
    public static Regions OfAws { get; } = new(Options.Create(new RegionOptions()));

    /// <summary>Whether requests may be signed for the region, and buckets created in it.</summary>
    public bool Has(string name) => _known.Contains(name) || _more.Contains(name);

    /// <summary>Whether a text has the form of a region name, which is safe in ARNs, headers and documents.</summary>
    public static bool IsName(string text) => Form().IsMatch(text);

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{1,31}\z")]
    private static partial Regex Form();
}
