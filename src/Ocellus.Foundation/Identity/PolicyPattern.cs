namespace Ocellus.Identity;

/// <summary>Patterns of the policy language: <c>*</c> stands for any run of characters, <c>?</c> for any one. Nothing escapes them.</summary>
internal static class PolicyPattern
{
    /// <summary>Parts of an ARN: arn, partition, service, region, account, resource.</summary>
    private const int ArnParts = 6;

    /// <summary>Whether the whole text has the pattern's form. Time grows with the product of the lengths at most.</summary>
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
                // The last star takes one character more; earlier ones need no second look.
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
    /// Whether an ARN has the pattern's form. <c>*</c> alone is every ARN; otherwise the first five parts are compared one by one, so
    /// that a star in one of them cannot reach over a colon, and the resource as a whole: there a star also takes slashes and colons.
    /// </summary>
    public static bool MatchesArn(string pattern, string arn) =>
        pattern == "*" || (Resources(pattern, arn, out var form, out var text) && Matches(form, text));

    /// <summary>Whether an ARN that begins as this one and ends in any way can have the pattern's form.</summary>
    public static bool CanMatchUnder(string pattern, string arn)
    {
        if (pattern == "*")
        {
            return true;
        }

        if (!Resources(pattern, arn, out var form, out var text))
        {
            return false;
        }

        // Some beginning of the pattern takes all of the text, and the rest of the pattern what follows it.
        for (var length = 0; length <= form.Length; length++)
        {
            if (Matches(form[..length], text))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether every ARN that begins as this one has the pattern's form, whatever follows.</summary>
    public static bool MatchesAllUnder(string pattern, string arn) =>
        pattern == "*" || (pattern.EndsWith('*') && Resources(pattern, arn, out var form, out var text) && Matches(form, text));

    /// <summary>Whether the text has the six parts of an ARN; each may have wildcards, and region and account may be empty.</summary>
    public static bool IsArn(string text) =>
        text.Split(':', ArnParts) is ["arn", { Length: > 0 }, { Length: > 0 }, _, _, { Length: > 0 }];

    /// <summary>Compares the first five parts of an ARN one by one, and gives what follows them.</summary>
    private static bool Resources(string pattern, string arn, out ReadOnlySpan<char> form, out ReadOnlySpan<char> text)
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
