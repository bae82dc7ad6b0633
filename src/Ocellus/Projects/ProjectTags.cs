using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags of a project that say what it is for.</summary>
[Assumed(
    "Tag `ocellus:labels`",
    "It exists only here, on projects: `one`, `several` or `boxes`, how the console labels their images. Another value is `InvalidParameterException`.")]
internal static class ProjectTags
{
    /// <summary>How images are labelled.</summary>
    public const string Labels = "ocellus:labels";

    public const string One = "one";

    public const string Several = "several";

    public const string Boxes = "boxes";

    /// <summary>Checks the value.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static void Check(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags?.GetValueOrDefault(Labels) is { } kind && kind is not (One or Several or Boxes))
        {
            throw Refused.Invalid($"The tag {Labels} is '{Readable.Truncate(kind)}'; it takes {One}, {Several} or {Boxes}.");
        }
    }
}
