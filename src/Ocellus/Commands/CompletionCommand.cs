using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Ocellus.Commands;

/// <summary><c>ocellus completion</c>: a script with which a shell completes verbs and options. It is made from the commands themselves.</summary>
internal static class CompletionCommand
{
    private static readonly string[] _shells = ["bash", "zsh", "fish"];

    /// <param name="root">The commands; asked for when the script is written, as this command is one of them.</param>
    public static Command Create(Func<RootCommand> root)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong(_shells);
        var command = new Command("completion", "Writes a script that completes commands and options in a shell.") { shell };
        command.Act((parsed, terminal, _) =>
        {
            terminal.Result(parsed.GetValue(shell) == "fish" ? Fish(root()) : Bash(root(), isZsh: parsed.GetValue(shell) == "zsh"));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static string Bash(RootCommand root, bool isZsh)
    {
        // zsh runs bash's completions. Files are completed where no word of ours fits.
        var text = new StringBuilder(isZsh ? "#compdef ocellus\nautoload -U +X bashcompinit && bashcompinit\n" : "");
        text.Append("_ocellus() {\n    local words=\"\"\n    case \"${COMP_WORDS[1]}\" in\n");
        foreach (var verb in Shown(root))
        {
            var words = string.Join(' ', Shown(verb).Select(c => c.Name).Concat(Options(verb)));
            text.Append(CultureInfo.InvariantCulture, $"        {verb.Name}) words=\"{words}\" ;;\n");
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $$"""
                  esac
                  [ "$COMP_CWORD" -gt 1 ] || words="{{string.Join(' ', Shown(root).Select(c => c.Name))}} --help --version"
                  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
              }
              complete -o default -F _ocellus ocellus ./ocellus
              """);
        return text.ToString();
    }

    private static string Fish(RootCommand root)
    {
        var text = new StringBuilder("complete -c ocellus -n __fish_use_subcommand -f\n");
        foreach (var verb in Shown(root))
        {
            Add("__fish_use_subcommand", $"-a {verb.Name}", verb.Description);
            foreach (var inner in Shown(verb))
            {
                Add($"'__fish_seen_subcommand_from {verb.Name}'", $"-a {inner.Name}", inner.Description);
            }

            foreach (var option in verb.Options.Where(o => !o.Hidden && o.Name.StartsWith("--", StringComparison.Ordinal)))
            {
                Add($"'__fish_seen_subcommand_from {verb.Name}'", $"-l {option.Name[2..]}", option.Description);
            }
        }

        return text.ToString().TrimEnd();

        void Add(string condition, string word, string? what) => text.Append($"complete -c ocellus -n {condition} {word} -d {Quoted(what)}\n");
    }

    private static IEnumerable<Command> Shown(Command command) => command.Subcommands.Where(c => !c.Hidden);

    private static IEnumerable<string> Options(Command command) =>
        command.Options.Concat(Shown(command).SelectMany(c => c.Options)).Where(o => !o.Hidden).Select(o => o.Name).Append("--help").Distinct();

    private static string Quoted(string? text) => $"'{(text ?? "").Replace("'", "\\'", StringComparison.Ordinal)}'";
}
