using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ocellus.Datasets.Manifests;

/// <summary>Where in the line an issue belongs, and so what it invalidates.</summary>
internal enum IssueLevel
{
    Line,
    Attribute,
    Metadata,
    Box,
}

internal enum AttributeKind
{
    Unknown,
    ImageLevel,
    Boxes,
}

/// <summary>An error or warning of one line.</summary>
/// <param name="Code">Wire code.</param>
/// <param name="Message">Wire text.</param>
/// <param name="Level">What it invalidates.</param>
/// <param name="Attribute">Label attribute (without <c>-metadata</c>); null at line level.</param>
/// <param name="BoxIndex">Index in <c>annotations</c>; only at box level.</param>
/// <param name="IsWarning">A warning makes the line ignored, not invalid.</param>
internal sealed record LineIssue(string Code, string Message, IssueLevel Level, string? Attribute = null, int? BoxIndex = null, bool IsWarning = false)
{
    /// <summary>What exactly is wrong, and what would be right; null if the wire text says all.</summary>
    public string? Detail { get; init; }

    /// <summary>The wire text and what exactly is wrong.</summary>
    public string Text => Detail is null ? Message : $"{Message} {Detail}";
}

/// <summary>A box in pixels of the declared image size, origin top-left.</summary>
internal sealed record ManifestBox(int Index, string Label, double Left, double Top, double Width, double Height, bool IsValid);

/// <summary>A label attribute of a line with its metadata.</summary>
internal sealed class LabelAttribute
{
    public required string Name { get; init; }

    public AttributeKind Kind { get; internal set; }

    /// <summary>The label, of an image-level attribute; empty otherwise.</summary>
    public string ClassName { get; internal set; } = "";

    public double ImageWidth { get; internal set; }

    public double ImageHeight { get; internal set; }

    public int ImageDepth { get; internal set; }

    public IReadOnlyList<ManifestBox> Boxes { get; internal set; } = [];

    public string CreationDate { get; internal set; } = "";

    public string HumanAnnotated { get; internal set; } = "";

    /// <summary>Usable: neither invalid because of an error nor ignored because of a warning.</summary>
    public bool IsValid { get; internal set; }

    /// <summary>Set when the attribute has no boxes, which is a warning and not an error.</summary>
    public bool IsEmpty { get; internal set; }

    public IEnumerable<ManifestBox> ValidBoxes => IsValid ? Boxes.Where(box => box.IsValid) : [];
}

