namespace Ocellus;

/// <summary>Names the source that documents this behaviour: a page of the AWS documentation, or the service model.</summary>
/// <param name="source">Such as <c>API_StopProjectVersion, service model rekognition-2016-06-27</c>.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Method | AttributeTargets.Property | AttributeTargets.Field,
    AllowMultiple = true,
    Inherited = false)]
internal sealed class EvidenceAttribute(string source) : Attribute
{
    public string Source { get; } = source;
}

/// <summary>
/// A behaviour that AWS does not document, and what Ocellus does. The table of assumptions in <c>docs/compatibility.md</c> is generated from these attributes.
/// </summary>
/// <param name="behaviour">What a client may notice. The table is sorted by it.</param>
/// <param name="choice">What Ocellus does, in Markdown. One or two sentences.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Method | AttributeTargets.Property | AttributeTargets.Field,
    AllowMultiple = true,
    Inherited = false)]
internal sealed class AssumedAttribute(string behaviour, string choice) : Attribute
{
    public string Behaviour { get; } = behaviour;

    public string Choice { get; } = choice;
}
