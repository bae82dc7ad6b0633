using System.Globalization;
using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using Ocellus.Wire.SigV2;

namespace Ocellus.Objects.S3;

/// <summary>The policy of an upload form: its expiration, and conditions for the fields.</summary>
[Evidence("sigv4-HTTPPOSTConstructPolicy of the S3 API reference")]
internal sealed class PostPolicy
{
    /// <summary>Fields that need no condition: those of the signature itself.</summary>
    private static readonly HashSet<string> _free = new(StringComparer.OrdinalIgnoreCase) { "x-amz-signature", "policy", "file" };

    /// <summary>The same for signatures of version 2.</summary>
    private static readonly HashSet<string> _freeInVersionTwo = new(StringComparer.OrdinalIgnoreCase) { "AWSAccessKeyId", "signature", "policy", "file" };

    private readonly List<(string Operator, string Field, string Value, string Text)> _conditions = [];

    private PostPolicy(DateTimeOffset expiration) => Expiration = expiration;

    public DateTimeOffset Expiration { get; }

    /// <summary>Minimum and maximum bytes of the file: the intersection of all content-length-range conditions.</summary>
    public (long Min, long Max) Length { get; private set; } = (0, ObjectStore.MaxObjectBytes);

    /// <summary>Parses a policy in the form's encoding: base64 of a JSON document.</summary>
    /// <exception cref="S3Exception">The policy is malformed.</exception>
    public static PostPolicy Parse(string base64)
    {
        try
        {
            using var json = JsonDocument.Parse(Convert.FromBase64String(base64), new JsonDocumentOptions { AllowTrailingCommas = true, MaxDepth = 8 });
            if (json.RootElement.EnumerateObject().GroupBy(m => m.Name).FirstOrDefault(m => m.Count() > 1) is { } twice)
            {
                throw Invalid($"'{Readable.Truncate(twice.Key)}' is given more than once.");
            }

            if (!json.RootElement.TryGetProperty("expiration", out var expiration)
                || !DateTimeOffset.TryParse(
                    expiration.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var until))
            {
                throw Invalid("Policy missing expiration, or it is not a time such as 2026-01-31T12:00:00.000Z.");
            }

            if (!json.RootElement.TryGetProperty("conditions", out var conditions))
            {
                throw Invalid("Policy missing conditions.");
            }

            var policy = new PostPolicy(until);
            foreach (var condition in conditions.EnumerateArray())
            {
                policy.Add(condition);
            }

            return policy;
        }
        catch (Exception failure) when (failure is FormatException or JsonException or InvalidOperationException)
        {
            throw Invalid("Invalid JSON.");
        }
    }

    /// <summary>Checks a form against the policy. The caller checks the file's length against <see cref="Length"/> later.</summary>
    /// <param name="fields">The form's fields.</param>
    /// <param name="bucket">The bucket that the form is sent to.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="S3Exception">The policy does not allow the form.</exception>
    public void Check(IReadOnlyDictionary<string, string> fields, string bucket, DateTimeOffset now)
    {
        if (now > Expiration)
        {
            throw Denied($"Policy expired. It was valid until {Expiration:yyyy-MM-dd'T'HH:mm:ss'Z'}.");
        }

        // Without it, the form would be valid for every bucket of the account.
        if (!_conditions.Exists(c => c.Field.Equals("bucket", StringComparison.OrdinalIgnoreCase)))
        {
            throw Denied(
                $$"""the policy has no condition for the bucket; add {"bucket": "{{bucket}}"} or ["starts-with", "$bucket", "…"] to its conditions.""");
        }

        foreach (var (comparison, field, value, text) in _conditions)
        {
            var actual = field.Equals("bucket", StringComparison.OrdinalIgnoreCase) ? bucket : fields.GetValueOrDefault(field);
            if (actual is null || !(comparison == "eq" ? actual == value : Parts(field, actual).All(part => part.StartsWith(value, StringComparison.Ordinal))))
            {
                throw Denied(
                    $"Policy Condition failed: {Readable.Truncate(text)}; the form has {(actual is null ? "no value" : $"'{Readable.Truncate(actual)}'")}.");
            }
        }

        var free = VersionTwoVerifier.IsUsedBy(fields) ? _freeInVersionTwo : _free;
        if (fields.Keys.FirstOrDefault(
            name =>
                !free.Contains(name)
                    && !name.StartsWith("x-ignore-", StringComparison.OrdinalIgnoreCase)
                    && !_conditions.Exists(c => c.Field.Equals(name, StringComparison.OrdinalIgnoreCase))) is { } extra)
        {
            throw Denied($"Extra input fields: {Readable.Truncate(extra)}");
        }
    }

    /// <summary>Every item of a list of content types must match.</summary>
    private static string[] Parts(string field, string actual) =>
        field.Equals("content-type", StringComparison.OrdinalIgnoreCase) ? actual.Split(',', StringSplitOptions.TrimEntries) : [actual];

    private void Add(JsonElement condition)
    {
        if (condition.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in condition.EnumerateObject())
            {
                _conditions.Add(("eq", member.Name, Text(member.Value), condition.GetRawText()));
            }

            return;
        }

        var parts = condition.EnumerateArray().ToList();
        var name = parts.Count == 3 ? Text(parts[0]).ToLowerInvariant() : "";
        if (name == "content-length-range")
        {
            var (min, max) = (Bytes(parts[1]), Bytes(parts[2]));
            if (min > max)
            {
                throw Invalid($"Invalid condition: {Readable.Truncate(condition.GetRawText())}. The minimum is above the maximum.");
            }

            Length = (Math.Max(Length.Min, min), Math.Min(Length.Max, max));
            return;
        }

        if (name is not ("eq" or "starts-with") || !Text(parts[1]).StartsWith('$'))
        {
            throw Invalid(
                $"Invalid condition: {Readable.Truncate(condition.GetRawText())}. It has the form [\"eq\", \"$field\", \"value\"], with eq or starts-with, "
                    + $"or [\"content-length-range\", min, max].");
        }

        _conditions.Add((name, Text(parts[1])[1..], Text(parts[2]), condition.GetRawText()));
    }

    private static string Text(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetRawText() : value.GetString() ?? throw Invalid("A condition holds null.");

    private static long Bytes(JsonElement value) =>
        long.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            ? bytes
            : throw Invalid($"'{Readable.Truncate(Text(value))}' of content-length-range is not a number of bytes.");

    private static S3Exception Invalid(string why) => new("InvalidPolicyDocument", $"Invalid Policy: {why}");

    private static S3Exception Denied(string why) => new("AccessDenied", $"Invalid according to Policy: {why}");
}