/// <summary>One parsed manifest line, with everything that is wrong with it.</summary>
internal sealed class ParsedLine
{
    /// <summary>How lines of manifests are written: no spaces, and with the relaxed encoder, which keeps names in any script readable.</summary>
    internal static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] _additions = [""","cl-metadata":{"is_labeled":true}}""", ""","cl-metadata":{"is_labeled":false}}"""];

    private readonly List<LineIssue> issues = [];

    internal ParsedLine(int number, JsonObject? content)
    {
        Number = number;
        Content = content;
    }

    public int Number { get; }

    /// <summary>The line was too long and was not read.</summary>
    public bool IsTooLong { get; internal init; }

    /// <summary>For a person: where the line stops being UTF-8; null if it is UTF-8.</summary>
    public string? EncodingFault { get; internal init; }

    /// <summary>The line is a JSON object.</summary>
    public bool IsObject => Content is not null;

    /// <summary>The line's <c>source-ref</c>; empty if it has none.</summary>
    public string SourceRef { get; internal set; } = "";

    public string Bucket { get; internal set; } = "";

    public string Key { get; internal set; } = "";

    public IReadOnlyList<LabelAttribute> Attributes { get; internal set; } = [];

    public IReadOnlyList<LineIssue> Issues => issues;

    /// <summary>The line without service additions; null if it is not a JSON object.</summary>
    internal JsonObject? Content { get; }

    /// <summary>The line claims a label, valid or not; a line that only lacks boxes does not.</summary>
    public bool IsLabeled => Attributes.Any(attribute => !attribute.IsEmpty);

    /// <summary>A dataset job drops the line (too long, no JSON, no or malformed <c>source-ref</c>).</summary>
    public bool IsDatasetTerminal { get; internal set; }

    public bool HasErrors => issues.Exists(issue => !issue.IsWarning);

    /// <summary>Out because of errors: counts as invalid.</summary>
    public bool IsOut => issues.Exists(issue => !issue.IsWarning && issue.Level == IssueLevel.Line)
        || (HasErrors && !IsUsable);

    /// <summary>Out because of warnings only: counts as ignored.</summary>
    public bool IsIgnored => !IsOut && !IsUsable;

    /// <summary>Something in the line can be used for training.</summary>
    public bool IsUsable => !issues.Exists(issue => !issue.IsWarning && issue.Level == IssueLevel.Line)
        && Attributes.Any(attribute => attribute.IsValid);

    public bool HasImageLevel => IsUsable && Attributes.Any(attribute => attribute.IsValid && attribute.Kind == AttributeKind.ImageLevel);

    public bool HasBoxes => IsUsable && Attributes.Any(attribute => attribute.ValidBoxes.Any());

    /// <summary>Distinct image-level labels, in line order.</summary>
    public IReadOnlyList<string> ImageLabels => !IsUsable ? []
        : [
            .. Attributes.Where(attribute => attribute.IsValid && attribute.Kind == AttributeKind.ImageLevel).Select(attribute => attribute.ClassName)
                .Distinct(StringComparer.Ordinal)];

    public IEnumerable<ManifestBox> ValidBoxes => IsUsable ? Attributes.SelectMany(attribute => attribute.ValidBoxes) : [];

    /// <summary>Distinct labels of valid boxes, in line order.</summary>
    public IReadOnlyList<string> BoxLabels => [.. ValidBoxes.Select(box => box.Label).Distinct(StringComparer.Ordinal)];

    /// <summary>Adds an issue found outside the line's text, such as <c>ERROR_INVALID_IMAGE</c>.</summary>
    public void Add(LineIssue issue) => issues.Add(issue);

    /// <summary>The compact line a dataset stores: <c>cl-errors</c> by level, <c>cl-metadata</c> at the end.</summary>
    /// <exception cref="InvalidOperationException">The line is not a JSON object.</exception>
    public string ToDatasetEntry()
    {
        var line = Content?.DeepClone().AsObject() ?? throw new InvalidOperationException("A line that is not a JSON object cannot be stored.");
        Place(line, issues.Where(issue => !issue.IsWarning), "cl-errors");
        line["cl-metadata"] = new JsonObject { ["is_labeled"] = IsLabeled };
        return line.ToJsonString(Compact);
    }

    /// <summary>A stored entry without what the service wrote into it: the line as its sender would write it, compact.</summary>
    /// <param name="entry">From <see cref="ToDatasetEntry"/>.</param>
    /// <param name="hasErrors">Whether the entry has <c>cl-errors</c> somewhere.</param>
    internal static string WithoutAdditions(string entry, bool hasErrors)
    {
        foreach (var end in _additions)
        {
            // Without errors the additions are the known last member, and cutting it off saves the parsing.
            if (!hasErrors && entry.EndsWith(end, StringComparison.Ordinal))
            {
                return string.Concat(entry.AsSpan(0, entry.Length - end.Length), "}");
            }
        }

        var line = JsonNode.Parse(entry)!.AsObject();
        LineParser.Strip(line);
        return line.ToJsonString(Compact);
    }

    /// <summary>The compact line of a validation manifest: <c>errors</c> and <c>warnings</c> by level.</summary>
    public string ToValidationLine()
    {
        var line = Content?.DeepClone().AsObject() ?? [];
        Place(line, issues.Where(issue => !issue.IsWarning), "errors");
        Place(line, issues.Where(issue => issue.IsWarning), "warnings");
        return line.ToJsonString(Compact);
    }

    private static void Place(JsonObject line, IEnumerable<LineIssue> issues, string member)
    {
        foreach (var issue in issues)
        {
            var home = Home(line, issue);
            if (home[member] is not JsonArray list)
            {
                home[member] = list = [];
            }

            list.Add((JsonNode)new JsonObject { ["code"] = issue.Code, ["message"] = issue.Text });
        }
    }

    /// <summary>The object that an issue is written into. A value of the wrong type cannot hold it, so its metadata or the line does.</summary>
    private static JsonObject Home(JsonObject line, LineIssue issue)
    {
        if (issue.Attribute is null || issue.Level == IssueLevel.Line)
        {
            return line;
        }

        var value = line[issue.Attribute] as JsonObject;
        if (issue.Level == IssueLevel.Box && issue.BoxIndex is { } index
            && value?["annotations"] is JsonArray boxes && index < boxes.Count && boxes[index] is JsonObject box)
        {
            return box;
        }

        if (issue.Level != IssueLevel.Metadata && value is not null)
        {
            return value;
        }

        return line[issue.Attribute + LineParser.MetadataSuffix] as JsonObject ?? line;
    }
}
