using Ocellus.Hosting;
using Ocellus.Projects;
using Ocellus.Training;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

public sealed class ValidationTests
{
    [Fact]
    public void A_missing_member_is_named()
    {
        Assert.Equal(
            "1 validation error detected: Value null at 'projectName' failed to satisfy constraint: Member must not be null",
            MessageOf(new CreateProjectRequest()));
    }

    [Fact]
    public void A_pattern_is_matched_as_a_whole_and_a_line_break_does_not_pass()
    {
        Assert.Contains(
            "regular expression pattern: [a-zA-Z0-9_.\\-]+", MessageOf(new CreateProjectRequest { ProjectName = "good\n" }), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_errors_are_counted_and_an_overlong_value_is_cut()
    {
        var message = MessageOf(new CreateProjectRequest { ProjectName = new string(' ', 300) });
        Assert.StartsWith("2 validation errors detected: ", message, StringComparison.Ordinal);
        Assert.Contains("(300 characters)", message, StringComparison.Ordinal);
        Assert.Contains("length less than or equal to 255", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_size_over_the_maximum_names_the_maximum()
    {
        Assert.Equal(
            "1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
            MessageOf(new DescribeProjectsRequest { MaxResults = 101 }));
    }

    [Fact]
    public void A_nested_list_member_has_a_path()
    {
        Assert.Contains("at 'projectNames.2.member'", MessageOf(new DescribeProjectsRequest { ProjectNames = ["a", ""] }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_blob_over_the_limit_shows_its_size_and_not_its_bytes()
    {
        var message = MessageOf(
            new DetectCustomLabelsRequest
            {
                ProjectVersionArn = "arn:aws:rekognition:us-east-1:123456789012:project/a/version/b/1",
                Image = new() { Bytes = new byte[5242881] },
            });
        Assert.Equal(
            "1 validation error detected: Value '<5242881 bytes>' at 'image.bytes' failed to satisfy constraint: Member must have length less than or equal "
                + "to 5242880",
            message);
    }

    [Fact]
    public void A_tag_key_of_AWS_is_refused()
    {
        Assert.Contains(
            "(?!aws:)", MessageOf(new CreateProjectRequest { ProjectName = "a", Tags = new Dictionary<string, string> { ["aws:x"] = "y" } }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_id_is_held_against_its_pattern_though_that_counts_to_2048()
    {
        var request = new CreateProjectVersionRequest
        {
            ProjectArn = "arn:aws:rekognition:us-east-1:123456789012:project/a/1",
            VersionName = "v",
            OutputConfig = new() { S3Bucket = "bucket" },
        };
        Validation.Check(request with { KmsKeyId = "arn:aws:kms:us-east-1:123456789012:key/" + new string('a', 2000) });
        Assert.Contains(
            "at 'kmsKeyId' failed to satisfy constraint: Member must satisfy regular expression pattern",
            MessageOf(request with { KmsKeyId = new string('a', 2000) + "!" }), StringComparison.Ordinal);
    }

    private static string MessageOf(object request)
    {
        var failure = Assert.Throws<FrameworkException>(() => Validation.Check(request));
        Assert.Equal("ValidationException", failure.Type);
        return failure.Message;
    }
}
