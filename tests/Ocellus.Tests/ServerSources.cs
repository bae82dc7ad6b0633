namespace Ocellus.Tests;

/// <summary>The source files of the server's three projects, named by the folders of their namespace.</summary>
internal static class ServerSources
{
    private static readonly (string Project, string Folder)[] s_projects = [("Ocellus", ""), ("Ocellus.Foundation", ""), ("Ocellus.ObjectStore", "Objects/")];

    /// <summary>Name, as <c>Identity/KeyRing.cs</c>, and path of each. Skips the test where only the built tests are.</summary>
    public static List<(string Name, string Path)> All()
    {
        var sources = Path.Combine(Pages.Root, "src");
        Assert.SkipUnless(Directory.Exists(sources), "the sources are not here");
        return
        [
            .. s_projects.SelectMany(p => Directory.GetFiles(Path.Combine(sources, p.Project), "*.cs", SearchOption.AllDirectories)
                .Select(file => (p.Folder + Path.GetRelativePath(Path.Combine(sources, p.Project), file).Replace('\\', '/'), file))),
        ];
    }
}
