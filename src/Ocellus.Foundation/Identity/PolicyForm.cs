using System.Buffers;

namespace Ocellus.Identity;

/// <summary>
/// The form of the values that a policy is compared with. It tells a pattern that can never match from one that matches nothing yet.
/// Written as text with placeholders: <c>arn:aws:iam::&lt;account&gt;:user/&lt;user&gt;</c>.
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
    private readonly List<Position> _positions = [];

    public PolicyForm(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != '<')
            {
                _positions.Add(new(SearchValues.Create([text[at]]), false));
                continue;
            }

            var end = text.IndexOf('>', at);
            Add(text[(at + 1)..end]);
            at = end;
        }
    }

    /// <summary>Whether some text of this form matches a pattern.</summary>
    /// <param name="pattern">A pattern, or literal text.</param>
    /// <param name="wildcards">Whether <c>*</c> and <c>?</c> are wildcards.</param>
    /// <param name="ignoreCase">Whether case is ignored.</param>
    public bool CanMatch(string pattern, bool wildcards = true, bool ignoreCase = false)
    {
        // The positions of the form that can be reached after each character of the pattern.
        var reached = new bool[_positions.Count + 1];
        reached[0] = true;
        Skip(reached);
        foreach (var c in pattern)
        {
            var next = new bool[reached.Length];
            for (var position = 0; position < reached.Length; position++)
            {
                if (!reached[position])
                {
                    continue;
                }

                if (wildcards && c == '*')
                {
                    // A star may match everything that follows, or nothing.
                    Array.Fill(next, true, position, next.Length - position);
                    break;
                }

                if (position < _positions.Count && ((wildcards && c == '?') || _positions[position].Accepts(c, ignoreCase)))
                {
                    next[position + 1] = true;
                    next[position] |= _positions[position].Repeats;
                }
            }

            Skip(next);
            reached = next;
        }

        return reached[^1];
    }

    /// <summary>A position that repeats may also be skipped.</summary>
    private void Skip(bool[] reached)
    {
        for (var position = 0; position < _positions.Count; position++)
        {
            reached[position + 1] |= reached[position] && _positions[position].Repeats;
        }
    }

    private void Add(string kind)
    {
        var (characters, min, more) = kind switch
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
        _positions.AddRange(Enumerable.Repeat(new Position(characters, false), min));
        if (more)
        {
            _positions.Add(new(characters, true));
        }
    }

    /// <summary>One character of a text, or any number of characters.</summary>
    /// <param name="Characters">The characters allowed; null for any.</param>
    /// <param name="Repeats">Any number of characters, including none.</param>
    private sealed record Position(SearchValues<char>? Characters, bool Repeats)
    {
        public bool Accepts(char c, bool ignoreCase) =>
            Characters is null
                || Characters.Contains(c)
                || (ignoreCase && (Characters.Contains(char.ToLowerInvariant(c)) || Characters.Contains(char.ToUpperInvariant(c))));
    }
}
