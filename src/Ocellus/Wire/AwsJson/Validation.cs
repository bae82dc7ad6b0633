using System.Collections;
using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Ocellus.Encodings;

namespace Ocellus.Wire.AwsJson;

/// <summary>Checks a request against the constraints of the service model and names every broken one, in AWS's words.</summary>
internal static class Validation
{
    /// <summary>Maximum errors in one response: a hostile request may cause thousands.</summary>
    private const int ErrorsMax = 10;

    private static readonly TimeSpan _matchTime = TimeSpan.FromSeconds(1);
    private static readonly ConcurrentDictionary<Type, Member[]> _members = new();
    private static readonly ConcurrentDictionary<string, Regex> _patterns = new();

    private sealed record Member(PropertyInfo Property, string Name, bool Required, string? Shape);

    /// <exception cref="FrameworkException">ValidationException: at least one constraint is broken.</exception>
    public static void Check(object request)
    {
        var errors = new List<string>();
        CheckStructure(request, "", errors);
        if (errors.Count > 0)
        {
            var count = errors.Count == 1
                ? "1 validation error detected: "
                : string.Create(CultureInfo.InvariantCulture, $"{errors.Count} validation errors detected: ");
            throw new FrameworkException("ValidationException", count + string.Join("; ", errors.Take(ErrorsMax)));
        }
    }

    private static void CheckStructure(object structure, string path, List<string> errors)
    {
        foreach (var member in _members.GetOrAdd(structure.GetType(), MembersOf))
        {
            var value = member.Property.GetValue(structure);
            var at = path.Length == 0 ? member.Name : $"{path}.{member.Name}";
            if (value is null)
            {
                if (member.Required)
                {
                    errors.Add($"Value null at '{at}' failed to satisfy constraint: Member must not be null");
                }
            }
            else
            {
                CheckValue(value, member.Shape, at, errors);
            }
        }
    }

    private static Member[] MembersOf(Type type) =>
    [
        .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(
                p => new Member(
                    p, char.ToLowerInvariant(p.Name[0]) + p.Name[1..], p.GetCustomAttribute<RequiredAttribute>() is not null,
                    p.GetCustomAttribute<ShapeAttribute>()?.Name)),
    ];

    private static void CheckValue(object value, string? shapeName, string at, List<string> errors)
    {
        var shape = shapeName is null ? null : Shapes.All[shapeName];
        switch (value)
        {
            case string text when shape is not null:
                // Lengths count Unicode code points, as in Smithy.
                CheckLength(shape, text.Length - text.Count(char.IsLowSurrogate), text, at, errors);
                CheckText(shape, text, at, errors);
                break;
            case byte[] bytes when shape is not null:
                CheckLength(shape, bytes.Length, string.Create(CultureInfo.InvariantCulture, $"<{bytes.Length} bytes>"), at, errors);
                break;
            case int or long or double when shape is not null:
                CheckRange(shape, Convert.ToDouble(value, CultureInfo.InvariantCulture), at, errors);
                break;
            case IReadOnlyDictionary<string, string> map when shape is not null:
                CheckLength(shape, map.Count, string.Create(CultureInfo.InvariantCulture, $"<map of {map.Count}>"), at, errors);
                foreach (var (key, item) in map)
                {
                    if (errors.Count >= ErrorsMax)
                    {
                        break;
                    }

                    CheckValue(key, shape.Key, $"{at}.key", errors);
                    if (item is not null)
                    {
                        CheckValue(item, shape.Item, $"{at}.{Readable.Truncate(key)}.member", errors);
                    }
                    else
                    {
                        errors.Add($"Value null at '{at}.{Readable.Truncate(key)}.member' failed to satisfy constraint: Member must not be null");
                    }
                }

                break;
            case IList list:
                if (shape is not null)
                {
                    CheckLength(shape, list.Count, string.Create(CultureInfo.InvariantCulture, $"<list of {list.Count}>"), at, errors);
                }

                for (var i = 0; i < list.Count && errors.Count < ErrorsMax; i++)
                {
                    var itemAt = string.Create(CultureInfo.InvariantCulture, $"{at}.{i + 1}.member");
                    if (list[i] is { } item)
                    {
                        CheckValue(item, shape?.Item, itemAt, errors);
                    }
                    else
                    {
                        errors.Add($"Value null at '{itemAt}' failed to satisfy constraint: Member must not be null");
                    }
                }

                break;
            case bool:
                break;
            default:
                CheckStructure(value, at, errors);
                break;
        }
    }

    private static void CheckText(Shape shape, string text, string at, List<string> errors)
    {
        if (shape.Pattern is { } pattern && !_patterns.GetOrAdd(pattern, Compile).IsMatch(text))
        {
            errors.Add($"Value '{Readable.Truncate(text)}' at '{at}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}");
        }

        if (shape.Values is { } values && !values.Contains(text))
        {
            errors.Add(
                $"Value '{Readable.Truncate(text)}' at '{at}' failed to satisfy constraint: Member must satisfy enum value set: [{string.Join(", ", values)}]");
        }
    }

    private static Regex Compile(string pattern)
    {
        // \A and \z: the model's patterns mean the whole value, and $ alone would let a line break pass.
        var whole = $@"\A(?:{pattern})\z";
        try
        {
            return new Regex(whole, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, _matchTime);
        }
        catch (NotSupportedException)
        {
            // NonBacktracking supports neither TagKey's lookahead nor KmsKeyId's count of 2,048. Both have one loop over one character class, so backtracking
            // costs no more than one pass.
            return new Regex(whole, RegexOptions.CultureInvariant, _matchTime);
        }
    }

    private static void CheckLength(Shape shape, int length, string value, string at, List<string> errors)
    {
        if (length < shape.Min)
        {
            errors.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Value '{Readable.Truncate(value)}' at '{at}' failed to satisfy constraint: Member must have length greater than or equal to "
                        + $"{shape.Min}"));
        }

        if (length > shape.Max)
        {
            errors.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Value '{Readable.Truncate(value)}' at '{at}' failed to satisfy constraint: Member must have length less than or equal to {shape.Max}"));
        }
    }

    private static void CheckRange(Shape shape, double value, string at, List<string> errors)
    {
        if (value < shape.Min)
        {
            errors.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Value '{value}' at '{at}' failed to satisfy constraint: Member must have value greater than or equal to {shape.Min}"));
        }

        if (value > shape.Max)
        {
            errors.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Value '{value}' at '{at}' failed to satisfy constraint: Member must have value less than or equal to {shape.Max}"));
        }
    }
}
