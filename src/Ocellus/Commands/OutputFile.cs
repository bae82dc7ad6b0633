using System.CommandLine;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>The file that a verb writes, and whether it may replace what is there.</summary>
internal static class OutputFile
{
    public static Option<bool> ForceOption() => new("--force") { Description = "Replace the file if it exists." };

    /// <summary>Checks that a file can be written. Before work begins, so that an hour of it is not lost to a missing folder.</summary>
    /// <returns>Whether a file is there that may be replaced.</returns>
    /// <exception cref="CommandRefusedException">It is a folder, its folder does not exist, or it exists and may not be replaced.</exception>
    public static bool Check(string what, string path, bool force)
    {
        CheckPlace(path, $"{what} cannot be written to {path}");
        if (File.Exists(path) && !force && !IsConfirmed($"{path} exists. Replace it?"))
        {
            throw new CommandRefusedException($"{path} exists; --force replaces it, or choose another name.");
        }

        return File.Exists(path);
    }

    /// <summary>Checks that a file could be where a path says.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="failure">What cannot be done otherwise; the reason follows.</param>
    /// <exception cref="CommandRefusedException">It is a folder, or its folder does not exist.</exception>
    public static void CheckPlace(string path, string failure)
    {
        if (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(path)))
        {
            throw new CommandRefusedException($"{failure}: {(Directory.Exists(path) ? "that is a folder" : "its folder does not exist")}.");
        }
    }

    /// <summary>Whether the person at the terminal agrees; false where there is none.</summary>
    /// <param name="question">What is there, and what would be done with it.</param>
    public static bool IsConfirmed(string question)
    {
        if (System.Console.IsInputRedirected || System.Console.IsErrorRedirected)
        {
            return false;
        }

        System.Console.Error.Write($"{Readable.Plain(question)} [y/N] ");
        return System.Console.ReadLine()?.Trim() is "y" or "Y" or "yes";
    }
}
