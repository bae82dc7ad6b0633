using System.CommandLine;
using System.Text.RegularExpressions;
using Ocellus.Commands;

namespace Ocellus.Tests.Commands;

/// <summary>Whatever is typed for an option or an argument of any verb, what a person reads is a sentence, without a type or a word of the framework.</summary>
public sealed partial class NonsenseTests
{
    private static readonly string[] _nonsense =
    [
        "", " ", "-1", "0", "1e9", "1.5", "NaN", "-Infinity", "abc", "0x10", "99999999999999999999", "true", "null", "-", "--", "=", "ä猫", "../..", "http://",
        "::", "10", "1h1h", "{}", "[1]", "a\nb", "a\u001b[31mb", "%s", "*", "arn:aws:rekognition", new('x', 5000),
    ];

    public static TheoryData<string> Verbs => [.. All(CommandLine.Create(), []).Select(v => string.Join(' ', v.Words))];

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Nonsense_is_told_in_a_sentence(string verb)
    {
        var words = verb.Split(' ');
        var command = All(CommandLine.Create(), []).Single(v => v.Words.SequenceEqual(words)).Command;
        foreach (var nonsense in _nonsense)
        {
            Check([.. words, nonsense]);
            Check([.. words, nonsense, nonsense, nonsense]);
            Check([.. words, "--nonsense", nonsense]);
            foreach (var option in command.Options.Where(o => o.Name != "--help"))
            {
                Check([.. words, option.Name, nonsense]);
                Check([.. words, $"{option.Name}={nonsense}"]);
                Check([.. words, option.Name, nonsense, option.Name, nonsense]);
            }
        }

        foreach (var option in command.Options.Where(o => o.Name != "--help"))
        {
            Check([.. words, option.Name]);
        }
    }

    private static void Check(string[] words)
    {
        var parsed = CommandLine.Create().Parse(words);
        IReadOnlyList<string> sentences = parsed.Errors.Count > 0 ? UsageErrors.Of(parsed) : [];
        Assert.True(parsed.Errors.Count == 0 || sentences.Count > 0, $"{string.Join(' ', words)}: wrong, and nothing is said");
        foreach (var sentence in sentences)
        {
            Assert.False(OfFramework().IsMatch(sentence), $"{string.Join(' ', words)}: {sentence}");
            Assert.True(sentence.TrimEnd()[^1] is '.' or '?', $"{string.Join(' ', words)}: {sentence}");
            Assert.False(sentence.Contains('\n', StringComparison.Ordinal) && !words.Any(w => w.Contains('\n', StringComparison.Ordinal)), sentence);
        }

        foreach (var option in parsed.Errors.Count > 0 ? [] : parsed.CommandResult.Command.Options)
        {
            // What is not refused can be read.
            _ = parsed.GetResult(option)?.GetValueOrDefault<object>();
        }
    }

    private static IEnumerable<(string[] Words, Command Command)> All(Command command, string[] above)
    {
        foreach (var inner in command.Subcommands.Where(c => !c.Hidden))
        {
            string[] words = [.. above, inner.Name];
            if (inner.Subcommands.Count == 0)
            {
                yield return (words, inner);
            }

            foreach (var deeper in All(inner, words))
            {
                yield return deeper;
            }
        }
    }

    [GeneratedRegex(
        @"System\.|Nullable|`\d|Exception|\bU?Int(16|32|64)\b|\bBoolean\b|\bTimeSpan\b|expected type|Cannot parse|Unrecognized|not recognized|"
            + "Required argument|Required command")]
    private static partial Regex OfFramework();
}
