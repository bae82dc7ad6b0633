using System.CommandLine;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>The folder that a verb makes, and whether it may take the place of one that is there. That one is kept, with .old after its name.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Old">Name that the folder which is there will have; null if there is none, or an empty one.</param>
internal sealed record OutputFolder(string Folder, string? Old)
{
    /// <summary>Where the new folder is written.</summary>
    public string Written => Old is null ? Folder : Folder + ".new";

    public static Option<bool> ForceOption() => new("--force") { Description = "Take the place of a folder that exists; it is kept under its name with .old." };

    /// <summary>Checks that a folder can be made. Before work begins, so that none is lost.</summary>
    /// <exception cref="CommandRefusedException">It is a file, the folder around it does not exist, or it may not be replaced.</exception>
    public static OutputFolder Check(string path, bool force)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Conversion.CheckFree(folder);
            return new(folder, null);
        }

        var old = folder + ".old";
        return !force && !OutputFile.IsConfirmed($"{folder} is not empty. Take its place, and keep it as {old}?")
                ? throw new CommandRefusedException($"{folder} is not empty; --force takes its place, or choose another folder with --out.")
            : Path.Exists(old) ? throw new CommandRefusedException($"{folder} would become {old}, which exists; remove one of them.")
            : new(folder, old);
    }

    /// <summary>Puts what was written into its place; where the folder that was there is now, or null.</summary>
    public string? Complete()
    {
        if (Old is not null)
        {
            Directory.Move(Folder, Old);
            Directory.Move(Written, Folder);
        }

        return Old;
    }
}
