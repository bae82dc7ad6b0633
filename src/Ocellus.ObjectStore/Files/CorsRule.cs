using Ocellus.Encodings;

namespace Ocellus.Objects.Files;

/// <summary>A CORS rule. Patterns have at most one <c>*</c>, which matches any characters.</summary>
internal sealed record CorsRule(
    string? Id, IReadOnlyList<string> Origins, IReadOnlyList<string> Methods, IReadOnlyList<string> Headers, IReadOnlyList<string> Exposed, int? MaxAgeSeconds)
{
    /// <summary>
    /// Whether a page of this origin may send this method with these headers. Values that are invalid in a header never are: the response repeats them.
    /// </summary>
    public bool Allows(string origin, string method, IReadOnlyCollection<string> headers) =>
        Methods.Contains(method) && HeaderText.IsValue(origin) && headers.All(HeaderText.IsName)
        && Origins.Any(o => Matches(o, origin, StringComparison.Ordinal))
        && headers.All(h => Headers.Any(allowed => Matches(allowed, h, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Whether a text matches a pattern with at most one star.</summary>
    public static bool Matches(string pattern, string text, StringComparison how)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        return star < 0 ? text.Equals(pattern, how)
            : text.Length >= pattern.Length - 1 && text.AsSpan().StartsWith(pattern.AsSpan(0, star), how)
                && text.AsSpan().EndsWith(pattern.AsSpan(star + 1), how);
    }
}
