using System.Text.RegularExpressions;

namespace Ocellus.Commands;

/// <summary>How the program was started, so that the commands that it prints can be copied.</summary>
internal static partial class Invocation
{
    /// <summary>Set by the launcher to what was typed, such as <c>./ocellus</c>.</summary>
    public const string Variable = "OCELLUS_COMMAND";

    /// <summary>What a person types.</summary>
    public static string Name { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } typed ? typed : "ocellus";

    /// <summary>A text in which each command of this program begins with <paramref name="name"/>.</summary>
    public static string Localize(string text, string name) => name == "ocellus" ? text : Commands().Replace(text, name);

    [GeneratedRegex(
        @"(?<=\A|[\s`'(""])(?:\./)?ocellus(?= (?:demo|serve|train|detect|evaluate|export-dataset|export|convert|check|import|pull|env|keys|backup|restore|doctor"
            + @"|console|completion)\b)")]
    private static partial Regex Commands();
}
