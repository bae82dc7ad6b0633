using System.Globalization;
using System.Text;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Tests.Wire.SigV2;
using Ocellus.Wire;
using Ocellus.Wire.SigV4;
using Xunit;

namespace Ocellus.Tests.Wire.SigV4;

/// <summary>Values are those AWS publishes: the SigV4 test suite and the S3 signing examples.</summary>
public sealed class SignatureTests
{
    private const string EmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string SuiteDate = "20150830T123600Z";
    private const string VanillaSignature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    private const string S3Scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";
    private const string PresignedQuery =
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

    [Theory]
    [InlineData("/", "", VanillaSignature)]
    [InlineData("/", "Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")]
    [InlineData("/\u1234", "", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85")]
    [InlineData("/", "\u1234=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04")]
    [InlineData("/example/..", "", VanillaSignature)]
    [InlineData("//", "", VanillaSignature)]
    public void Get_requests_of_the_suite_verify(string path, string query, string signature) =>
        Assert.Equal(signature, Suite(path: path, query: query, signature: signature).Signature);

    [Fact]
    public void A_posted_form_of_the_suite_verifies()
    {
        const string signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
        var request = new SignedRequest("POST", "/", "",
        [
            new("Content-Type", "application/x-www-form-urlencoded"),
            new("Host", "example.amazonaws.com"),
            new("X-Amz-Date", SuiteDate),
            new(
                "Authorization",
                $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, "
                    + $"Signature={signature}"),
        ]);
        var hash = Canonical.Hash("Param1=value1");
        Assert.Equal(hash, Verifier(SuiteDate).Verify(request, "service", hash).PayloadHash);
    }

    [Fact]
    public void The_ranged_get_of_the_s3_examples_verifies()
    {
        var verified = Verifier("20130524T000000Z").Verify(S3(
            "GET", "/test.txt", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            new("host", "examplebucket.s3.amazonaws.com"), new("range", "bytes=0-9"),
            new("x-amz-content-sha256", EmptyHash), new("x-amz-date", "20130524T000000Z")), "s3", null);
        Assert.Equal("20130524/us-east-1/s3/aws4_request", verified.Scope);
        Assert.Equal("us-east-1", verified.Region);
    }

    [Theory]
    [InlineData("/test$file.text")]
    [InlineData("/test%24file.text")]
    public void The_put_of_the_s3_examples_verifies_however_its_path_is_encoded(string path)
    {
        const string hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        var verified = Verifier("20130524T000000Z").Verify(S3(
            "PUT", path, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            new("date", "Fri, 24 May 2013 00:00:00 GMT"), new("host", "examplebucket.s3.amazonaws.com"),
            new("x-amz-content-sha256", hash), new("x-amz-date", "20130524T000000Z"),
            new("x-amz-storage-class", "REDUCED_REDUNDANCY")), "s3", null);
        Assert.Equal(hash, verified.PayloadHash);
    }

    [Fact]
    public void The_presigned_example_verifies_until_it_expires()
    {
        var request = Presigned(PresignedQuery);
        Assert.Equal("UNSIGNED-PAYLOAD", Verifier("20130525T000000Z").Verify(request, "s3", null).PayloadHash);
        Refused(SignatureProblem.Expired, () => Verifier("20130525T000001Z").Verify(request, "s3", null));
        Refused(SignatureProblem.Skewed, () => Verifier("20130523T235459Z").Verify(request, "s3", null));
    }

    [Theory]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=604801", SignatureProblem.QueryIncomplete)]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=0", SignatureProblem.QueryIncomplete)]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=-1", SignatureProblem.QueryIncomplete)]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=day", SignatureProblem.QueryIncomplete)]
    [InlineData("&X-Amz-Expires=86400", "", SignatureProblem.QueryIncomplete)]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=1", SignatureProblem.Mismatch)]
    [InlineData("X-Amz-Signature=", "X-Amz-Security-Token=abc&X-Amz-Signature=", SignatureProblem.UnknownToken)]
    [InlineData("X-Amz-Expires=86400", "X-Amz-Expires=604800", SignatureProblem.Mismatch)]
    [InlineData("&X-Amz-SignedHeaders=host", "", SignatureProblem.QueryIncomplete)]
    [InlineData("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=range", SignatureProblem.QueryIncomplete)]
    public void An_altered_link_is_refused(string part, string replacement, object problem) =>
        Refused((SignatureProblem)problem, () => Verifier("20130524T000000Z").Verify(
            Presigned(PresignedQuery.Replace(part, replacement, StringComparison.Ordinal)), "s3", null));

    [Fact]
    public void A_request_without_a_signature_is_refused()
    {
        var request = new SignedRequest("GET", "/", "", [new("host", "example.amazonaws.com")]);
        Refused(SignatureProblem.MissingToken, () => Verifier(SuiteDate).Verify(request, "service", EmptyHash));
    }

    [Theory]
    [InlineData("20150830T124100Z", true)]
    [InlineData("20150830T124101Z", false)]
    [InlineData("20150830T123100Z", true)]
    [InlineData("20150830T123059Z", false)]
    public void The_clock_may_differ_by_five_minutes(string now, bool accepted)
    {
        if (accepted)
        {
            Assert.Equal(SuiteDate, Suite(now: now).AmzDate);
        }
        else
        {
            Assert.Contains(now, Refused(SignatureProblem.Skewed, () => Suite(now: now)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Each_fault_of_a_header_signature_has_its_own_problem()
    {
        Refused(SignatureProblem.Mismatch, () => Suite(signature: "0" + VanillaSignature[1..]));
        Refused(SignatureProblem.Mismatch, () => Suite(query: "a=b"));
        Refused(SignatureProblem.Mismatch, () => Suite(bodyHash: Canonical.Hash("other")));
        Refused(SignatureProblem.UnknownKey, () => Suite(credential: "AKIDOTHER/20150830/us-east-1/service/aws4_request"));
        Refused(SignatureProblem.WrongScope, () => Suite(credential: "AKIDEXAMPLE/20150830/us-east-1/other/aws4_request"));
        Refused(SignatureProblem.WrongScope, () => Suite(credential: "AKIDEXAMPLE/20150829/us-east-1/service/aws4_request"));
        Refused(SignatureProblem.Incomplete, () => Suite(credential: "AKIDEXAMPLE/20150830/us-east-1"));
        Refused(SignatureProblem.Incomplete, () => Suite(signedHeaders: "x-amz-date"));
        Refused(SignatureProblem.Incomplete, () => Suite(signedHeaders: "host"));
        Refused(SignatureProblem.Incomplete, () => Suite(signedHeaders: "host;x-absent;x-amz-date"));
        Refused(SignatureProblem.Incomplete, () => Suite(signature: ""));
        Refused(SignatureProblem.BodyMismatch, () => Suite(declared: Canonical.Hash("other")));
    }

    [Fact]
    public void Both_directions_of_a_wrong_clock_tell_the_servers_time()
    {
        Assert.Contains(
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.). The server's time is 20150830T124101Z",
            Refused(SignatureProblem.Skewed, () => Suite(now: "20150830T124101Z")), StringComparison.Ordinal);
        Assert.Contains(
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T123059Z + 5 min.). The server's time is "
                + "20150830T123059Z",
            Refused(SignatureProblem.Skewed, () => Suite(now: "20150830T123059Z")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s3", "x-amz-acl", true)]
    [InlineData("s3", "X-Amz-Meta-Colour", true)]
    [InlineData("s3", "range", false)]
    [InlineData("service", "X-Amz-Target", true)]
    [InlineData("service", "x-amz-user-agent", false)]
    public void A_header_that_changes_the_meaning_must_be_signed(string service, string header, bool refused)
    {
        var request = new SignedRequest("GET", "/", "",
        [
            new("Host", "example.amazonaws.com"),
            new("X-Amz-Date", SuiteDate),
            new(header, "x"),
            new(
                "Authorization",
                $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, "
                    + $"Signature={VanillaSignature}"),
        ]);
        var message = Refused(
            refused ? SignatureProblem.NotSigned : service == "s3" ? SignatureProblem.Mismatch : null,
            () => Verifier(SuiteDate).Verify(request, service, EmptyHash));
        if (refused)
        {
            Assert.Contains($"'{header.ToLowerInvariant()}'", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_payload_hash_that_is_none_is_refused() =>
        Assert.Contains("received 'none'", Refused(SignatureProblem.PayloadForm, () => Verifier("20130524T000000Z").Verify(S3(
            "GET", "/test.txt", new string('0', 64), new("host", "examplebucket.s3.amazonaws.com"),
            new("x-amz-content-sha256", "none"), new("x-amz-date", "20130524T000000Z")), "s3", null)), StringComparison.Ordinal);

    [Fact]
    public async Task The_chunked_upload_example_decodes()
    {
        using var body = Chunked(
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
            "\r\n");
        Assert.Equal(66824, body.Length);
        await using var stream = new AwsChunkedStream(body, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ChunkedSeed());
        Assert.Equal(new string('a', 66560), await ReadAsync(stream));
        Assert.Empty(stream.Trailers);
    }

    [Theory]
    [InlineData("x-amz-checksum-crc32c:sOO8/Q==", true)]
    [InlineData("x-amz-checksum-crc32c:sOO8/R==", false)]
    public async Task The_signed_trailer_example_decodes_and_an_altered_one_does_not(string trailer, bool accepted)
    {
        using var body = Chunked(
            "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
            "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
            "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
            trailer + "\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
        var seed = ChunkedSeed() with { Signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e" };
        await using var stream = new AwsChunkedStream(body, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", seed);
        if (accepted)
        {
            Assert.Equal(66560, (await ReadAsync(stream)).Length);
            Assert.Equal("sOO8/Q==", stream.Trailers["x-amz-checksum-crc32c"]);
        }
        else
        {
            await Assert.ThrowsAsync<SignatureException>(() => ReadAsync(stream));
        }
    }

    [Fact]
    public async Task A_wrong_chunk_signature_yields_no_byte_even_when_read_again()
    {
        using var body = Chunked(new string('0', 64), new string('0', 64), new string('0', 64), "\r\n");
        await using var stream = new AwsChunkedStream(body, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ChunkedSeed());
        await Assert.ThrowsAsync<SignatureException>(() => ReadAsync(stream));
        await Assert.ThrowsAsync<SignatureException>(() => ReadAsync(stream));
    }

    [Fact]
    public async Task An_unsigned_body_decodes_with_its_trailers()
    {
        using var body = Bytes("3\r\nabc\r\n4\r\ndefg\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
        await using var stream = new AwsChunkedStream(body, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ChunkedSeed());
        Assert.Equal("abcdefg", await ReadAsync(stream));
        Assert.Equal("AAAAAA==", stream.Trailers["x-amz-checksum-crc32"]);
    }

    [Theory]
    [InlineData("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "3\r\nab")]
    [InlineData("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "3\r\nabc\r\n")]
    [InlineData("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "2\r\nabc\r\n0\r\n\r\n")]
    [InlineData("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "zz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "1000001;chunk-signature=00\r\n")]
    public async Task Broken_framing_is_invalid_data(string mode, string text)
    {
        using var body = Bytes(text);
        await using var stream = new AwsChunkedStream(body, mode, ChunkedSeed());
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(stream));
    }

    private static VerifiedSignature ChunkedSeed() => Verifier("20130524T000000Z").Verify(S3(
        "PUT", "/examplebucket/chunkObject.txt", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        new("content-encoding", "aws-chunked"), new("content-length", "66824"), new("host", "s3.amazonaws.com"),
        new("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), new("x-amz-date", "20130524T000000Z"),
        new("x-amz-decoded-content-length", "66560"), new("x-amz-storage-class", "REDUCED_REDUNDANCY")), "s3", null);

    private static MemoryStream Chunked(string first, string second, string last, string end) => Bytes(
        $"10000;chunk-signature={first}\r\n{new string('a', 65536)}\r\n400;chunk-signature={second}\r\n{new string('a', 1024)}\r\n0;chunk-signature={last}\r\n{end}");

    private static MemoryStream Bytes(string text) => new(Encoding.ASCII.GetBytes(text));

    private static async Task<string> ReadAsync(AwsChunkedStream stream)
    {
        using var target = new MemoryStream();
        await stream.CopyToAsync(target, TestContext.Current.CancellationToken);
        return Encoding.ASCII.GetString(target.ToArray());
    }

    private static string Refused(SignatureProblem? problem, Func<VerifiedSignature> verify)
    {
        if (problem is null)
        {
            verify();
            return "";
        }

        var refusal = Assert.Throws<SignatureException>(() => { verify(); });
        Assert.Equal(problem, refusal.Problem);
        return refusal.Message;
    }

    private static SignedRequest Presigned(string query) =>
        new("GET", "/test.txt", query, [new("Host", "examplebucket.s3.amazonaws.com")]);

    private static SignedRequest S3(string method, string path, string signature, params KeyValuePair<string, string>[] headers) =>
        new(method, path, "",
        [
            .. headers,
            new(
                "Authorization",
                $"AWS4-HMAC-SHA256 Credential={S3Scope},SignedHeaders={string.Join(';', headers.Select(header => header.Key))},Signature={signature}"),
        ]);

    private static VerifiedSignature Suite(
        string path = "/",
        string query = "",
        string signature = VanillaSignature,
        string credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request",
        string signedHeaders = "host;x-amz-date",
        string now = SuiteDate,
        string bodyHash = EmptyHash,
        string? declared = null)
    {
        var headers = new List<KeyValuePair<string, string>>
        {
            new("Host", "example.amazonaws.com"),
            new("X-Amz-Date", SuiteDate),
            new("Authorization", $"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signedHeaders}, Signature={signature}"),
        };
        if (declared is not null)
        {
            headers.Add(new("X-Amz-Content-Sha256", declared));
        }

        return Verifier(now).Verify(new SignedRequest("GET", path, query, headers), "service", bodyHash);
    }

    private static SignatureVerifier Verifier(string now) => new(new PublishedKeys(), Regions.OfAws, new FixedClock(now));

    private sealed class PublishedKeys : IKeySource
    {
        public AccessKey? Find(string accessKeyId) => accessKeyId switch
        {
            "AKIDEXAMPLE" => new(accessKeyId, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "123456789012", "suite"),
            "AKIAIOSFODNN7EXAMPLE" => new(accessKeyId, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "123456789012", "s3"),
            _ => null,
        };
    }

    private sealed class FixedClock(string now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.ParseExact(
            now, "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
    }
}
