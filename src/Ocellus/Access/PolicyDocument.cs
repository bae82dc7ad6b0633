using System.IO.Enumeration;
using System.Text.Json;
using Ocellus.Protocol;

namespace Ocellus.Access;

/// <summary>What policies say about a request.</summary>
internal enum PolicyVerdict
{
    /// <summary>No statement matches.</summary>
    Silent,
    Allowed,

    /// <summary>A Deny matches; it wins over any Allow.</summary>
    Denied,
}

/// <summary>
/// Project policies: their form is checked when they are saved, so that a rule that would not be understood is refused, never
/// ignored; and they are evaluated when a version is copied.
/// </summary>
internal static class PolicyDocument
{
    private const string CopyAction = "rekognition:CopyProjectVersion";

    /// <summary>Condition operators that are understood, with whether they compare by wildcards and whether they negate.</summary>
    private static readonly Dictionary<string, (bool Wildcards, bool Negated)> _operators = new(StringComparer.Ordinal)
    {
        ["StringEquals"] = (false, false),
        ["StringNotEquals"] = (false, true),
        ["StringLike"] = (true, false),
        ["StringNotLike"] = (true, true),
        ["ArnEquals"] = (true, false),
        ["ArnNotEquals"] = (true, true),
        ["ArnLike"] = (true, false),
        ["ArnNotLike"] = (true, true),
    };

    /// <summary>What all policies of a project say together about a caller who copies a version.</summary>
    public static PolicyVerdict Evaluate(IEnumerable<string> documents, Caller caller, string versionArn)
    {
        var verdict = PolicyVerdict.Silent;
        foreach (var text in documents)
        {
            using var document = JsonDocument.Parse(text);
            var statement = document.RootElement.GetProperty("Statement");
            foreach (var one in statement.ValueKind == JsonValueKind.Array ? statement.EnumerateArray().ToList() : [statement])
            {
                if (!Matches(one, caller, versionArn))
                {
                    continue;
                }

                if (string.Equals(one.GetProperty("Effect").GetString(), "Deny", StringComparison.OrdinalIgnoreCase))
                {
                    return PolicyVerdict.Denied;
                }

                verdict = PolicyVerdict.Allowed;
            }
        }

        return verdict;
    }

    private static bool Matches(JsonElement statement, Caller caller, string versionArn)
    {
        Texts(statement.GetProperty("Resource"), out var resources);
        return resources.Exists(r => FileSystemName.MatchesSimpleExpression(r, versionArn, ignoreCase: false)) && NamesPrincipal(statement.GetProperty("Principal"), caller)
            && (!statement.TryGetProperty("Condition", out var condition) || condition.EnumerateObject().All(o => Holds(o, caller)));
    }

    private static bool NamesPrincipal(JsonElement principal, Caller caller)
    {
        if (principal.ValueKind == JsonValueKind.String)
        {
            return true;
        }

        return principal.TryGetProperty("AWS", out var aws) && Texts(aws, out var names)
            && names.Exists(n => n == "*" || n == caller.AccountId || n == $"arn:aws:iam::{caller.AccountId}:root" || n == caller.UserArn);
    }

    private static bool Holds(JsonProperty test, Caller caller)
    {
        var (wildcards, negated) = _operators[test.Name];
        return test.Value.EnumerateObject().All(key =>
        {
            Texts(key.Value, out var values);
            var actual = string.Equals(key.Name, "aws:PrincipalArn", StringComparison.OrdinalIgnoreCase) ? caller.UserArn : caller.AccountId;
            return values.Exists(v => wildcards ? FileSystemName.MatchesSimpleExpression(v, actual, ignoreCase: false) : v == actual) != negated;
        });
    }

