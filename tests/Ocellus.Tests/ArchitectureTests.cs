using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Ocellus.Tests;

/// <summary>
/// A folder is a feature, and the arrows between them point one way. Read from the sources, so that a wrong <c>using</c> is found where it stands.
/// </summary>
public sealed partial class ArchitectureTests
{
    /// <summary>
    /// For each folder of the three server projects, the folders that it may use; a folder inside a feature counts as its feature.
    /// What is not named here has no rule yet and fails.
    /// </summary>
    private static readonly Dictionary<string, string> Allowed = new(StringComparer.Ordinal)
    {
        ["Program.cs"] = "Commands",
        ["Commands"] =
            "Server.cs Backups Console Datasets Encodings Formats Hosting Identity Objects Projects Refusals Settings Storage Training Transfer Wire",
        ["Server.cs"] = "Backups Console Datasets Diagnostics Encodings Hosting Identity Objects Projects Settings Storage Tags Training Wire",
        ["Console"] = "Datasets Diagnostics Encodings Formats Hosting Identity Objects Projects Refusals Settings Storage Tags Training Wire Work",
        ["Backups"] = "Encodings Objects Refusals Storage",
        ["Tags"] = "Encodings Identity Projects Wire",
        ["Transfer"] = "Datasets Encodings Formats Projects Refusals Training Wire",
        ["Formats"] = "Datasets Encodings Refusals",
        ["Training"] = "Datasets Diagnostics Encodings Identity Objects Projects Refusals Storage Wire Work",
        ["Hosting"] = "Diagnostics Encodings Identity Objects Projects Refusals Settings Storage Wire Work",
        ["Datasets"] = "Encodings Identity Objects Projects Refusals Storage Wire Work",
        ["Projects"] = "Encodings Identity Refusals Storage Wire Work",
        ["Objects"] = "Encodings Identity Settings Storage Wire Work",
        ["Wire"] = "Diagnostics Encodings Identity Refusals",
        ["Identity"] = "Encodings Refusals Storage",
        ["Diagnostics"] = "Work",
        ["Settings"] = "Encodings",
        ["Encodings"] = "",
        ["Refusals"] = "",
        ["Storage"] = "",
        ["Work"] = "",
    };

    /// <summary>Pairs of folders inside a feature, the first of which may not use the second.</summary>
    private static readonly (string From, string To)[] Apart =
    [
        // What runs in the training process, and what runs in the server. They meet in Training.Job: files, settings, exit codes.
        ("Training.Child", "Training.Server"),
        ("Training.Server", "Training.Child"),
        ("Training.Job", "Training.Child"),
        ("Training.Job", "Training.Server"),
        ("Training.Evaluation", "Training.Child"),
        ("Training.Evaluation", "Training.Server"),
        // A model that serves does not know where else models run.
        ("Hosting.Serving", "Hosting.Placement"),
        ("Datasets.Manifests", "Datasets"),
        // Signatures know nothing of the two protocols that carry them.
        ("Wire.SigV4", "Wire.AwsJson"),
        ("Wire.SigV4", "Wire.SigV2"),
        ("Wire.SigV2", "Wire.AwsJson"),
    ];

