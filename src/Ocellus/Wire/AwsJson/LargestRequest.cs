using System.Collections;
using System.Reflection;

namespace Ocellus.Wire.AwsJson;

/// <summary>How many bytes the longest request of a form has that the service model allows, so that no longer body need be read.</summary>
[Assumed(
    "Request bodies: too long",
    "Status 413 without an error name, before the body is read. DetectCustomLabels and UpdateDatasetEntries take 12 MB; each other operation takes "
    + "its longest valid request and 1 MB more.")]
internal static class LargestRequest
{
    /// <summary>
    /// A blob of 5 MiB is 7 MB in base64, and somewhat larger ones are to be refused with words of the model, for clients see nothing of a transport's refusal:
    /// up to about 9 MB of image or changes.
    /// </summary>
    private const int BlobBytes = 12 * 1024 * 1024;

    /// <summary>Bytes of a character where a client escapes what is not ASCII: one beyond the first plane is two escapes of six characters.</summary>
    private const int CharacterBytes = 12;

    /// <summary>White space, members that are not known, and values that are somewhat too long: these too are to be refused with words of the model.</summary>
    private const int RoomBytes = 1024 * 1024;

    /// <summary>Quotes, colon, comma and brackets of a member.</summary>
    private const int MarkBytes = 8;

    /// <summary>Length of numbers and words, and of texts without a bound in the model.</summary>
    private const int OtherBytes = 1024;

    /// <summary>Items of a list without a bound in the model. What it lists are manifests, and nothing takes more than one.</summary>
    private const int Items = 10;

    public static int BytesOf(Type request) => checked((int)Math.Min(BlobBytes, RoomBytes + OfStructure(request)));

    private static long OfStructure(Type type) =>
        MarkBytes + type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Sum(p => MarkBytes + p.Name.Length + OfValue(p.PropertyType, p.GetCustomAttribute<ShapeAttribute>()?.Name));

    private static long OfValue(Type type, string? shapeName)
    {
        var shape = shapeName is null ? null : Shapes.All[shapeName];
        var max = (long?)shape?.Max;
        if (type == typeof(byte[]))
        {
            return BlobBytes;
        }

        if (type == typeof(string))
        {
            return max is { } characters ? characters * CharacterBytes : OtherBytes;
        }

        if (typeof(IEnumerable).IsAssignableFrom(type))
        {
            // A list of its items, or a map of keys and values.
            var parts = type.GetGenericArguments();
            string?[] shapes = parts.Length == 2 ? [shape?.Key, shape?.Item] : [shape?.Item];
            return (max ?? Items) * (MarkBytes + parts.Zip(shapes).Sum(part => OfValue(part.First, part.Second)));
        }

        var plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain.IsPrimitive || plain.IsEnum ? OtherBytes : OfStructure(plain);
    }
}