    private static void CheckCondition(JsonElement condition)
    {
        if (condition.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("Condition must be an object");
        }

        foreach (var test in condition.EnumerateObject())
        {
            if (!_operators.ContainsKey(test.Name))
            {
                throw Malformed($"the condition operator '{Readable.Cut(test.Name)}' is not understood; {string.Join(", ", _operators.Keys)} are");
            }

            if (test.Value.ValueKind != JsonValueKind.Object)
            {
                throw Malformed($"{test.Name} must be an object of condition keys");
            }

            foreach (var key in test.Value.EnumerateObject())
            {
                if (!string.Equals(key.Name, "aws:PrincipalArn", StringComparison.OrdinalIgnoreCase) && !string.Equals(key.Name, "aws:PrincipalAccount", StringComparison.OrdinalIgnoreCase))
                {
                    throw Malformed($"the condition key '{Readable.Cut(key.Name)}' is not understood; aws:PrincipalArn and aws:PrincipalAccount are");
                }

                if (!Texts(key.Value, out _))
                {
                    throw Malformed($"{key.Name} must be a text or a list of texts");
                }
            }
        }
    }

    /// <exception cref="RefusedException">MalformedPolicy: says which rule is broken.</exception>
    public static void Check(string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException failure)
        {
            throw Malformed($"it is not JSON (line {failure.LineNumber + 1}, byte {failure.BytePositionInLine})");
        }

        using (document)
        {
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Malformed($"it is a JSON {root.ValueKind}; an object was expected");
            }

            if (!root.TryGetProperty("Version", out var version) || version.ValueKind != JsonValueKind.String || version.GetString() is not ("2012-10-17" or "2008-10-17"))
            {
                throw Malformed("Version must be \"2012-10-17\"");
            }

            if (!root.TryGetProperty("Statement", out var statement))
            {
                throw Malformed("Statement is missing");
            }

            var statements = statement.ValueKind == JsonValueKind.Array ? statement.EnumerateArray().ToList() : [statement];
            if (statements.Count == 0)
            {
                throw Malformed("Statement is an empty list; at least one statement is needed");
            }

            statements.ForEach(CheckStatement);
        }
    }

    private static void CheckStatement(JsonElement statement)
    {
        if (statement.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("a Statement is not an object");
        }

        foreach (var member in statement.EnumerateObject())
        {
            if (member.Name is not ("Sid" or "Effect" or "Principal" or "Action" or "Resource" or "Condition"))
            {
                throw Malformed($"a statement has '{Readable.Cut(member.Name)}'; Sid, Effect, Principal, Action, Resource and Condition are understood");
            }
        }

        if (!statement.TryGetProperty("Effect", out var effect) || effect.ValueKind != JsonValueKind.String
            || !(string.Equals(effect.GetString(), "Allow", StringComparison.OrdinalIgnoreCase) || string.Equals(effect.GetString(), "Deny", StringComparison.OrdinalIgnoreCase)))
        {
            throw Malformed("Effect must be Allow or Deny");
        }

        if (!statement.TryGetProperty("Principal", out var principal) || !IsPrincipal(principal))
        {
            throw Malformed("Principal must be \"*\" or {\"AWS\": one or more account ids or ARNs}");
        }

        if (!statement.TryGetProperty("Action", out var action) || !Texts(action, out var actions) || actions.Any(a => !string.Equals(a, CopyAction, StringComparison.OrdinalIgnoreCase)))
        {
            throw Malformed($"Action must be {CopyAction}, the only action that a project policy may have");
        }

        if (!statement.TryGetProperty("Resource", out var resource) || !Texts(resource, out var resources) || resources.Any(r => r != "*" && !r.StartsWith("arn:", StringComparison.Ordinal)))
        {
            throw Malformed("Resource must be * or the ARN of a project version");
        }

        if (statement.TryGetProperty("Condition", out var condition))
        {
            CheckCondition(condition);
        }
    }

    private static bool IsPrincipal(JsonElement principal) =>
        principal.ValueKind == JsonValueKind.String
            ? principal.GetString() == "*"
            : principal.ValueKind == JsonValueKind.Object && principal.EnumerateObject().Any() && principal.EnumerateObject().All(p => Texts(p.Value, out _));

    private static bool Texts(JsonElement value, out List<string> texts)
    {
        var items = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToList() : [value];
        texts = [.. items.Where(i => i.ValueKind == JsonValueKind.String).Select(i => i.GetString()!)];
        return items.Count > 0 && texts.Count == items.Count;
    }

    private static RefusedException Malformed(string what) => new(RefusalKind.MalformedPolicy, $"The policy document is malformed: {what}.");
}
