using Ocellus.Console.Projects;

namespace Ocellus.Console.Images;

/// <summary>How the pages' scripts name the kinds of projects.</summary>
internal static class ImageKinds
{
    /// <summary>A project that another client made says nothing of its kind: any number of labels is then right.</summary>
    public static string Of(ProjectKind? kind) => kind switch
    {
        ProjectKind.OneLabel => "one",
        ProjectKind.Boxes => "boxes",
        ProjectKind.SeveralLabels or null => "several",
    };
}