    [Fact]
    public void Notice_names_every_package_of_the_product()
    {
        var root = Pages.Root;
        Assert.SkipUnless(Directory.Exists(Path.Combine(root, "src")), "the sources are not here");
        var notice = File.ReadAllText(Path.Combine(root, "NOTICE"));
        var packages = Directory.GetFiles(Path.Combine(root, "src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(file => XDocument.Load(file).Descendants("PackageReference").Select(p => p.Attribute("Include")!.Value)).Distinct().ToList();

        Assert.True(packages.Count > 10);
        // The native parts have a package for each platform and are named once; ONNX Runtime goes by its own name.
        Assert.DoesNotContain(
            packages,
            p =>
                p is not "Microsoft.ML.OnnxRuntime"
                    && !notice.Contains(
                        p.Split("-cpu-")[0].Replace(".linux-x64", "").Replace(".linux-arm64", "").Replace(".osx-arm64", "").Replace(".win-x64", ""),
                        StringComparison.Ordinal));
    }

    [Fact]
    public void Folders_use_only_what_is_below_them()
    {
        var wrong = Arrows().Where(a => !MayUse(a.From, a.To)).Select(a => $"{a.File} uses Ocellus.{a.To}").ToList();

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void No_rule_is_left_that_no_source_needs()
    {
        var used = Arrows().Select(a => (Top(a.From), Top(a.To))).ToHashSet();
        // Server and Operations are found by their own namespace, for which nobody writes a using.
        var allowed = Allowed.SelectMany(rule => rule.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(to => (From: rule.Key, To: to)));

        Assert.Equal([], allowed.Where(arrow => arrow.To != "Server.cs" && !used.Contains(arrow)).Select(arrow => $"{arrow.From} -> {arrow.To}"));
    }

    [Fact]
    public void The_rules_have_no_cycle()
    {
        var done = new HashSet<string>();
        foreach (var folder in Allowed.Keys)
        {
            Visit(folder, []);
        }

        void Visit(string folder, List<string> path)
        {
            Assert.True(!path.Contains(folder), $"A cycle: {string.Join(" -> ", path)} -> {folder}");
            if (done.Contains(folder))
            {
                return;
            }

            foreach (var below in Allowed[folder].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                Visit(below, [.. path, folder]);
            }

            done.Add(folder);
        }
    }

    [Fact]
    public void Projects_refer_to_those_below_them()
    {
        var root = Path.Combine(Pages.Root, "src");
        Assert.SkipUnless(Directory.Exists(root), "the sources are not here");
        var references = Directory.GetFiles(root, "*.csproj", SearchOption.AllDirectories).ToDictionary(
            file => Path.GetFileNameWithoutExtension(file),
            file => XDocument.Load(file).Descendants("ProjectReference")
                .Select(p => Path.GetFileNameWithoutExtension(p.Attribute("Include")!.Value)).Order().ToArray());

        Assert.Equal(["Ocellus", "Ocellus.Foundation", "Ocellus.ObjectStore", "Ocellus.Vision"], references.Keys.Order());
        Assert.Equal(["Ocellus.Foundation", "Ocellus.ObjectStore", "Ocellus.Vision"], references["Ocellus"]);
        Assert.Equal(["Ocellus.Foundation"], references["Ocellus.ObjectStore"]);
        Assert.Empty(references["Ocellus.Foundation"]);
        Assert.Empty(references["Ocellus.Vision"]);
    }

    [Fact]
    public void A_wrong_arrow_is_found()
    {
        Assert.False(MayUse("Storage", "Identity"));
        Assert.False(MayUse("Objects", "Wire.AwsJson"));
        Assert.False(MayUse("Training.Server", "Training.Child"));
        Assert.True(MayUse("Training.Server", "Training.Job"));
        Assert.False(MayUse("Server.cs", "Commands"));
    }

    [Fact]
    public void The_learning_library_knows_nothing_of_the_server() =>
        Assert.DoesNotContain(
            typeof(Ocellus.Vision.Inference.TrainedModel).Assembly.GetReferencedAssemblies(),
            a => a.Name!.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || a.Name is "Ocellus" or "Dapper");

    private static bool MayUse(string from, string to) =>
        // The object store is a project of its own, which does not see the API.
        Top(from) == "Objects" && to == "Wire.AwsJson" ? false
        : Top(from) == Top(to) ? !Apart.Contains((from, to))
        : Allowed.TryGetValue(Top(from), out var names) && names.Split(' ').Contains(Top(to));

    private static string Top(string folder) => folder.EndsWith(".cs", StringComparison.Ordinal) ? folder : folder.Split('.')[0];

    /// <summary>Every <c>using</c> of a folder by a file of another, as namespaces without <c>Ocellus.</c>, two names deep.</summary>
    private static List<(string From, string To, string File)> Arrows()
    {
        var arrows = new List<(string, string, string)>();
        foreach (var (name, path) in ServerSources.All())
        {
            var text = File.ReadAllText(path);
            var space = name.Contains('/') ? name[..name.LastIndexOf('/')].Replace('/', '.') : "";
            var declared = Namespace().Match(text);
            Assert.Equal($"Ocellus.{space}".TrimEnd('.'), declared.Success ? declared.Groups[1].Value : "Ocellus");
            var from = space.Length > 0 ? TwoDeep(space) : name == "Program.cs" ? name : "Server.cs";
            var used = Using().Matches(text).Select(m => TwoDeep(m.Groups["folder"].Value));
            arrows.AddRange(used.Where(to => to != from && Top(to) != "Vision").Select(to => (from, to, name)));
        }

        Assert.True(arrows.Count > 300, $"{arrows.Count} arrows");
        return arrows;
    }

    /// <summary>Without a type, as <c>using static</c> has one, and without deeper folders.</summary>
    private static string TwoDeep(string name)
    {
        var parts = name.Split('.');
        var two = parts.Length > 1 ? $"{parts[0]}.{parts[1]}" : "";
        return Apart.Any(a => a.From == two || a.To == two) ? two : parts[0];
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^using (static )?Ocellus\.(?<folder>[A-Za-z0-9.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();
}
