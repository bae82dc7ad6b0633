using System.Text.RegularExpressions;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>What <c>--policy</c> of <c>ocellus keys</c> names.</summary>
internal static partial class PolicyFile
{
    /// <summary>Maximum bytes of a file; the longest policy is far below.</summary>
    private const int BytesMax = 64 * 1024;

    /// <summary>A managed policy, or one from a file, named after the file.</summary>
    /// <exception cref="CommandRefusedException">There is no such policy, or it is invalid.</exception>
    public static NamedPolicy Read(string word)
    {
        if (ManagedPolicies.Names.Contains(word))
        {
            return ManagedPolicies.Get(word);
        }

        var file = new FileInfo(word);
        if (!file.Exists)
        {
            throw new CommandRefusedException($"--policy '{Readable.Truncate(word)}' is neither {string.Join(", ", ManagedPolicies.Names)} nor a file.");
        }

        var name = Path.GetFileNameWithoutExtension(file.Name);
        if (ManagedPolicies.Names.Contains(name) || !Pattern().IsMatch(name))
        {
            throw new CommandRefusedException(
                $"A policy is named after its file, and '{Readable.Truncate(name)}' "
                    + $"{(Pattern().IsMatch(name) ? "is the name of a managed policy" : "is not 1 to 128 letters, digits and +=,.@_-")}; rename {word}.");
        }

        if (file.Length > BytesMax)
        {
            throw new CommandRefusedException($"{word} has {file.Length} bytes; a policy has {BytesMax} at most.");
        }

        try
        {
            return NamedPolicy.Of(name, TextFile.Read(word));
        }
        catch (RefusedException refusal)
        {
            throw new CommandRefusedException($"{word}: {refusal.Message}");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_+=,.@-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
