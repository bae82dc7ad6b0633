using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Ocellus.Vision.Tests;

/// <summary>The folders of the library and the arrows between them, read from the sources.</summary>
public sealed partial class FoldersTests
{
    /// <summary>For each folder those that it may use. A folder that is not named here fails.</summary>
    private static readonly Dictionary<string, string> Allowed = new(StringComparer.Ordinal)
    {
        ["Boxes"] = "",
        ["Kernels"] = "",
        ["Onnx"] = "",
        ["Images"] = "Boxes",
        ["Networks"] = "Kernels Onnx",
        ["Inference"] = "Boxes Images Onnx",
        ["Quantization"] = "Images Inference Onnx",
        ["Evaluation"] = "Boxes Inference",
        ["Recipes"] = "Boxes Evaluation Images Inference Kernels Networks Onnx",
        ["Embeddings"] = "Boxes Images Inference Networks Onnx",
    };

    [Fact]
    public void Folders_use_only_those_below_them()
    {
        Dictionary<string, SortedSet<string>> arrows = Arrows();

        Assert.Equal(Allowed.Keys.Order(), arrows.Keys.Order());
        Assert.Empty(arrows.SelectMany(a => a.Value.Except(Allowed[a.Key].Split(' ')).Select(used => $"{a.Key} uses {used}")));
    }

    [Fact]
    public void Folders_form_no_cycle() => Assert.Empty(Cycles(Arrows()).Select(cycle => string.Join(" and ", cycle)));

    [Fact]
    public void Networks_and_recipes_reach_the_kernels_through_one_door()
    {
        string[] door = ["KernelChoice", "IConvolutions", "ConvolutionLayer", "Convolutions", "TensorValues"];
        string root = Sources(), kernels = Path.Combine(root, "Kernels") + Path.DirectorySeparatorChar;
        string[] inside = [.. Files(root).Where(f => f.StartsWith(kernels, StringComparison.Ordinal))
            .SelectMany(f => Declared().Matches(File.ReadAllText(f))).Select(m => m.Groups[1].Value).Except(door)];
        Assert.True(inside.Length > 5);
        var used = new Regex($@"(?<![.\w""])({string.Join('|', inside)})\b");

        Assert.Empty(Files(root).Where(f => !f.StartsWith(kernels, StringComparison.Ordinal))
            .SelectMany(f => used.Matches(Comment().Replace(File.ReadAllText(f), "")).Select(m => $"{Path.GetFileName(f)} uses {m.Value}")));
    }

    [Fact]
    public void A_cycle_of_three_and_its_members_are_found()
    {
        var arrows = new Dictionary<string, SortedSet<string>> { ["A"] = ["B"], ["B"] = ["C", "D"], ["C"] = ["A"], ["D"] = ["E"], ["E"] = [] };

        Assert.Equal(["A", "B", "C"], Assert.Single(Cycles(arrows)));
    }

    [Fact]
    public void Every_file_lies_in_the_folder_of_its_namespace()
    {
        string root = Sources();
        Assert.Empty(Files(root)
            .Select(file => (Path: Path.GetRelativePath(root, file), Space: Namespace().Match(File.ReadAllText(file)).Groups[1].Value))
            .Where(f => f.Space != ("Ocellus.Vision." + Path.GetDirectoryName(f.Path)!.Replace(Path.DirectorySeparatorChar, '.')).TrimEnd('.'))
            .Select(f => $"{f.Path}: {f.Space}"));
    }

    /// <summary>For each folder the others that its files name, by <c>using</c> or in full.</summary>
    private static Dictionary<string, SortedSet<string>> Arrows()
    {
        var arrows = new Dictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        foreach (string folder in Directory.GetDirectories(Sources()).Where(d => Directory.GetFiles(d, "*.cs").Length > 0))
        {
            string name = Path.GetFileName(folder);
            IEnumerable<string> lines = Files(folder).SelectMany(File.ReadLines)
                .Where(l => !l.StartsWith("namespace ", StringComparison.Ordinal));
            arrows[name] = [.. lines.SelectMany(l => Used().Matches(l)).Select(m => m.Groups[1].Value).Where(used => used != name)];
        }

        return arrows;
    }

    /// <summary>Strongly connected components of more than one folder, each in alphabetical order: Tarjan 1972.</summary>
    private static List<string[]> Cycles(Dictionary<string, SortedSet<string>> arrows)
    {
        var cycles = new List<string[]>();
        var numbers = new Dictionary<string, int>();
        var lowest = new Dictionary<string, int>();
        var open = new Stack<string>();
        foreach (string folder in arrows.Keys.Where(f => !numbers.ContainsKey(f)))
        {
            Visit(folder);
        }

        return cycles;

        void Visit(string folder)
        {
            numbers[folder] = lowest[folder] = numbers.Count;
            open.Push(folder);
            foreach (string used in arrows[folder])
            {
                if (!numbers.TryGetValue(used, out int number))
                {
                    Visit(used);
                    lowest[folder] = Math.Min(lowest[folder], lowest[used]);
                }
                else if (open.Contains(used))
                {
                    lowest[folder] = Math.Min(lowest[folder], number);
                }
            }

            if (lowest[folder] != numbers[folder])
            {
                return;
            }

            var component = new List<string>();
            do
            {
                component.Add(open.Pop());
            }
            while (component[^1] != folder);
            if (component.Count > 1)
            {
                cycles.Add([.. component.Order(StringComparer.Ordinal)]);
            }
        }
    }

    private static string[] Files(string folder) => Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories);

    private static string Sources([CallerFilePath] string path = "")
    {
        string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "src", "Ocellus.Vision"));
        Assert.SkipUnless(Directory.Exists(root), "the sources are not here");
        return root;
    }

    [GeneratedRegex(@"\bOcellus\.Vision\.([A-Z]\w*)")]
    private static partial Regex Used();

    [GeneratedRegex(@"^(?:public|internal) [a-z ]*(?:class|struct|record|interface|enum) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex("//.*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
