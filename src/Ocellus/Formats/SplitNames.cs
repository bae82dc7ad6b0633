namespace Ocellus.Formats;

/// <summary>The names by which files, folders and columns tell what an image is meant for.</summary>
internal static class SplitNames
{
    private static readonly char[] _separators = ['_', '-', '.', ' '];

    /// <summary>What a word means.</summary>
    public static Split? Of(string word) => word.Trim().ToLowerInvariant() switch
    {
        "train" or "training" or "trainset" or "train2017" or "train2014" => Split.Train,
        "val" or "valid" or "validation" or "valset" or "dev" or "val2017" or "val2014" => Split.Validation,
        "test" or "testing" or "testset" or "test2017" => Split.Test,
        "unassigned" or "none" or "default" or "" => Split.None,
        _ => null,
    };

    /// <summary>What the name of a file tells, as <c>instances_val2017.json</c>.</summary>
    public static Split OfFile(string baseName)
    {
        foreach (var word in Path.GetFileNameWithoutExtension(baseName).Split(_separators, StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            if (Of(word) is { } split and not Split.None)
            {
                return split;
            }
        }

        return Split.None;
    }

    /// <summary>What the folders of a file tell, the innermost first.</summary>
    public static Split OfPath(string name)
    {
        foreach (var part in name.Split('/')[..^1].Reverse())
        {
            if (Of(part) is { } split and not Split.None)
            {
                return split;
            }
        }

        return Split.None;
    }

    /// <summary>As folders and files are called.</summary>
    public static string Name(this Split split) => split switch
    {
        Split.Train => "train",
        Split.Validation => "val",
        Split.Test => "test",
        Split.None => "",
    };
}
