using System.Diagnostics;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Wire.AwsJson;

namespace Ocellus.Tests.Encodings;

/// <summary>JSON that is not a request: policies and manifest lines. Requests are in <see cref="ApiBodyTests"/>.</summary>
public sealed class JsonDepthTests
{
    [Theory]
    [InlineData(JsonDepth.PolicyMax)]
    [InlineData(500)]
    public void A_policy_that_is_nested_deeper_than_any_policy_is_malformed(int depth)
    {
        var text = $$"""{"Version":"2012-10-17","Statement":{{new string('[', depth)}}{{new string(']', depth)}}}""";
        var refusal = Assert.Throws<RefusedException>(() => PolicyDocument.Check(text, "arn:aws:rekognition:us-east-1:123456789012:project/p/1"));
        Assert.Equal(RefusalKind.MalformedPolicy, refusal.Kind);
        Assert.Contains("not JSON", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(JsonDepth.LineMax - 1, false)]
    [InlineData(JsonDepth.LineMax, true)]
    [InlineData(40_000, true)]
    public void A_manifest_line_that_is_nested_too_deep_is_an_invalid_line(int depth, bool isInvalid)
    {
        var parsed = LineParser.Parse(new ManifestLine(1, $$"""{"source-ref":"s3://a/b.jpg","more":{{new string('[', depth)}}{{new string(']', depth)}}}"""));
        Assert.Equal(isInvalid, parsed.Issues.Any(i => i.Code == "ERROR_INVALID_JSON_LINE"));
    }

    [Fact]
    public void The_longest_manifest_line_is_read_in_a_moment_whatever_it_holds()
    {
        var many = string.Concat(Enumerable.Range(0, 6_000).Select(i => $",\"{i}\":1"));
        var pairs = string.Concat(Enumerable.Range(0, 2_500).Select(i => $",\"{i}\":1,\"{i}-metadata\":{{}}"));
        var watch = Stopwatch.StartNew();
        foreach (var members in new[] { many, pairs })
        {
            var text = $$"""{"source-ref":"s3://a/b.jpg"{{members}}}""";
            Assert.InRange(text.Length, 50_000, ManifestReader.LineLengthMax);
            LineParser.Parse(new ManifestLine(1, text));
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }
}
