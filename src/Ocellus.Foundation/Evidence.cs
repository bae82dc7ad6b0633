namespace Ocellus;

/// <summary>Names the source that documents the behaviour beside it: a page of AWS's documents, or the service model.</summary>
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
/// A behaviour that AWS does not document, and what was chosen here. The table of assumptions in <c>docs/compatibility.md</c> is made from these attributes.
/// </summary>
/// <param name="behaviour">What a client may notice. Rows of the page are ordered by it.</param>
/// <param name="choice">What happens here, in Markdown. One or two sentences.</param>
[AttributeUsage(
    AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Enum | AttributeTargets.Method | AttributeTargets.Property | AttributeTargets.Field,
    AllowMultiple = true,
    Inherited = false)]
internal sealed class AssumedAttribute(string behaviour, string choice) : Attribute
{
    public string Behaviour { get; } = behaviour;

    public string Choice { get; } = choice;
}
