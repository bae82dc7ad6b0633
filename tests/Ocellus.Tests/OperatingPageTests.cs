using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Ocellus.Tests;

/// <summary><c>docs/operating.md</c> names every setting with the default that it has in the code, and every metric.</summary>
public sealed partial class OperatingPageTests
{
    private const string Page = "docs/operating.md";

    [Fact]
    public void The_table_of_settings_has_every_setting_with_its_default()
    {
        var said = Pages.Table(Page, "## Settings").ToDictionary(r => r[0].Trim('`'), r => r[1]);
        var settings = Settings().ToList();
        Assert.True(settings.Count > 25);
        Assert.Equal(settings.Select(s => s.Name).Order(StringComparer.Ordinal), said.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, value) in settings)
        {
            var shown = value.Length == 0 ? "empty" : $"`{value}`";
            Assert.True($"{said[name]} ".StartsWith($"{shown} ", StringComparison.Ordinal), $"{name}: the default is {shown}, and the page says {said[name]}");
        }
    }

    [Fact]
    public void The_table_of_metrics_has_every_metric()
    {
        var said = Pages.Table(Page, "## Metrics").Select(r => Name().Match(r[0]).Groups[1].Value);
        var made = Pages.Sources().SelectMany(f => Instrument().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value)).Distinct();
        Assert.Equal(made.Order(StringComparer.Ordinal), said.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_packages_that_the_first_build_fetches_are_named()
    {
        var page = Pages.Read(Page).Split("## What leaves the machine")[1];
        var file = XDocument.Load(Path.Combine(Pages.Root, "Directory.Packages.props"));
        var packages = file.Descendants("PackageVersion").Select(p => p.Attribute("Include")!.Value).ToList();
        Assert.True(packages.Count > 20);
        // A native part has a package for each system.
        Assert.DoesNotContain(packages, p => !page.Contains(Platform().Replace(p, ""), StringComparison.Ordinal));
    }

    /// <summary>Every setting of the server as it stands in a configuration, with its default as it would be written there.</summary>
    internal static IEnumerable<(string Name, string Default)> Settings()
    {
        var types = Pages.Assemblies().SelectMany(a => a.GetTypes()).Where(t => t.Name.EndsWith("Options", StringComparison.Ordinal)).ToDictionary(t => t.Name);
        foreach (var bound in Pages.Sources().SelectMany(f => Bound().Matches(File.ReadAllText(f)).ToList()))
        {
            var type = types[bound.Groups["type"].Value];
            var section = bound.Groups["text"] is { Success: true, Value: var given } ? given
                : (string)type.GetField("Section", BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;
            var options = Activator.CreateInstance(type)!;
            foreach (var property in type.GetProperties().Where(p => p.CanWrite))
            {
                var value = property.GetValue(options);
                var text = value is bool truth ? (truth ? "true" : "false") : Convert.ToString(value, CultureInfo.InvariantCulture)!;
                yield return ($"{section}:{property.Name}", text);
            }
        }
    }

    [GeneratedRegex(@"AddSettings<(?<type>\w+)>\((""(?<text>[^""]+)""|\w+\.Section)\)")]
    private static partial Regex Bound();

    [GeneratedRegex("""(?:Create\w+(?:<\w+>)?|Observe)\(\s*"([a-z_]+(?:\.[a-z_]+)+)",""")]
    private static partial Regex Instrument();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Name();

    [GeneratedRegex(@"[-.](linux|osx|win)-(x64|arm64)$")]
    private static partial Regex Platform();
}
