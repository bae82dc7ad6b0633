using System.Globalization;
using System.Xml.Linq;
using Microsoft.AspNetCore.WebUtilities;
using Ocellus.Encodings;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Tags of objects and buckets: their wire forms and S3's limits.</summary>
internal static class ObjectTags
{
    /// <summary>Maximum tags of an object: S3's limit.</summary>
    public const int MaxPerObject = 10;

    /// <summary>Maximum tags of a bucket: S3's limit.</summary>
    public const int MaxPerBucket = 50;

    /// <summary>Maximum length of a tag's key and value: S3's limits.</summary>
    private const int MaxKeyLength = 128, MaxValueLength = 256;

    /// <summary>Parses the header <c>x-amz-tagging</c>, which has the form of a query string.</summary>
    /// <exception cref="S3Exception">The tags are invalid or malformed.</exception>
    public static Dictionary<string, string> Parse(string header) =>
        Checked(new QueryStringEnumerable(header).AsPairs(), MaxPerObject);

    /// <summary>Parses a <c>Tagging</c> document.</summary>
    /// <exception cref="S3Exception">The tags are invalid or malformed.</exception>
    public static Dictionary<string, string> Read(XmlNode document, int max = MaxPerObject)
    {
        if (document.Name != "Tagging" || document.All("TagSet").FirstOrDefault() is not { } set)
        {
            throw new S3Exception("MalformedXML", $"A Tagging element with a TagSet was expected; received '{Readable.Truncate(document.Name)}'.");
        }

        return Checked(set.All("Tag").Select(tag => KeyValuePair.Create(
            tag.Child("Key") ?? throw new S3Exception("MalformedXML", "A Tag has no Key."),
            tag.Child("Value") ?? throw new S3Exception("MalformedXML", "A Tag has no Value."))), max);
    }

    public static XElement Write(IReadOnlyDictionary<string, string> tags) =>
        new(
            Ns + "Tagging",
            new XElement(Ns + "TagSet", tags.Select(t => new XElement(Ns + "Tag", new XElement(Ns + "Key", t.Key), new XElement(Ns + "Value", t.Value)))));

    private static List<KeyValuePair<string, string>> AsPairs(this QueryStringEnumerable query)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var pair in query)
        {
            // One too many is enough for the refusal.
            if (pairs.Count > MaxPerObject)
            {
                break;
            }

            pairs.Add(new(pair.DecodeName().ToString(), pair.DecodeValue().ToString()));
        }

        return pairs;
    }

    private static Dictionary<string, string> Checked(IEnumerable<KeyValuePair<string, string>> pairs, int max)
    {
        var tags = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in pairs)
        {
            if (key.Length is 0 or > MaxKeyLength || !key.All(IsAllowed))
            {
                throw new S3Exception(
                    "InvalidTag",
                    $"The TagKey you have provided is invalid: '{Readable.Truncate(key)}'. It has 1 to {MaxKeyLength} letters, digits, spaces and + - = "
                        + $". _ : / @.");
            }

            if (value.Length > MaxValueLength || !value.All(IsAllowed))
            {
                throw new S3Exception(
                    "InvalidTag",
                    $"The TagValue you have provided is invalid: '{Readable.Truncate(value)}'. It has at most {MaxValueLength} letters, digits, spaces and + "
                        + $"- = . _ : / @.");
            }

            if (key.StartsWith("aws:", StringComparison.OrdinalIgnoreCase))
            {
                throw new S3Exception("InvalidTag", $"System tags cannot be added/updated by requester: '{Readable.Truncate(key)}'.");
            }

            if (!tags.TryAdd(key, value))
            {
                throw new S3Exception("InvalidTag", $"Cannot provide multiple Tags with the same key: '{Readable.Truncate(key)}'.");
            }
        }

        return tags.Count <= max
            ? tags
            : throw new S3Exception(
                "BadRequest",
                string.Create(
                    CultureInfo.InvariantCulture, $"{(max == MaxPerObject ? "Object" : "Bucket")} tags cannot be greater than {max}; more were received."));
    }

    private static bool IsAllowed(char c) =>
        char.IsLetterOrDigit(c)
            || char.IsSurrogate(c)
            || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.SpaceSeparator or UnicodeCategory.NonSpacingMark
            || c is '+' or '-' or '=' or '.' or '_' or ':' or '/' or '@';
}
