using Ocellus.Commands;

namespace Ocellus.Tests.Commands;

public sealed class DemoCommandTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_sample_images_lie_beside_the_program(bool boxes)
    {
        var sample = boxes ? DemoSample.Blood : DemoSample.Cells;
        foreach (var manifest in new[] { "train.manifest", "test.manifest" })
        {
            var lines = File.ReadAllLines(Path.Combine(sample.Path, manifest));
            var prefix = $"s3://{sample.Bucket}/{sample.Folder}/";
            Assert.All(lines, line =>
            {
                var source = (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["source-ref"]!;
                Assert.StartsWith(prefix, source, StringComparison.Ordinal);
                Assert.True(File.Exists(Path.Combine(sample.Path, source[prefix.Length..])), source);
            });
        }
    }
}
