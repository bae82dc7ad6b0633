using System.Reflection;
using System.Text.RegularExpressions;
using Ocellus.Refusals;
using Ocellus.Tests.Wire;
using Ocellus.Tests.Wire.AwsJson;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests;

/// <summary>
/// <c>docs/compatibility.md</c> says what the code does. Parts are made from the code: with <c>OCELLUS_WRITE_PAGES=1</c> in the environment these tests
/// write them, otherwise they compare. Remarks are written by hand, and every name in them has to exist.
/// </summary>
public sealed partial class CompatibilityPageTests
{
    private const string Page = "docs/compatibility.md";

    /// <summary>What the column of states may say, so that the page can be searched.</summary>
    private static readonly string[] s_states = ["works", "works in part", "missing"];

    [Fact]
    public void Each_operation_has_one_row_with_a_known_state_the_errors_of_its_own_and_client_tests_that_call_it()
    {
        var shared = AnyRequest.Operations.Select(AnyRequest.ErrorsOf).Aggregate((all, errors) => [.. all.Intersect(errors)]);
        var rows = Pages.Table(Page, "## Operations");
        Assert.Equal(Operations.All.Select(o => o.Name), rows.Select(r => r[0]));
        foreach (var row in rows)
        {
            var (operation, what, state, errors, tests) = (row[0], row[1], row[2], row[3], row[5]);
            Assert.NotEmpty(what);
            Assert.Contains(state, s_states);
            // DetectCustomLabels alone has a throughput of its own.
            var common = shared.Where(e => operation != "DetectCustomLabels" || e != "ProvisionedThroughputExceededException");
            var own = AnyRequest.ErrorsOf(operation).Except(common).Where(e => !ErrorTableTests.Never.ContainsKey((operation, e)));
            Assert.Equal($"{operation}: {string.Join(", ", own.Order().Select(Short))}", $"{operation}: {errors}");
            Assert.NotEmpty(tests);
            foreach (var test in Code().Matches(tests).Select(m => m.Groups[1].Value))
            {
                var folder = Path.Combine(Pages.Root, "tests", "compat");
                var script = File.ReadAllText(test == "sdk_js.py" ? Path.Combine(folder, "sdk_js", "client.mjs") : Path.Combine(folder, test));
                var snake = Capital().Replace(operation, m => $"_{m.Value}").TrimStart('_').ToLowerInvariant();
                Assert.True(
                    Regex.IsMatch(script, $@"(?<![\w-])({operation}(Command)?|{snake}|{snake.Replace('_', '-')})(?![\w-])"),
                    $"{test} does not call {operation}");
            }
        }
    }

    [Fact]
    public void Names_in_the_remarks_exist()
    {
        var source = string.Join('\n', Pages.Sources().Select(File.ReadAllText));
        var settings = OperatingPageTests.Settings().Select(s => s.Name).ToHashSet();
        foreach (var row in Pages.Table(Page, "## Operations"))
        {
            foreach (var name in Code().Matches(row[4]).Select(m => m.Groups[1].Value))
            {
                var exists = name.EndsWith("Exception", StringComparison.Ordinal) ? AnyRequest.ErrorsOf(row[0]).Contains(name)
                    : name.StartsWith("Ocellus:", StringComparison.Ordinal) ? settings.Contains(name)
                    : name.StartsWith("ocellus:", StringComparison.Ordinal) ? source.Contains($"\"{name}\"", StringComparison.Ordinal)
                    : name.Split('.').All(part => Regex.IsMatch(source, $@"\b{Regex.Escape(part)}\b"));
                Assert.True(exists, $"{row[0]}: nothing in the code is called {name}");
            }
        }
    }

    [Fact]
    public void The_README_has_every_operation_with_what_it_does()
    {
        var rows = Pages.Table(Page, "## Operations").Select(r => $"| `{r[0]}` | {r[1]} |");
        Pages.Hold("README.md", "operations", ["| Operation | What it does |", "|---|---|", .. rows]);
    }

    [Fact]
    public void The_errors_that_never_occur_are_those_of_the_error_tests()
    {
        var lines = ErrorTableTests.Never.GroupBy(n => (n.Key.Error, Why: n.Value))
            .OrderBy(g => g.Key.Error, StringComparer.Ordinal).ThenBy(g => g.Key.Why, StringComparer.Ordinal)
            .Select(g => $"| {g.Key.Error} | {string.Join(", ", g.Select(n => n.Key.Operation).Order(StringComparer.Ordinal))} | {g.Key.Why} |");
        Pages.Hold(Page, "errors that never occur", ["| Error | Operations | Why |", "|---|---|---|", .. lines]);
    }

    [Fact]
    public void Every_error_that_the_page_explains_has_the_name_and_status_of_the_code()
    {
        var errors = Enum.GetValues<RefusalKind>().Select(AwsErrors.Of).Append(AwsErrors.Internal).ToDictionary(e => e.Name, e => e.Status);
        var said = Pages.Table(Page, "## Errors").ToDictionary(r => r[0], r => int.Parse(r[1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(errors.OrderBy(e => e.Key, StringComparer.Ordinal), said.OrderBy(e => e.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void The_assumptions_are_those_that_stand_beside_the_code()
    {
        var assumed = Members().SelectMany(m => m.GetCustomAttributes<AssumedAttribute>()).OrderBy(a => a.Behaviour, StringComparer.Ordinal).ToList();
        Assert.Equal(assumed.Count, assumed.DistinctBy(a => a.Behaviour).Count());
        Assert.DoesNotContain(assumed, a => a.Behaviour.Contains('|', StringComparison.Ordinal) || a.Choice.Contains('|', StringComparison.Ordinal));
        Pages.Hold(Page, "assumptions", ["| Behaviour | Choice |", "|---|---|", .. assumed.Select(a => $"| {a.Behaviour} | {a.Choice} |")]);
    }

    [Fact]
    public void Every_operation_and_the_table_of_states_name_their_source()
    {
        foreach (var operation in Operations.All)
        {
            Assert.Contains(operation.GetCustomAttributes<EvidenceAttribute>(), e => e.Source.StartsWith($"API_{operation.Name}", StringComparison.Ordinal));
        }

        Assert.NotEmpty(typeof(Ocellus.Projects.ProjectVersionStates).GetMethod("Next")!.GetCustomAttributes<EvidenceAttribute>());
    }

    private static string Short(string error) => error.EndsWith("Exception", StringComparison.Ordinal) ? error[..^"Exception".Length] : error;

    /// <summary>Every type and member of the product.</summary>
    private static IEnumerable<MemberInfo> Members()
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        return Pages.Assemblies().SelectMany(a => a.GetTypes()).SelectMany(type => type.GetMembers(all).Where(m => m is not Type).Prepend(type));
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
