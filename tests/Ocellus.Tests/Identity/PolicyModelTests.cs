using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;
using Ocellus.Identity;
using Ocellus.Tests.Wire;

namespace Ocellus.Tests.Identity;

/// <summary>The evaluator against a second model that is slow and plain: regular expressions and sets, over policies drawn at random.</summary>
public sealed class PolicyModelTests
{
    private static readonly string[] s_actions = ["rekognition:StartProjectVersion", "rekognition:StopProjectVersion", "s3:GetObject"];
    private static readonly string[] s_resources = ["arn:aws:s3:::a/b", "arn:aws:rekognition:r:1:project/p/1", "arn:aws:rekognition:r:1:project/p/version/v/2"];
    private static readonly Gen<string> s_actionPattern = Gen.OneOf(
        "*", "rekognition:*", "rekognition:St?pProjectVersion", "REKOGNITION:start*", "s3:GetObject", "*:*Object");
    private static readonly Gen<string> s_resourcePattern = Gen.OneOf("*", "arn:aws:s3:::a/*", "arn:aws:*:*:*:*", "arn:aws:rekognition:r:1:project/p/*", "arn:aws:rekognition:?:1:project/*/version/*", "arn:aws:rekognition:r:2:project/*");
    private static readonly Gen<string> s_operator =
        from quantifier in Gen.OneOf("", "", "ForAllValues:", "ForAnyValue:")
        from name in Gen.OneOf("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")
        from optional in Gen.OneOf("", "IfExists")
        select quantifier + name + optional;

    private static readonly Gen<Line> s_line =
        from test in s_operator
        from key in Gen.OneOf("aws:username", "aws:ResourceTag/team", "aws:TagKeys")
        from values in Gen.OneOf("ann", "a*", "b", "?").Array[1, 3]
        select new Line(key == "aws:TagKeys" && !test.StartsWith("For", StringComparison.Ordinal) ? "ForAnyValue:" + test : test, key, values);

    private static readonly Gen<Statement> s_statement =
        from allow in Gen.Bool
        from notAction in Gen.Bool
        from actions in s_actionPattern.Array[1, 2]
        from notResource in Gen.Bool
        from resources in s_resourcePattern.Array[1, 2]
        from lines in s_line.Array[0, 2]
        select new Statement(allow, notAction, actions, notResource, resources, [.. lines.DistinctBy(l => l.Test)]);

    [Fact]
    public void The_evaluator_agrees_with_the_plain_model() =>
        Gen.Select(s_statement.Array[1, 4], Gen.OneOf(s_actions), Gen.OneOf(s_resources), Gen.OneOf("", "ann", "b"), Gen.OneOf("a", "ann", "b").Array[0, 2])
            .Sample((statements, action, resource, team, keys) =>
            {
                var facts = new Dictionary<string, string[]>
                {
                    ["aws:username"] = ["ann"],
                    ["aws:ResourceTag/team"] = team.Length == 0 ? [] : [team],
                    ["aws:TagKeys"] = keys,
                };
                var policy = IdentityPolicy.Parse(ToJson(statements));
                var verdict = IdentityPolicy.Evaluate([policy], action, resource, key => facts[key]);
                // Split over two policies the same statements say the same.
                var halves = statements.Chunk(Math.Max(1, statements.Length / 2)).Select(half => IdentityPolicy.Parse(ToJson(half)));
                return verdict == Model(statements, action, resource, facts) && IdentityPolicy.Evaluate(halves, action, resource, key => facts[key]) == verdict;
            }, iter: 20_000);

    private static PolicyVerdict Model(Statement[] statements, string action, string resource, Dictionary<string, string[]> facts)
    {
        var speaking = statements.Where(s =>
            s.NotAction ^ s.Actions.Any(a => Like(a, action, RegexOptions.IgnoreCase))
            && s.NotResource ^ s.Resources.Any(r => LikeArn(r, resource))
            && s.Lines.All(l => Holds(l, facts[l.Key]))).ToList();
        return speaking.Any(s => !s.Allow) ? PolicyVerdict.Denied : speaking.Count > 0 ? PolicyVerdict.Allowed : PolicyVerdict.NoMatch;
    }

    private static bool Holds(Line line, string[] actual)
    {
        var optional = line.Test.EndsWith("IfExists", StringComparison.Ordinal);
        bool all = line.Test.StartsWith("ForAll", StringComparison.Ordinal), any = line.Test.StartsWith("ForAny", StringComparison.Ordinal);
        bool negated = line.Test.Contains("Not", StringComparison.Ordinal), like = line.Test.Contains("Like", StringComparison.Ordinal);
        bool Fits(string value) => negated ? line.Values.All(v => !One(v, value)) : line.Values.Any(v => One(v, value));
        bool One(string wanted, string value) => like ? Like(wanted, value) : wanted == value;
        if (actual.Length == 0)
        {
            return optional || all || (negated && !any);
        }

        return all ? actual.All(Fits) : actual.Any(Fits);
    }

    private static bool LikeArn(string pattern, string arn)
    {
        if (pattern == "*")
        {
            return true;
        }

        var (form, text) = (pattern.Split(':', 6), arn.Split(':', 6));
        return form.Zip(text).All(p => Like(p.First, p.Second));
    }

    private static bool Like(string pattern, string text, RegexOptions options = RegexOptions.None) =>
        Regex.IsMatch(
            text, $@"\A{Regex.Escape(pattern).Replace(@"\*", ".*", StringComparison.Ordinal).Replace(@"\?", ".", StringComparison.Ordinal)}\z",
            options | RegexOptions.Singleline);

    private static string ToJson(Statement[] statements) => JsonSerializer.Serialize(new
    {
        Version = "2012-10-17",
        Statement = statements.Select(s => new Dictionary<string, object>
        {
            ["Effect"] = s.Allow ? "Allow" : "Deny",
            [s.NotAction ? "NotAction" : "Action"] = s.Actions,
            [s.NotResource ? "NotResource" : "Resource"] = s.Resources,
            ["Condition"] = s.Lines.ToDictionary(l => l.Test, l => new Dictionary<string, string[]> { [l.Key] = l.Values }),
        }),
    });

    private sealed record Line(string Test, string Key, string[] Values);

    private sealed record Statement(bool Allow, bool NotAction, string[] Actions, bool NotResource, string[] Resources, Line[] Lines);
}
