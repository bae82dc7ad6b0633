using System.Buffers;

namespace Ocellus.Identity;

/// <summary>
/// How the texts look that a policy is compared with, so that a pattern which fits none of them can be told from one that fits nothing yet.
/// Written as the text with names for what varies: <c>arn:aws:iam::&lt;account&gt;:user/&lt;user&gt;</c>.
/// </summary>
internal sealed class PolicyForm
{
    private const int AccountDigits = 12;

    private static readonly SearchValues<char> _digits = SearchValues.Create("0123456789");
    private static readonly SearchValues<char> _name = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    private static readonly SearchValues<char> _user = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-");
    private static readonly SearchValues<char> _region = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> _address = SearchValues.Create("0123456789abcdef.:%");
    private static readonly SearchValues<char> _date = SearchValues.Create("0123456789-:TZ");
    private readonly List<Place> _places = [];

    public PolicyForm(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '<')
            {
                _places.Add(new(SearchValues.Create([text[at]]), false));
                continue;
            }

            var end = text.IndexOf('>', at);
            Add(text[(at + 1)..end]);
            at = end;
        }
    }

    /// <summary>Whether some text of this form fits a pattern.</summary>
    /// <param name="pattern">A pattern, or a text that stands for itself.</param>
    /// <param name="wildcards">Whether <c>*</c> and <c>?</c> are wildcards.</param>
    /// <param name="ignoreCase">Whether case counts for nothing.</param>
    public bool CanMeet(string pattern, bool wildcards = true, bool ignoreCase = false)
    {
        // After each character of the pattern, the places of the form that a text may have come to.
        var reached = new bool[_places.Count + 1];
        reached[0] = true;
        Skip(reached);
        foreach (var c in pattern)
        {
            var next = new bool[reached.Length];
            for (var place = 0; place < reached.Length; place++)
            {
                if (!reached[place])
                {
                    continue;
                }

                if (wildcards && c == '*')
                {
                    // It may take all that follows, and nothing.
                    Array.Fill(next, true, place, next.Length - place);
                    break;
                }

                if (place < _places.Count && ((wildcards && c == '?') || _places[place].Takes(c, ignoreCase)))
                {
                    next[place + 1] = true;
                    next[place] |= _places[place].Repeats;
                }
            }

            Skip(next);
            reached = next;
        }

        return reached[^1];
    }

    /// <summary>What may be there any number of times may be absent.</summary>
    private void Skip(bool[] reached)
    {
        for (var place = 0; place < _places.Count; place++)
        {
            reached[place + 1] |= reached[place] && _places[place].Repeats;
        }
    }

    private void Add(string kind)
    {
        var (characters, least, more) = kind switch
        {
            "account" => (_digits, AccountDigits, false),
            "digits" => (_digits, 1, true),
            "name" => (_name, 1, true),
            "user" => (_user, 1, true),
            "region" => (_region, 1, true),
            "address" => (_address, 1, true),
            "date" => (_date, 1, true),
            "text" => ((SearchValues<char>?)null, 1, true),
            _ => throw new ArgumentException($"<{kind}> is not known.", nameof(kind)),
        };
        _places.AddRange(Enumerable.Repeat(new Place(characters, false), least));
        if (more)
        {
            _places.Add(new(characters, true));
        }
    }

    /// <summary>One character of a text, or any number of them.</summary>
    /// <param name="Characters">Which it may be; null is any.</param>
    /// <param name="Repeats">Any number of them.</param>
    private sealed record Place(SearchValues<char>? Characters, bool Repeats)
    {
        public bool Takes(char c, bool ignoreCase) =>
            Characters is null
                || Characters.Contains(c)
                || (ignoreCase && (Characters.Contains(char.ToLowerInvariant(c)) || Characters.Contains(char.ToUpperInvariant(c))));
    }
}
