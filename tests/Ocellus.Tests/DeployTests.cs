using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Ocellus.Commands;
using YamlDotNet.RepresentationModel;

namespace Ocellus.Tests;

/// <summary>
/// <c>deploy/</c> as far as it can be judged without a container engine: what its files name is there. <c>tests/compat/packages.py</c> carries out the steps of
/// the Dockerfile in a bare Debian.
/// </summary>
public sealed partial class DeployTests
{
    private static readonly string[] _known = ["FROM", "RUN", "ARG", "ADD", "COPY", "USER", "WORKDIR", "VOLUME", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"];

    [Fact]
    public void The_Dockerfile_adds_an_archive_that_build_release_makes_and_starts_it_with_options_that_exist()
    {
        var steps = Steps();
        Assert.All(steps, s => Assert.Contains(s.What, _known));
        Assert.Equal("FROM", steps[0].What);
        var version = (string)XDocument.Load(Path.Combine(Pages.Root, "Directory.Build.props")).Descendants("Version").Single();
        var argument = steps.Single(s => s.What == "ARG").Text.Split('=');
        Assert.Equal($"ocellus-{version}-linux-x64.tar.gz", argument[1]);
        Assert.Equal("artifacts/release/${" + argument[0] + "} /opt/", steps.Single(s => s.What == "ADD").Text);
        // No other file of the repository is needed.
        Assert.DoesNotContain(steps, s => s.What == "COPY");
        var words = Words("ENTRYPOINT")[1..].Concat(Words("CMD")).ToArray();
        Assert.Empty(CommandLine.Create().Parse(words).Errors);
        var (volume, port) = (steps.Single(s => s.What == "VOLUME").Text, steps.Single(s => s.What == "EXPOSE").Text);
        Assert.Equal(["serve", "--data", volume, "--urls", $"http://0.0.0.0:{port}"], words);
        var check = steps.Single(s => s.What == "HEALTHCHECK").Text;
        var probe = JsonSerializer.Deserialize<string[]>(check[(check.IndexOf("CMD ", StringComparison.Ordinal) + 4)..])!;
        Assert.Contains("/health/ready", probe[2], StringComparison.Ordinal);

        string[] Words(string what) => JsonSerializer.Deserialize<string[]>(steps.Single(s => s.What == what).Text)!;
    }

    [Fact]
    public void The_compose_file_builds_that_Dockerfile_and_serves_its_port_and_volume()
    {
        using var text = File.OpenText(Path.Combine(Pages.Root, "deploy/compose.yaml"));
        var yaml = new YamlStream();
        yaml.Load(text);
        var top = (YamlMappingNode)yaml.Documents.Single().RootNode;
        var service = (YamlMappingNode)((YamlMappingNode)top["services"]).Children.Single().Value;
        Assert.Equal(["build", "image", "ports", "restart", "stop_grace_period", "volumes"], service.Children.Keys.Select(k => k.ToString()).Order());
        var around = Path.GetFullPath(Path.Combine(Pages.Root, "deploy", service["build"]["context"].ToString()));
        Assert.True(File.Exists(Path.Combine(around, service["build"]["dockerfile"].ToString())));
        var port = Steps().Single(s => s.What == "EXPOSE").Text;
        Assert.Equal($"127.0.0.1:{port}:{port}", ((YamlSequenceNode)service["ports"]).Single().ToString());
        var volume = ((YamlSequenceNode)service["volumes"]).Single().ToString().Split(':');
        Assert.Contains(volume[0], ((YamlMappingNode)top["volumes"]).Children.Keys.Select(k => k.ToString()));
        Assert.Equal(Steps().Single(s => s.What == "VOLUME").Text, volume[1]);
    }

    private static List<(string What, string Text)> Steps() =>
    [
        .. Continued().Replace(string.Join('\n', Pages.Read("deploy/Dockerfile").Split('\n').Where(l => !l.StartsWith('#'))), " ").Split('\n')
            .Where(l => l.Length > 0).Select(l => l.Split(' ', 2)).Select(p => (p[0], p[1].Trim())),
    ];

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continued();
}
