using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Ocellus.Tests;

/// <summary>A folder is a feature, and the arrows between them point one way. Read from the sources, so that a wrong <c>using</c> is found where it stands.</summary>
public sealed partial class ArchitectureTests
{
    /// <summary>For each folder of src/Ocellus, the folders it may use. What is not named here has no rule yet and fails.</summary>
    private static readonly Dictionary<string, string> Allowed = new(StringComparer.Ordinal)
    {
        [""] = "*",
        ["Commands"] = "*",
        ["Tags"] = "Access Projects Protocol",
        ["Training"] = "Access Datasets Diagnostics Objects Projects Protocol Storage",
        ["Hosting"] = "Access Diagnostics Objects Projects Protocol Storage",
        ["Datasets"] = "Access Diagnostics Objects Projects Protocol Storage",
        ["Projects"] = "Access Protocol Storage",
        ["Objects"] = "Access Protocol Storage",
        ["Access"] = "Protocol Storage",
        ["Diagnostics"] = "",
        ["Protocol"] = "Access Diagnostics",
        ["Storage"] = "",
    };

    [Fact]
    public void Notice_names_every_package_of_the_product()
    {
        var root = RepositoryRoot();
        Assert.SkipUnless(Directory.Exists(Path.Combine(root, "src")), "the sources are not here");
        var notice = File.ReadAllText(Path.Combine(root, "NOTICE"));
        var packages = Directory.GetFiles(Path.Combine(root, "src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(file => System.Xml.Linq.XDocument.Load(file).Descendants("PackageReference").Select(p => p.Attribute("Include")!.Value)).Distinct().ToList();

        Assert.True(packages.Count > 10);
        // The native parts have a package for each platform and are named once; ONNX Runtime goes by its own name.
        Assert.DoesNotContain(packages, p => p is not "Microsoft.ML.OnnxRuntime" && !notice.Contains(p.Split("-cpu-")[0].Replace(".linux-x64", "").Replace(".linux-arm64", "").Replace(".osx-arm64", ""), StringComparison.Ordinal));
    }

    [Fact]
    public void Features_use_only_what_is_below_them()
    {
        var root = Path.Combine(RepositoryRoot(), "src", "Ocellus");
        Assert.SkipUnless(Directory.Exists(root), "the sources are not here");
        var wrong = new List<string>();
        foreach (var file in Directory.GetFiles(root, "*.cs", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(root, file);
            var folder = relative.Contains(Path.DirectorySeparatorChar) ? relative.Split(Path.DirectorySeparatorChar)[0] : "";
            var allowed = Allowed.TryGetValue(folder, out var names) ? names.Split(' ') : [];
            foreach (var used in Using().Matches(File.ReadAllText(file)).Select(m => m.Groups["folder"].Value).Where(u => u is not "Vision" && u != folder))
            {
                if (allowed is not ["*"] && !allowed.Contains(used))
                {
                    wrong.Add($"{relative} uses Ocellus.{used}");
                }
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_learning_library_knows_nothing_of_the_server() =>
        Assert.DoesNotContain(typeof(Ocellus.Vision.Inference.TrainedModel).Assembly.GetReferencedAssemblies(), a => a.Name!.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || a.Name is "Ocellus" or "Dapper");

    private static string RepositoryRoot([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", ".."));

    [GeneratedRegex(@"^using (static )?Ocellus\.(?<folder>[A-Za-z]+)", RegexOptions.Multiline)]
    private static partial Regex Using();
}
