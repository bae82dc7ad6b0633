using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Wire.SigV4;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus.Tests.Wire.SigV2;

/// <summary>Values are those AWS publishes: the examples of signature version 2 in the documents of S3, of their present and earlier editions.</summary>
public sealed class VersionTwoVerifierTests
{
    private const string Policy =
        "eyAiZXhwaXJhdGlvbiI6ICIyMDA3LTEyLTAxVDEyOjAwOjAwLjAwMFoiLAogICJjb25kaXRpb25zIjogWwogICAgeyJidWNrZXQiOiAiam9obnNtaXRoIn0sCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci9lcmljLyJdLAogICAgeyJhY2wiOiAicHVibGljLXJlYWQifSwKICAgIHsic3Vj"
        + "Y2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL2pvaG5zbWl0aC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwKICAgIFsic3RhcnRzLXdpdGgiLCAiJENvbnRlbnQtVHlwZSIsICJpbWFnZS8iXSwKICAgIHsieC1hbXotbWV0YS11dWlkIjogIjE0MzY1MTIz"
        + "NjUxMjc0In0sCiAgICBbInN0YXJ0cy13aXRoIiwgIiR4LWFtei1tZXRhLXRhZyIsICIiXQogIF0KfQo=";

    /// <remarks>Source: RESTAuthentication, Query string request authentication.</remarks>
    [Theory]
    [InlineData("/photos/puppy.jpg", "johnsmith")]
    [InlineData("/johnsmith/photos/puppy.jpg", "")]
    public void The_query_string_example_verifies_until_it_expires(string path, string bucketInHost)
    {
        var request = new SignedRequest(
            "GET", path, "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
            [new("Host", "johnsmith.s3.amazonaws.com")]);
        var verified = Verifier(1175139620).Verify(request, new(bucketInHost, "eu-west-1"));
        Assert.Equal(("AKIAIOSFODNN7EXAMPLE", "eu-west-1", "UNSIGNED-PAYLOAD"), (verified.Key.AccessKeyId, verified.Region, verified.PayloadHash));
        Refused(SignatureProblem.Expired, () => Verifier(1175139621).Verify(request, new(bucketInHost, "")));
        Refused(SignatureProblem.Mismatch, () => Verifier(1175139620).Verify(request with { Method = "DELETE" }, new(bucketInHost, "")));
        Refused(SignatureProblem.Mismatch, () => Verifier(1175139620).Verify(request, new("other", "")));
    }

    /// <remarks>Source: HTTPPOSTExamples, File upload.</remarks>
    [Fact]
    public void The_form_example_verifies()
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["AWSAccessKeyId"] = "15B4D3461F177624206A",
            ["Policy"] = Policy,
            ["Signature"] = "0RavWzkygo6QX9caELEqKi9kDbU=",
        };
        Assert.Equal("forms", Verifier(0).VerifyPolicy(fields).UserName);
        fields["Policy"] = Policy.Replace("eyAi", "eyAj", StringComparison.Ordinal);
        Refused(SignatureProblem.Mismatch, () => Verifier(0).VerifyPolicy(fields));
        fields["x-amz-signature"] = "0";
        Refused(SignatureProblem.TwoSignatures, () => Verifier(0).VerifyPolicy(fields));
    }

    [Theory]
    [InlineData("Expires=1175139620", "Expires=day", SignatureProblem.QueryIncomplete)]
    [InlineData("Expires=1175139620", "Expires=-1", SignatureProblem.QueryIncomplete)]
    [InlineData("Expires=1175139620", "Expires=99999999999999", SignatureProblem.QueryIncomplete)]
    [InlineData("Expires=1175139620", "Expires=1175744721", SignatureProblem.QueryIncomplete)]
    [InlineData("Expires=1175139620", "Expires=1175139621", SignatureProblem.Mismatch)]
    [InlineData("&Expires=1175139620", "", SignatureProblem.MissingToken)]
    [InlineData("Signature=", "Signatur=", SignatureProblem.MissingToken)]
    [InlineData("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE", "AWSAccessKeyId=AKIDOTHER", SignatureProblem.UnknownKey)]
    [InlineData("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE", "AWSAccessKeyId=", SignatureProblem.MissingToken)]
    [InlineData("Expires=", "x-amz-security-token=t&Expires=", SignatureProblem.UnknownToken)]
    [InlineData("Expires=", "X-Amz-Algorithm=AWS4-HMAC-SHA256&Expires=", SignatureProblem.TwoSignatures)]
    [InlineData("Expires=", "prefix=a&Expires=", SignatureProblem.NotSigned)]
    [InlineData("Expires=", "attributes&Expires=", SignatureProblem.NotSigned)]
    [InlineData("Expires=", "Tagging&Expires=", SignatureProblem.NotSigned)]
    [InlineData("Expires=", "tagging&response-expires=1&Expires=", SignatureProblem.NotSigned)]
    [InlineData("Expires=", "versionId=a%0Ab&Expires=", SignatureProblem.QueryIncomplete)]
    [InlineData("Expires=", "tagging&Expires=", SignatureProblem.Mismatch)]
    [InlineData("Expires=", "response-content-type=text/html&Expires=", SignatureProblem.Mismatch)]
    [InlineData("Expires=", "x-amz-acl=private&Expires=", SignatureProblem.Mismatch)]
    [InlineData("Expires=", "content-type=a&Expires=", SignatureProblem.Mismatch)]
    [InlineData("Expires=", "list-type=2&x-id=GetObject&Expires=", null)]
    public void An_altered_link_is_refused(string part, string replacement, object? problem)
    {
        var query = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620".Replace(
            part, replacement, StringComparison.Ordinal);
        var request = new SignedRequest("GET", "/johnsmith/photos/puppy.jpg", query, []);
        if (problem is null)
        {
            Assert.Equal("s3", Verifier(1175139620).Verify(request, new("", "")).Key.UserName);
        }
        else
        {
            Refused((SignatureProblem)problem, () => Verifier(1175139620).Verify(request, new("", "")));
        }
    }

    [Fact]
    public void A_week_is_the_maximum_and_clocks_may_differ()
    {
        var request = new SignedRequest(
            "GET", "/johnsmith/photos/puppy.jpg", "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620", []);
        const long Week = 604800 + 300;
        Assert.Equal("s3", Verifier(1175139620 - Week).Verify(request, new("", "")).Key.UserName);
        Refused(SignatureProblem.QueryIncomplete, () => Verifier(1175139620 - Week - 1).Verify(request, new("", "")));
    }

    private static void Refused(SignatureProblem problem, Func<object> verify) =>
        Assert.Equal(problem, Assert.Throws<SignatureException>(() => { verify(); }).Problem);

    private static VersionTwoVerifier Verifier(long now) => new(new PublishedKeys(), new FixedClock(now));

    private sealed class PublishedKeys : IKeySource
    {
        public AccessKey? Find(string accessKeyId) => accessKeyId switch
        {
            "AKIAIOSFODNN7EXAMPLE" => new(accessKeyId, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "123456789012", "s3"),
            // The documents kept the signature of their form example when they changed the key.
            "15B4D3461F177624206A" => new(accessKeyId, "uV3F3YluFJax1cknvbcGwgjvx4QpvB+leU8dUj2o", "123456789012", "forms"),
            _ => null,
        };
    }

    private sealed class FixedClock(long now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(now);
    }
}
