using System.Globalization;
using System.Text.RegularExpressions;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>What a Custom Labels ARN names.</summary>
internal enum ArnKind
{
    Project,
    Dataset,
    ProjectVersion,
}

/// <summary>A project's, dataset's or project version's ARN, parsed once at the edge.</summary>
/// <param name="Kind">What it names.</param>
/// <param name="Partition"><c>aws</c>, <c>aws-cn</c>, …</param>
/// <param name="Region">Region of the resource.</param>
/// <param name="AccountId">Twelve digits.</param>
/// <param name="Project">Project name.</param>
/// <param name="Name">Version name, or <c>train</c> or <c>test</c>; empty for a project.</param>
/// <param name="CreatedMs">Creation time in epoch milliseconds: the ARN's last part.</param>
internal readonly partial record struct Arn(ArnKind Kind, string Partition, string Region, string AccountId, string Project, string Name, long CreatedMs)
{
    /// <summary>Parses an ARN.</summary>
    /// <exception cref="RefusedException">Invalid: the text is not the ARN of a project, dataset or project version.</exception>
    public static Arn Parse(string text) =>
        TryParse(text)
            ?? throw Refused.Invalid(
                $"'{Readable.Truncate(text)}' is not the ARN of a project, dataset or project version, such as "
                    + $"arn:aws:rekognition:us-east-1:123456789012:project/name/1690474772815.");

    /// <summary>As <see cref="Parse"/>; null if the text is not such an ARN.</summary>
    public static Arn? TryParse(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success || !long.TryParse(match.Groups["ms"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var ms))
        {
            return null;
        }

        var kind = match.Groups["kind"].Value switch { "" => ArnKind.Project, "dataset" => ArnKind.Dataset, _ => ArnKind.ProjectVersion };
        return new Arn(
            kind, match.Groups["partition"].Value, match.Groups["region"].Value, match.Groups["account"].Value, match.Groups["project"].Value,
            match.Groups["name"].Value, ms);
    }

    public static Arn ForProject(Caller caller, string name, long createdMs) =>
        new(ArnKind.Project, "aws", caller.Region, caller.AccountId, name, "", createdMs);

    public Arn Dataset(string type, long createdMs) => this with { Kind = ArnKind.Dataset, Name = type, CreatedMs = createdMs };

    public Arn Version(string name, long createdMs) => this with { Kind = ArnKind.ProjectVersion, Name = name, CreatedMs = createdMs };

    public override string ToString() => Kind switch
    {
        ArnKind.Project => string.Create(CultureInfo.InvariantCulture, $"arn:{Partition}:rekognition:{Region}:{AccountId}:project/{Project}/{CreatedMs}"),
        ArnKind.Dataset =>
            string.Create(CultureInfo.InvariantCulture, $"arn:{Partition}:rekognition:{Region}:{AccountId}:project/{Project}/dataset/{Name}/{CreatedMs}"),
        ArnKind.ProjectVersion =>
            string.Create(CultureInfo.InvariantCulture, $"arn:{Partition}:rekognition:{Region}:{AccountId}:project/{Project}/version/{Name}/{CreatedMs}"),
    };

    // No leading zeros in the time: an ARN has exactly one spelling.
    [GeneratedRegex(
        @"\Aarn:(?<partition>[a-z0-9-]{1,32}):rekognition:(?<region>[a-z0-9-]{1,32}):(?<account>[0-9]{12}):"
        + @"project/(?<project>[a-zA-Z0-9_.\-]{1,255})(/(?<kind>version)/(?<name>[a-zA-Z0-9_.\-]{1,255})|/(?<kind>dataset)/(?<name>train|test))?/"
        + @"(?<ms>0|[1-9][0-9]*)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
