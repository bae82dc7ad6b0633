using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Ocellus.Objects;

namespace Ocellus.Tests.Objects;

/// <summary>
/// The embedded object store stands behind a few types, and its folders use each other one way. Read from the sources, by the names of types in them.
/// </summary>
public sealed partial class ObjectStoreSurfaceTests
{
    /// <summary>What the program may know of the store.</summary>
    private static readonly string[] Surface =
    [
        // Objects for the product's features, what they are told, and what can go wrong.
        "IObjects", "FoundBucket", "ObjectContent", "ObjectsExtensions", "S3Exception", "StoreUnreachableException",
        // Its services, and its place among those that answer requests.
        "ObjectServices",
        // Its files, for backup, export and doctor.
        "StoreFiles", "StoreCheck",
        // The store that may be in its place, for the commands that are told of it.
        "ExternalStoreOptions", "ExternalObjectStore",
        // What the product keeps in it for all servers on one database, and how it comes there.
        "ExternalFolders", "SharedSecret", "ObjectMove",
    ];

    /// <summary>The folders that each folder may use; nothing is the folder of the project itself, where the doors are.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["ObjectServices"] = ["", "Files", "External", "S3"],
        ["S3"] = ["", "Files", "External"],
        ["External"] = ["", "Files"],
        ["Files"] = [""],
        [""] = [],
    };

    private static readonly Type[] Types = [.. typeof(IObjects).Assembly.GetTypes().Where(t =>
        !t.IsNested && t.Namespace?.StartsWith("Ocellus.Objects", StringComparison.Ordinal) == true
        && t.GetCustomAttribute<CompilerGeneratedAttribute>() is null)];

    [Fact]
    public void The_program_knows_a_few_types_of_the_object_store()
    {
        var sources = ServerSources.All().Where(s => !s.Name.StartsWith("Objects/", StringComparison.Ordinal))
            .Select(s => (Text: File.ReadAllText(s.Path), Code: Code(File.ReadAllText(s.Path)))).ToList();
        var mentioned = sources.SelectMany(s => Types.Where(t => s.Text.Contains($"using {t.Namespace};", StringComparison.Ordinal) && Mentions(s.Code, t)));

        Assert.Equal(Surface.Order(), mentioned.Select(t => t.Name).Distinct().Order());
        // Nobody reaches past the usings.
        Assert.DoesNotContain(sources, s => Qualified().IsMatch(s.Code));
    }

    [Fact]
    public void Its_folders_use_each_other_one_way()
    {
        List<string> wrong = [];
        var arrows = 0;
        foreach (var (name, path) in ServerSources.All().Where(s => s.Name.StartsWith("Objects/", StringComparison.Ordinal)))
        {
            var parts = name.Split('/');
            var folder = parts.Length > 2 ? parts[1] : parts[^1] == "ObjectServices.cs" ? "ObjectServices" : "";
            var code = Code(File.ReadAllText(path));
            foreach (var used in Types.Where(t => Folder(t) != folder && Mentions(code, t)))
            {
                arrows++;
                if (!Allowed[folder].Contains(Folder(used)))
                {
                    wrong.Add($"{name} uses {used.FullName}");
                }
            }
        }

        Assert.True(arrows > 100, $"{arrows} arrows");
        Assert.Equal([], wrong);
    }

    [Fact]
    public void The_rules_have_no_cycle()
    {
        List<string> below = [];
        while (below.Count < Allowed.Count)
        {
            var next = Allowed.Keys.FirstOrDefault(f => !below.Contains(f) && Array.TrueForAll(Allowed[f], below.Contains));
            Assert.NotNull(next);
            below.Add(next);
        }
    }

    private static string Folder(Type type) =>
        type == typeof(ObjectServices) ? nameof(ObjectServices) : type.Namespace!["Ocellus.Objects".Length..].TrimStart('.');

    /// <summary>By its name; of extension methods, by theirs.</summary>
    private static bool Mentions(string code, Type type) =>
        type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Where(m => m.GetCustomAttribute<ExtensionAttribute>() is not null).Select(m => m.Name).Append(type.Name.Split('`')[0])
            .Any(name => Regex.IsMatch(code, $@"\b{name}\b"));

    /// <summary>Without comments, and without texts but for what is put into them.</summary>
    private static string Code(string source) =>
        Text().Replace(Comment().Replace(source, ""), match => string.Concat(Hole().Matches(match.Value).Select(m => m.Value)));

    /// <summary>The namespace; a property of that name is none.</summary>
    [GeneratedRegex(@"^(?!using ).*(?:(?<!\.)|(?<=Ocellus\.))\bObjects\.[A-Z]", RegexOptions.Multiline)]
    private static partial Regex Qualified();

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex("""
        "(?:\\.|[^"\\\n])*"
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Text();

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();
}
