using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Identity;

/// <summary>Which of a key's values must pass a test.</summary>
internal enum ConditionQuantifier
{
    /// <summary>The only value.</summary>
    None,

    /// <summary>Every value must pass. Without values the test passes.</summary>
    All,

    /// <summary>One value must pass. Without values the test fails.</summary>
    Any,
}

/// <summary>One line of a Condition: an operator, a key, and values of which one must match.</summary>
internal sealed class PolicyCondition
{
    private const string IfExists = "IfExists";
    private readonly Func<IReadOnlyList<string>, bool> _holds;

    private PolicyCondition(string name, string key, IReadOnlyList<string> values, Func<IReadOnlyList<string>, bool> holds) =>
        (Operator, Key, Compared, _holds) = (name, key, values, holds);

    /// <summary>Such as <c>StringLike</c>, without prefix and suffix.</summary>
    public string Operator { get; }

    /// <summary>The policy's values.</summary>
    public IReadOnlyList<string> Compared { get; }

    /// <summary>The key as spelled in the policy; it is not case-sensitive.</summary>
    public string Key { get; }

    /// <summary>Whether it holds. An absent key has an empty list of values.</summary>
    public bool Holds(Func<string, IReadOnlyList<string>> valuesOf) => _holds(valuesOf(Key));

    /// <summary>Parses a Condition. All its lines must hold.</summary>
    /// <exception cref="RefusedException">MalformedPolicy: an operator, a key or a value is not supported.</exception>
    public static List<PolicyCondition> Parse(JsonElement condition, ConditionKeys keys)
    {
        if (condition.ValueKind != JsonValueKind.Object)
        {
            throw PolicyJson.Malformed("Condition must be an object");
        }

        var lines = new List<PolicyCondition>();
        foreach (var test in condition.EnumerateObject())
        {
            if (test.Value.ValueKind != JsonValueKind.Object)
            {
                throw PolicyJson.Malformed($"{Readable.Truncate(test.Name)} must be an object of condition keys");
            }

            lines.AddRange(test.Value.EnumerateObject().Select(key => Line(test.Name, key, keys)));
        }

        return lines;
    }

    private static PolicyCondition Line(string text, JsonProperty key, ConditionKeys keys)
    {
        var (name, quantifier, optional) = ParseOperator(text);
        if (!keys.Knows(key.Name))
        {
            throw PolicyJson.Malformed($"the condition key '{Readable.Truncate(key.Name)}' is not supported; supported are {keys.Words}");
        }

        if (!Values(key.Value, out var values))
        {
            throw PolicyJson.Malformed($"{key.Name} must be a string or a list of strings");
        }

        if (name == "Null")
        {
            return new(name, key.Name, values, Absence(key.Name, values));
        }

        var test = ConditionOperators.All[name];
        if (quantifier == ConditionQuantifier.None && ConditionKeys.HasSeveralValues(key.Name))
        {
            throw PolicyJson.Malformed($"{key.Name} has several values: write ForAllValues:{name} or ForAnyValue:{name}");
        }

        var tests = values.ConvertAll(
            v => test.Compile(v) ?? throw PolicyJson.Malformed($"{text} of {key.Name} must be {test.Kind}; '{Readable.Truncate(v)}' is not"));
        bool Passes(string actual) => tests.Exists(t => t(actual)) != test.Negated;
        return new(name, key.Name, values, actual => (actual.Count, quantifier) switch
        {
            (0, ConditionQuantifier.All) => true,
            (0, ConditionQuantifier.Any) => optional,
            (0, _) => optional || test.Negated,
            (_, ConditionQuantifier.All) => actual.All(Passes),
            (_, ConditionQuantifier.Any) => actual.Any(Passes),
            _ => Passes(actual[0]),
        });
    }

    private static Func<IReadOnlyList<string>, bool> Absence(string key, List<string> values)
    {
        if (values.Exists(v => !bool.TryParse(v, out _)))
        {
            throw PolicyJson.Malformed($"Null of {key} must be true or false");
        }

        var wanted = values.ConvertAll(bool.Parse);
        return actual => wanted.Contains(actual.Count == 0);
    }

    private static (string Name, ConditionQuantifier Quantifier, bool Optional) ParseOperator(string text)
    {
        var (name, quantifier) = text switch
        {
            _ when text.StartsWith("ForAllValues:", StringComparison.Ordinal) => (text["ForAllValues:".Length..], ConditionQuantifier.All),
            _ when text.StartsWith("ForAnyValue:", StringComparison.Ordinal) => (text["ForAnyValue:".Length..], ConditionQuantifier.Any),
            _ => (text, ConditionQuantifier.None),
        };
        var optional = name.EndsWith(IfExists, StringComparison.Ordinal);
        name = optional ? name[..^IfExists.Length] : name;

        // Null tests whether a key is present: IfExists and ForAllValues mean nothing with it.
        return ConditionOperators.All.ContainsKey(name) || (name == "Null" && text == "Null")
            ? (name, quantifier, optional)
            : throw PolicyJson.Malformed(
                $"the condition operator '{Readable.Truncate(text)}' is not supported; supported are "
                    + $"{string.Join(", ", ConditionOperators.All.Keys.Order(StringComparer.Ordinal))} and Null, all but Null also with ForAllValues:, "
                    + $"ForAnyValue: and IfExists");
    }

    /// <summary>Like IAM, also accepts numbers, true and false without quotation marks.</summary>
    private static bool Values(JsonElement value, out List<string> texts)
    {
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToList() : [value];
        texts = [.. items.Select(Text).OfType<string>()];
        if (texts.Find(t => t.Contains("${", StringComparison.Ordinal)) is { } variable)
        {
            throw PolicyJson.Malformed($"'{Readable.Truncate(variable)}' has a policy variable, which is not supported");
        }

        return items.Count > 0 && texts.Count == items.Count;
    }

    private static string? Text(JsonElement item) => item.ValueKind switch
    {
        JsonValueKind.String => item.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => item.GetRawText(),
        _ => null,
    };
}
