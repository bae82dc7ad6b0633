using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Ocellus.Encodings;

namespace Ocellus.Commands;

/// <summary>What is wrong with a command line, in sentences that name no type of the framework.</summary>
internal static partial class UsageErrors
{
    /// <summary>The sentences, the first mistake first.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (parsed.UnmatchedTokens is [{ } unknown, ..])
        {
            // What follows an unknown option is most often its value, and what is missing may stand there misspelt.
            var isOption = unknown.StartsWith('-');
            var names = isOption ? command.Options.Select(o => o.Name).Append("--help") : command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name);
            var what = isOption ? $"There is no option {unknown}"
                : command.Subcommands.Count > 0 ? $"There is no command '{unknown}'"
                : $"'{unknown}' is one word too many";
            return [$"{what}{(Nearest.Of(unknown, names) is { } near ? $"; did you mean {near}?" : ".")}"];
        }

        return [.. parsed.Errors.Select(e => Sentence(e)).Distinct()];
    }

    /// <summary>The sentences about values that are nothing, as an unset variable of a shell leaves them: no file, address or name is called so.</summary>
    public static IReadOnlyList<string> Empty(ParseResult parsed) =>
    [
        .. parsed.CommandResult.Children.Where(r => r.Tokens.Any(t => t.Type == TokenType.Argument && string.IsNullOrWhiteSpace(t.Value)))
            .Select(r => $"{(r is OptionResult option ? option.Option.Name : ((ArgumentResult)r).Argument.Name)} is empty; give it a value."),
    ];

    private static string Sentence(ParseError error) =>
        Conversion().Match(error.Message) is { Success: true } match
            ? $"{match.Groups["option"].Value} is '{match.Groups["value"].Value}'; it takes {Words(match.Groups["type"].Value)}."
            : Choice().Match(error.Message) is { Success: true } choice
                ? $"'{choice.Groups["value"].Value}' is none of {string.Join(", ", choice.Groups["one"].Captures.Select(c => c.Value))}."
            : error.Message.StartsWith("Required command", StringComparison.Ordinal) && error.SymbolResult is CommandResult { Command: var above }
                ? $"Name one of its commands: {string.Join(", ", above.Subcommands.Where(c => !c.Hidden).Select(c => c.Name))}."
            : Missing().Match(error.Message) is { Success: true } missing ? $"{missing.Groups["option"].Value} needs a value."
            : Required().Match(error.Message) is { Success: true } required ? $"{required.Groups["option"].Value} is missing."
            : error.Message;

    private static string Words(string type) =>
        type.Contains("Int32", StringComparison.Ordinal) || type.Contains("Int64", StringComparison.Ordinal) ? "a whole number"
        : type.Contains("Double", StringComparison.Ordinal) ? "a number"
        : type.Contains("Boolean", StringComparison.Ordinal) ? "true or false"
        : AppDomain.CurrentDomain.GetAssemblies().Select(a => a.GetType(type)).FirstOrDefault(t => t is { IsEnum: true }) is { } choice
            ? string.Join(", ", Enum.GetNames(choice))
        : "another kind of value";

    [GeneratedRegex(
        @"\ACannot parse argument '(?<value>.*)' for (option|command) '(?<option>[^']*)' as expected type '(?<type>.*)'\.", RegexOptions.Singleline)]
    private static partial Regex Conversion();

    [GeneratedRegex(@"\AArgument '(?<value>.*)' not recognized\. Must be one of:(\s+'(?<one>[^']*)')+\s*\z", RegexOptions.Singleline)]
    private static partial Regex Choice();

    [GeneratedRegex(@"\ARequired argument missing for (option|command): '(?<option>[^']*)'\.")]
    private static partial Regex Missing();

    [GeneratedRegex(@"\A(Option|Required argument) '(?<option>[^']*)' (is required|missing for command: '[^']*')\.")]
    private static partial Regex Required();
}
