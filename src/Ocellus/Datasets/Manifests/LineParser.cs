using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Encodings;

namespace Ocellus.Datasets.Manifests;

/// <summary>Checks one manifest line by the rules for image-level and object-localization lines.</summary>
internal static partial class LineParser
{
    internal const string MetadataSuffix = "-metadata";

    private const int LabelLengthMax = 256;
    private const int BoxesMax = 50;
    private const double SideMin = 64;
    private const double SideMax = 4096;

    /// <summary>Pixels of the longer side that images are scaled down to before training.</summary>
    private const double ScaledSideMax = 1280;

    private const string ImageType = "groundtruth/image-classification";
    private const string MultiLabelType = "groundtruth/image-classification-multilabel";
    private const string BoxType = "groundtruth/object-detection";

    private static readonly string[] _serviceKeys = ["cl-metadata", "cl-errors", "errors", "warnings"];

    private static readonly HashSet<string> _notAttributes = new(StringComparer.Ordinal)
    {
        "source-ref", "cl-metadata", "cl-errors", "errors", "warnings", "rekognition-custom-labels-object-id", "line-idx",
    };

    private static readonly string[] _dateFormats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd"];

    // Duplicate keys are ambiguous, so they make the JSON invalid.
    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false, MaxDepth = JsonDepth.LineMax };

    /// <summary>Parses and checks; never throws for what the line contains.</summary>
    public static ParsedLine Parse(ManifestLine line)
    {
        var content = line.TooLong || line.NotUtf8 is not null ? null : ReadObject(line.Text);
        var parsed = new ParsedLine(line.Number, content) { IsTooLong = line.TooLong, EncodingFault = line.NotUtf8 is null ? null : line.EncodingFault };
        if (content is null)
        {
            return Terminal(parsed, "ERROR_INVALID_JSON_LINE", "The JSON Line has an invalid format.");
        }

        Strip(content);
        if (!content.ContainsKey("source-ref"))
        {
            return Terminal(parsed, "ERROR_MISSING_SOURCE_REF", "The source-ref key is missing.");
        }

        parsed.SourceRef = Text(content["source-ref"]) ?? "";
        if (!TrySplit(parsed.SourceRef, out var bucket, out var key))
        {
            return Terminal(
                parsed, "ERROR_INVALID_SOURCE_REF_FORMAT", "The format of the source-ref value is invalid.",
                $"source-ref is '{Readable.Truncate(parsed.SourceRef)}'; it must be s3://bucket/key.");
        }

        parsed.Bucket = bucket;
        parsed.Key = key;
        if (content.Count == 1)
        {
            parsed.Add(new LineIssue("WARNING_UNANNOTATED_RECORD", "Record is unannotated.", IssueLevel.Line, IsWarning: true));
            return parsed;
        }

        var names = AttributeNames(content);
        if (names.Count == 0)
        {
            parsed.Add(
                new LineIssue("ERROR_NO_LABEL_ATTRIBUTES", "No label attributes found.", IssueLevel.Line)
                {
                    Detail = $"None of its keys has a partner of the same name with {MetadataSuffix}.",
                });
            return parsed;
        }

        parsed.Attributes = [.. names.Select(name => new LabelAttribute { Name = name })];
        foreach (var attribute in parsed.Attributes)
        {
            Check(parsed, attribute, content[attribute.Name], content[attribute.Name + MetadataSuffix]);
        }

        Conclude(parsed);
        return parsed;
    }

    /// <summary>Bucket and key of <c>s3://bucket/key</c>; the scheme is case-insensitive.</summary>
    public static bool TrySplit(string location, out string bucket, out string key)
    {
        bucket = key = "";
        if (!location.StartsWith("s3://", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var slash = location.IndexOf('/', 5);
        if (slash <= 5 || slash == location.Length - 1)
        {
            return false;
        }

        bucket = location[5..slash];
        key = location[(slash + 1)..];
        return true;
    }

    private static ParsedLine Terminal(ParsedLine parsed, string code, string message, string? detail = null)
    {
        parsed.IsDatasetTerminal = true;
        parsed.Add(new LineIssue(code, message, IssueLevel.Line) { Detail = detail });
        return parsed;
    }

    private static JsonObject? ReadObject(string text)
    {
        try
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            return Unicode.HasHalfPair(utf8) ? null : JsonNode.Parse(utf8, documentOptions: _strict) as JsonObject;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>
    /// The keys that have a <c>-metadata</c> partner. A key ending in <c>-metadata</c> is an attribute too if it has its own partner and is not the partner of
    /// another, so a label named <c>x-metadata</c> works.
    /// </summary>
    private static List<string> AttributeNames(JsonObject content)
    {
        var names = new List<string>();
        var partners = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in content.Select(pair => pair.Key).OrderBy(key => key.Length))
        {
            if (!_notAttributes.Contains(name) && !partners.Contains(name) && content.ContainsKey(name + MetadataSuffix))
            {
                partners.Add(name + MetadataSuffix);
                names.Add(name);
            }
        }

        var order = content.Select((pair, index) => (pair.Key, index)).ToDictionary(pair => pair.Key, pair => pair.index, StringComparer.Ordinal);
        names.Sort((left, right) => order[left].CompareTo(order[right]));
        return names;
    }

    /// <summary>Removes what the service wrote, so that its output can be fed back.</summary>
    internal static void Strip(JsonObject content)
    {
        // No manifest that we write has a label attribute called "errors"; the names stay reserved.
        StripObject(content);
        foreach (var (_, value) in content)
        {
            if (value is not JsonObject inner)
            {
                continue;
            }

            StripObject(inner);
            if (inner["annotations"] is JsonArray boxes)
            {
                foreach (var box in boxes.OfType<JsonObject>())
                {
                    StripObject(box);
                }
            }
        }
    }

    private static void StripObject(JsonObject target)
    {
        foreach (var key in _serviceKeys)
        {
            target.Remove(key);
        }
    }

    private static void Check(ParsedLine parsed, LabelAttribute attribute, JsonNode? value, JsonNode? partner)
    {
        var report = new Report(parsed, attribute.Name);
        if (partner is not JsonObject metadata)
        {
            report.Metadata($"`{Name(attribute.Name)}{MetadataSuffix}` must be an object.");
            return;
        }

        if (Text(metadata["type"]) is not { } type)
        {
            report.Metadata(Wrong(attribute.Name, metadata, "type", $"\"{ImageType}\" or \"{BoxType}\""));
            return;
        }

        attribute.Kind = type switch
        {
            ImageType => AttributeKind.ImageLevel,
            // The guide's converter copies this type to lines that are otherwise plain image-level ones.
            MultiLabelType when metadata.ContainsKey("class-name") => AttributeKind.ImageLevel,
            BoxType => AttributeKind.Boxes,
            _ => AttributeKind.Unknown,
        };
        if (attribute.Kind == AttributeKind.Unknown)
        {
            report.Fail(
                "ERROR_UNSUPPORTED_USE_CASE_TYPE",
                $"The use case type of the {attribute.Name}{MetadataSuffix} label attribute metadata is unsupported. Check the "
                    + $"type field.", IssueLevel.Metadata);
            return;
        }

        attribute.HumanAnnotated = Text(metadata["human-annotated"]) ?? "";
        attribute.CreationDate = Text(metadata["creation-date"]) ?? "";
        if (attribute.Kind == AttributeKind.ImageLevel)
        {
            if (!IsInteger(value, out _))
            {
                report.Value($"`{Name(attribute.Name)}` must be a whole number.");
                return;
            }

            attribute.ClassName = Text(metadata["class-name"]) ?? "";
            if (LabelFault(attribute.Name, metadata) is { } fault)
            {
                report.Metadata(fault);
            }
            else if (attribute.ClassName.Length > LabelLengthMax)
            {
                report.Fail("ERROR_INVALID_LABEL_NAME_LENGTH", "The label name is too long.", IssueLevel.Metadata);
            }
            else
            {
                attribute.IsValid = true;
            }

            return;
        }

        CheckBoxes(parsed, attribute, value as JsonObject, metadata, report);
    }

    /// <summary>What the attributes together mean for the line.</summary>
    private static void Conclude(ParsedLine parsed)
    {
        if (parsed.Attributes.Any(attribute => attribute.IsValid))
        {
            return;
        }

        if (parsed.Attributes.All(attribute => attribute.IsEmpty))
        {
            parsed.Add(new LineIssue("WARNING_NO_ANNOTATIONS", "No annotations were found.", IssueLevel.Line, IsWarning: true));
        }
        else if (!parsed.Issues.Any(issue => issue.Code == "ERROR_NO_VALID_ANNOTATIONS"))
        {
            parsed.Add(new LineIssue("ERROR_NO_VALID_LABEL_ATTRIBUTES", "No valid label attributes found.", IssueLevel.Line));
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static double? Number(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number && value.TryGetValue<double>(out var number) && double.IsFinite(number)
            ? number
            : null;

    private static bool IsInteger(JsonNode? node, out long number)
    {
        number = 0;
        if (Number(node) is not { } real || Math.Abs(real) > 1L << 53 || Math.Floor(real) != real)
        {
            return false;
        }

        // 1.0 is an integer in JSON, and exporters write it.
        number = (long)real;
        return true;
    }

    private static bool IsConfidence(JsonNode? node) => Number(node) is >= 0 and <= 1;

    private static bool IsDate(string text) => DateTime.TryParseExact(text, _dateFormats, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out _);
}
