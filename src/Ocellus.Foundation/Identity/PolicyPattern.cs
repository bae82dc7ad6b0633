namespace Ocellus.Identity;

/// <summary>Patterns of the policy language: <c>*</c> matches any run of characters, <c>?</c> any single one. They cannot be escaped.</summary>
internal static class PolicyPattern
{
    /// <summary>Parts of an ARN: arn, partition, service, region, account, resource.</summary>
    private const int ArnParts = 6;

    /// <summary>Whether the pattern matches the whole text. Takes at most time proportional to the product of the lengths.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text, bool ignoreCase = false)
    {
        int p = 0, t = 0, star = -1, resume = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, resume) = (p++, t);
            }
            else if (p < pattern.Length && (pattern[p] == '?' || Same(pattern[p], text[t], ignoreCase)))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                // Let the last star match one more character; earlier stars never need to.
                p = star + 1;
                t = ++resume;
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].IndexOfAnyExcept('*') < 0;
    }

    /// <summary>
    /// Whether the pattern matches an ARN. <c>*</c> alone matches every ARN. Otherwise the first five parts are compared one by one, so that a star there
    /// cannot match a colon; in the resource, a star also matches slashes and colons.
    /// </summary>
    public static bool MatchesArn(string pattern, string arn) =>
        pattern == "*" || (MatchesPrefix(pattern, arn, out var form, out var text) && Matches(form, text));

    /// <summary>Whether the pattern can match some ARN with this prefix.</summary>
    public static bool CanMatchUnder(string pattern, string arn)
    {
        if (pattern == "*")
        {
            return true;
        }

        if (!MatchesPrefix(pattern, arn, out var form, out var text))
        {
            return false;
        }

        // A prefix of the pattern must match the whole text; the rest of the pattern matches what follows.
        for (var length = 0; length <= form.Length; length++)
        {
            if (Matches(form[..length], text))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the pattern matches every ARN with this prefix.</summary>
    public static bool MatchesAllUnder(string pattern, string arn) =>
        pattern == "*" || (pattern.EndsWith('*') && MatchesPrefix(pattern, arn, out var form, out var text) && Matches(form, text));

    /// <summary>Whether the text has the six parts of an ARN; each may have wildcards, and region and account may be empty.</summary>
    public static bool IsArn(string text) =>
        text.Split(':', ArnParts) is ["arn", { Length: > 0 }, { Length: > 0 }, _, _, { Length: > 0 }];

    /// <summary>Compares the first five parts of an ARN one by one, and returns what follows them.</summary>
    private static bool MatchesPrefix(string pattern, string arn, out ReadOnlySpan<char> form, out ReadOnlySpan<char> text)
    {
        form = pattern;
        text = arn;
        for (var part = 1; part < ArnParts; part++)
        {
            int formEnd = form.IndexOf(':'), textEnd = text.IndexOf(':');
            if (formEnd < 0 || textEnd < 0 || !Matches(form[..formEnd], text[..textEnd]))
            {
                return false;
            }

            form = form[(formEnd + 1)..];
            text = text[(textEnd + 1)..];
        }

        return true;
    }

    private static bool Same(char one, char other, bool ignoreCase) =>
        one == other || (ignoreCase && char.ToLowerInvariant(one) == char.ToLowerInvariant(other));
}
