using System.Collections;
using System.Reflection;

namespace Ocellus.Wire.AwsJson;

/// <summary>The length of the longest request that the service model allows, so that no longer body need be read.</summary>
[Assumed(
    "Request bodies: too long",
    "Status 413 without an error name, before the body is read. DetectCustomLabels and UpdateDatasetEntries take 12 MB; each other operation takes "
    + "its longest valid request and 1 MB more.")]
internal static class LargestRequest
{
    /// <summary>
    /// A blob of 5 MiB is 7 MB in base64. Somewhat larger ones, up to about 9 MB, should get the model's validation error, because clients do not show the
    /// message of a 413.
    /// </summary>
    private const int BlobBytes = 12 * 1024 * 1024;

    /// <summary>Bytes of a character where a client escapes non-ASCII: one beyond the first plane is two escapes of six characters.</summary>
    private const int CharacterBytes = 12;

    /// <summary>White space, unknown members, and somewhat too long values, which should get the model's validation error too.</summary>
    private const int RoomBytes = 1024 * 1024;

    /// <summary>Quotes, colon, comma and brackets of a member.</summary>
    private const int MarkBytes = 8;

    /// <summary>Length of numbers and words, and of texts that the model does not limit.</summary>
    private const int OtherBytes = 1024;

    /// <summary>Items of a list that the model does not limit. Such lists hold manifests, and no operation takes more than one.</summary>
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
            // A list has one type argument, a map two.
            var parts = type.GetGenericArguments();
            string?[] shapes = parts.Length == 2 ? [shape?.Key, shape?.Item] : [shape?.Item];
            return (max ?? Items) * (MarkBytes + parts.Zip(shapes).Sum(part => OfValue(part.First, part.Second)));
        }

        var plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain.IsPrimitive || plain.IsEnum ? OtherBytes : OfStructure(plain);
    }
}
