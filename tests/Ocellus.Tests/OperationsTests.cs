using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Tests.Examples;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests;

public sealed partial class OperationsTests
{
    private static readonly Caller s_caller = new("123456789012", "us-east-1", "ann", "AKIA1");

    /// <summary>Code outside an operation's own places that names its class, and why. A new entry needs a reason as good.</summary>
    private static readonly Dictionary<(string File, string Operation), string> s_alsoNamed = new()
    {
        [("Commands/Answers.cs", "DetectCustomLabels")] = "`ocellus detect` chooses labels exactly as the operation does.",
        [("Projects/DescribeProjects.cs", "CreateProject")] = "the one feature that a project can have",
        [("Training/StartTag.cs", "CopyProjectVersion")] = "who goes on from a model reads its weights, which is the right to copy it",
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Only_the_list_and_the_JSON_context_name_an_operation_outside_its_file()
    {
        var found = new HashSet<(string, string)>();
        foreach (var (file, path) in ServerSources.All())
        {
            var code = CommentOrText().Replace(File.ReadAllText(path), "");
            var names = Word().Matches(code).Select(m => m.Value).ToHashSet();
            foreach (var operation in Operations.All)
            {
                var feature = operation.Namespace!["Ocellus.".Length..];
                var messages = operation.BaseType!.GetGenericArguments().Select(t => t.Name);
                if (file == $"{feature}/{operation.Name}.cs")
                {
                    Assert.Superset(messages.Append(operation.Name).ToHashSet(), names);
                }
                else if (file == "Operations.cs")
                {
                    Assert.Contains(operation.Name, names);
                }
                else if (file == $"{feature}/{feature}Json.cs")
                {
                    Assert.Superset(messages.ToHashSet(), names);
                }
                else if (names.Contains(operation.Name))
                {
                    found.Add((file, operation.Name));
                }
            }
        }

        Assert.Equal(s_alsoNamed.Keys.Order(), found.Order());
    }

    [Fact]
    public async Task A_24th_operation_needs_no_other_code_than_its_file_and_its_two_lines()
    {
        await using var server = await TestServer.StartAsync();
        var projects = server.Services.GetRequiredService<ProjectCatalog>();
        var project = (await projects.CreateAsync(s_caller, "counted", null, Cancel)).ToString();
        var table = new OperationTable([new CountDatasets(projects)]);

        var call = table.Find("CountDatasets")!.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"ProjectArn":"{{project}}"}"""));
        Assert.Equal(("rekognition:CountDatasets", project), (call.Requires(s_caller)[0].Action, call.Requires(s_caller)[0].Resources[0]));
        Assert.Equal("""{"Count":0}""", System.Text.Encoding.UTF8.GetString(await call.RunAsync(s_caller, Cancel)));

        var refused = Assert.Throws<FrameworkException>(() => table.Find("CountDatasets")!.Parse("{}"u8));
        Assert.Contains("Value null at 'projectArn'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_shows_the_example_as_it_is_run()
    {
        var page = File.ReadAllText(Path.Combine(Pages.Root, "docs", "adding-an-operation.md"));
        var shown = page.Split("```csharp\n")[1].Split("```")[0];
        var run = File.ReadAllText(Path.Combine(Pages.Root, "tests", "Ocellus.Tests", "Examples", "CountDatasets.cs"));

        Assert.Equal(
            shown,
            run.Replace("using Ocellus.Projects;\n", "", StringComparison.Ordinal)
                .Replace("Ocellus.Tests.Examples", "Ocellus.Projects", StringComparison.Ordinal)
                .Replace("ExamplesJson", "ProjectsJson", StringComparison.Ordinal));
    }

    [GeneratedRegex(""""("""[\s\S]*?""")|(//[^\n]*)|("(\\.|[^"\\\n])*")"""")]
    private static partial Regex CommentOrText();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
