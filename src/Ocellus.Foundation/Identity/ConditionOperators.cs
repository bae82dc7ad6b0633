using System.Collections.Frozen;
using System.Globalization;
using System.Net;

namespace Ocellus.Identity;

/// <summary>An operator of conditions.</summary>
/// <param name="Compile">Turns a value of the policy into a test of the request's value; null if the value is not of the operator's kind.</param>
/// <param name="Negated">Whether the test must fail for every value of the policy.</param>
/// <param name="Kind">What a value must be, in words.</param>
internal sealed record ConditionOperator(Func<string, Func<string, bool>?> Compile, bool Negated, string Kind);

/// <summary>
/// The operators of the policy language, except <c>Null</c>, which compares nothing, and <c>BinaryEquals</c>, which applies to no supported key.
/// </summary>
internal static class ConditionOperators
{
    private static readonly string[] _dates = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mmK", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"];

    public static FrozenDictionary<string, ConditionOperator> All { get; } = Create().ToFrozenDictionary(StringComparer.Ordinal);

    private static Dictionary<string, ConditionOperator> Create()
    {
        var all = new Dictionary<string, ConditionOperator>(StringComparer.Ordinal);
        void Add(string name, string? negation, string kind, Func<string, Func<string, bool>?> compile)
        {
            all.Add(name, new(compile, false, kind));
            if (negation is not null)
            {
                all.Add(negation, new(compile, true, kind));
            }
        }

        Add("StringEquals", "StringNotEquals", "a text", wanted => actual => actual == wanted);
        Add(
            "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "a text",
            wanted => actual => string.Equals(actual, wanted, StringComparison.OrdinalIgnoreCase));
        Add("StringLike", "StringNotLike", "a text", wanted => actual => PolicyPattern.Matches(wanted, actual));
        Add("ArnEquals", "ArnNotEquals", "an ARN of six parts", Arn);
        Add("ArnLike", "ArnNotLike", "an ARN of six parts", Arn);
        Add("NumericEquals", "NumericNotEquals", "a number", wanted => Compare<decimal>(wanted, Number, c => c == 0));
        Add("NumericLessThan", null, "a number", wanted => Compare<decimal>(wanted, Number, c => c < 0));
        Add("NumericLessThanEquals", null, "a number", wanted => Compare<decimal>(wanted, Number, c => c <= 0));
        Add("NumericGreaterThan", null, "a number", wanted => Compare<decimal>(wanted, Number, c => c > 0));
        Add("NumericGreaterThanEquals", null, "a number", wanted => Compare<decimal>(wanted, Number, c => c >= 0));
        Add("DateEquals", "DateNotEquals", "a date such as 2026-01-31T08:00:00Z", wanted => Compare<DateTimeOffset>(wanted, Date, c => c == 0));
        Add("DateLessThan", null, "a date such as 2026-01-31T08:00:00Z", wanted => Compare<DateTimeOffset>(wanted, Date, c => c < 0));
        Add("DateLessThanEquals", null, "a date such as 2026-01-31T08:00:00Z", wanted => Compare<DateTimeOffset>(wanted, Date, c => c <= 0));
        Add("DateGreaterThan", null, "a date such as 2026-01-31T08:00:00Z", wanted => Compare<DateTimeOffset>(wanted, Date, c => c > 0));
        Add("DateGreaterThanEquals", null, "a date such as 2026-01-31T08:00:00Z", wanted => Compare<DateTimeOffset>(wanted, Date, c => c >= 0));
        Add(
            "Bool", null, "true or false",
            wanted => bool.TryParse(wanted, out var flag) ? actual => bool.TryParse(actual, out var have) && have == flag : null);
        Add("IpAddress", "NotIpAddress", "an address or a network such as 203.0.113.0/24", Network);
        return all;
    }

    private static Func<string, bool>? Arn(string wanted) =>
        wanted == "*" || PolicyPattern.IsArn(wanted) ? actual => PolicyPattern.MatchesArn(wanted, actual) : null;

    private static Func<string, bool>? Network(string wanted) =>
        IPNetwork.TryParse(wanted, out var network) ? actual => IPAddress.TryParse(actual, out var address) && network.Contains(address)
        : IPAddress.TryParse(wanted, out var one) ? actual => IPAddress.TryParse(actual, out var address) && address.Equals(one)
        : null;

    private static Func<string, bool>? Compare<T>(string wanted, Func<string, T?> read, Func<int, bool> holds)
        where T : struct, IComparable<T> =>
        read(wanted) is { } limit ? actual => read(actual) is { } value && holds(value.CompareTo(limit)) : null;

    private static decimal? Number(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>ISO 8601, or seconds since 1970.</summary>
    private static DateTimeOffset? Date(string text) =>
        DateTimeOffset.TryParseExact(text, _dates, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
        : null;
}
