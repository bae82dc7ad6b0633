using System.Globalization;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>Images that a manifest names, and those of them that are not in the folder.</summary>
/// <param name="Named">Images named.</param>
/// <param name="Missing">For each image that is missing its <c>source-ref</c> and the file that was looked for first; null if the key names none.</param>
internal sealed record MissingImages(int Named, IReadOnlyList<(string Ref, string? Path)> Missing)
{
    /// <summary>With more than one missing in so many, the folder is hardly the right one, and the figures would be those of other data.</summary>
    public const int Share = 5;

    private const int ShownMax = 3;

    /// <summary>Refuses to begin if more than a fifth of the images are missing.</summary>
    /// <param name="manifest">The manifest that names them.</param>
    /// <param name="folder">The folder of the images.</param>
    /// <exception cref="CommandRefusedException">The sentence names the first files that were looked for.</exception>
    public void Check(string manifest, string folder)
    {
        if (Missing.Count * Share > Named)
        {
            throw new CommandRefusedException(
                $"{Sentence(folder)} Nothing was begun: more than a fifth of the images of {manifest} are missing. Correct --images, or remove their lines.");
        }
    }

    /// <summary>How many are missing, and which files were looked for.</summary>
    public string Sentence(string folder)
    {
        var files = string.Join(", ", Missing.Take(ShownMax).Select(m => m.Path ?? $"{m.Ref} (its key names no file)"));
        var more = Missing.Count > ShownMax ? ", …" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Missing.Count} of {Named} images are not under {Path.GetFullPath(folder)}. There is no {files}{more}. ")
            + "s3://bucket/key is looked for as DIR/key, DIR/bucket/key and DIR with shorter ends of the key, where DIR is --images.";
    }
}
