using CsCheck;
using Ocellus.Projects;

namespace Ocellus.Tests.Projects;

public sealed class ArnTests
{
    private static readonly Gen<string> s_name = Gen.String[Gen.Char["abcXYZ019_.-"], 1, 255];

    private static readonly Gen<string> s_part = Gen.String[Gen.Char["abz019-"], 1, 20];

    private static readonly Gen<string> s_account = Gen.String[Gen.Char["0123456789"], 12, 12];

    private static readonly Gen<long> s_time = Gen.OneOf(Gen.Long[0, long.MaxValue], Gen.Long[0, 20], Gen.Const(long.MaxValue));

    /// <summary>The pieces of ARNs in other orders, numbers and spellings.</summary>
    private static readonly Gen<string> s_garbage =
        from head in Gen.OneOf(
            "arn:aws:rekognition:us-east-1:123456789012:project/", "arn:aws:rekognition:us-east-1:٣٣٣٣٣٣٣٣٣٣٣٣:project/",
            "arn:a٣:rekognition:b-٣:000000000000:project/", "ARN:aws:rekognition:us-east-1:123456789012:project/",
            " arn:aws:rekognition:us-east-1:123456789012:project/", "arn:aws:s3:::")
        from middle in Gen.OneOf(
            "p", "a/version/b", "a/dataset/train", "a/dataset/test", "version/version/version", "a/dataset/TRAIN", "é", "..", "a/version/..", "a//",
            "a/version/b/version/c", "")
        from time in Gen.OneOf(
            "/0", "/7", "/007", "/00", "/1690474772815", "/9223372036854775807", "/9223372036854775808", "/-1", "/+1", "/1 ", "/ 1", "/٣", "/1_0", "/1\n",
            "/1\0", "/", "", "/1e3", "/1/2", "/1.0")
        select head + middle + time;

    [Fact]
    public void An_arn_that_is_printed_parses_to_itself() =>
        Gen.Select(Gen.Enum<ArnKind>(), s_part, s_part, s_account, s_name, s_name, Gen.Select(Gen.Bool, s_time))
            .Sample((kind, partition, region, account, project, name, rest) =>
            {
                var arn = new Arn(
                    kind, partition, region, account, project,
                    kind switch { ArnKind.Project => "", ArnKind.Dataset => rest.Item1 ? "train" : "test", _ => name }, rest.Item2);
                Assert.Equal(arn, Arn.Parse(arn.ToString()));
            }, iter: 5000);

    [Fact]
    public void What_parses_prints_as_it_was_written() =>
        Gen.OneOf(s_garbage, Gen.String[Gen.Char["arn:/-0129\n٣ "], 0, 60]).Sample(text =>
        {
            if (Arn.TryParse(text) is { } arn)
            {
                Assert.Equal(text, arn.ToString());
            }
        }, iter: 20_000);
}
