using System.Diagnostics;
using System.Text;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>Documents made to cost the server more than they cost their sender, and who may have one read at all.</summary>
public sealed class HostileXmlTests : BucketTests
{
    private const string AllowAll = """{"Effect":"Allow","Action":"s3:*","Resource":"*"}""";

    private const string DenyAll = """{"Effect":"Deny","Action":"*","Resource":"*"}""";

    /// <summary>Far above what a refusal takes, far below what one of these cost before they were bounded.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public static TheoryData<string> Documents =>
        ["deep", "deep in a key", "wide", "many attributes", "many namespaces", "a DTD", "entities that grow", "an outside entity", "half a character",
        "cp1252", "a cut document"];

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task A_hostile_document_is_refused_at_once_and_the_server_goes_on(string kind)
    {
        foreach (var (method, path, query) in new[] { (HttpMethod.Post, "/bucket", "delete="), (HttpMethod.Put, "/bucket", "cors="),
            (HttpMethod.Put, "/bucket", "tagging="), (HttpMethod.Put, "/other-bucket", "") })
        {
            var started = Stopwatch.GetTimestamp();
            using var answer = await Server.SendS3Async(method, path, query, body: Document(kind));
            await AssertErrorAsync(answer, 400, "MalformedXML", "");
            Assert.True(Stopwatch.GetElapsedTime(started) < s_patience, $"{kind} to {path}?{query}");
        }

        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket"));
    }

    [Theory]
    [InlineData("POST", "/bucket?delete=")]
    [InlineData("PUT", "/bucket?cors=")]
    [InlineData("PUT", "/bucket?tagging=")]
    [InlineData("PUT", "/bucket/k?tagging=")]
    [InlineData("POST", "/bucket/k?uploadId=00000000000000000000000000000000")]
    [InlineData("PUT", "/other-bucket")]
    [InlineData("PUT", "/bucket/k")]
    public async Task Who_has_no_right_is_refused_before_the_body_is_read(string method, string target)
    {
        var key = await Server.KeyAsync("nobody", DenyAll);
        Assert.Equal(403, await WithoutBodyAsync(method, target, key));
    }

    [Theory]
    [InlineData("""{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}""", 403)]
    [InlineData("""{"Effect":"Allow","Action":"s3:Delete*","Resource":"arn:aws:s3:::other/*"}""", 403)]
    [InlineData("""{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::bucket"}""", 403)]
    [InlineData(AllowAll + """,{"Effect":"Deny","Action":"s3:DeleteObject*","Resource":"arn:aws:s3:::b*"}""", 403)]
    [InlineData("""{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::buck?t/some/*"}""", 200)]
    [InlineData("""{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::*some/k"}""", 200)]
    [InlineData("""{"Effect":"Allow","Action":"s3:DeleteObjectVersion","Resource":"*"}""", 200)]
    [InlineData("""{"Effect":"Allow","NotAction":"s3:GetObject","NotResource":"arn:aws:s3:::other/*"}""", 200)]
    [InlineData(AllowAll + """,{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::bucket/other/*"}""", 200)]
    [InlineData(AllowAll + """,{"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*","Condition":{"StringEquals":{"aws:username":"another"}}}""", 200)]
    public async Task A_list_of_keys_is_read_for_those_who_may_delete_at_least_one_key_of_the_bucket(string policies, int status)
    {
        var key = await Server.KeyAsync("cleaner", policies.Replace("},{", "}\n{", StringComparison.Ordinal).Split('\n'));
        using var answer = await Server.SendS3Async(key, HttpMethod.Post, "/bucket", "delete=",
            body: "<Delete><Object><Key>some/k</Key></Object></Delete>"u8.ToArray());
        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 403)
        {
            await AssertErrorAsync(answer, 403, "AccessDenied", "s3:DeleteObject on resource: \"arn:aws:s3:::bucket/*\"");
        }
    }

    [Fact]
    public async Task Documents_as_large_as_S3_allows_are_read()
    {
        var keys = string.Concat(Enumerable.Range(0, 1000)
            .Select(i =>
            $"<Object><Key>{i:D1000}</Key><ETag>\"0\"</ETag><Size>1</Size><LastModifiedTime>2020-01-01T00:00:00Z</LastModifiedTime>"
            + "<VersionId>null</VersionId></Object>"));
        var deleted = await Server.OkAsync(HttpMethod.Post, "/bucket", "delete=", $"<Delete>{keys}</Delete>");
        Assert.Equal(1000, deleted.Elements().Count());
        await Server.RefusedAsync(HttpMethod.Post, "/bucket", "delete=", $"<Delete>{keys}<Object><Key>k</Key></Object></Delete>", 400, "MalformedXML", "1001");

        var id = (await Server.OkAsync(HttpMethod.Post, "/bucket/k", "uploads=")).Element(Ns + "UploadId")!.Value;
        var parts = string.Concat(Enumerable.Range(1, 10_000)
            .Select(i =>
            $"<Part><ETag>\"{new string('0', 32)}\"</ETag><ChecksumSHA256>{new string('A', 43)}=</ChecksumSHA256><PartNumber>{i}</PartNumber></Part>"));
        await Server.RefusedAsync(HttpMethod.Post, "/bucket/k", $"uploadId={id}", $"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>", 400,
            "InvalidPart", "part 1 ");
    }

    private static byte[] Document(string kind) => kind switch
    {
        "deep" => Text(Nested("a", 200_000)),
        "deep in a key" => Text($"<Delete><Object><Key>{Nested("a", 200_000)}</Key></Object></Delete>"),
        "wide" => Text($"<Delete>{string.Concat(Enumerable.Repeat("<a/>", 300_000))}</Delete>"),
        "many attributes" => Text($"<Delete {string.Join(' ', Enumerable.Range(0, 100_000).Select(i => $"a{i}=''"))}><Object><Key>k</Key></Object></Delete>"),
        "many namespaces" =>
            Text($"<Delete {string.Join(' ', Enumerable.Range(0, 60_000).Select(i => $"xmlns:a{i}='b'"))}><Object><Key>k</Key></Object></Delete>"),
        "a DTD" => Text("<!DOCTYPE Delete><Delete><Object><Key>k</Key></Object></Delete>"),
        "entities that grow" =>
            Text("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><Delete><Object><Key>&b;</Key></Object></Delete>"),
        "an outside entity" => Text("<!DOCTYPE d [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Delete><Object><Key>&a;</Key></Object></Delete>"),
        "half a character" => Text("<Delete><Object><Key>&#xD800;</Key></Object></Delete>"),
        "cp1252" => [.. "<Delete><Object><Key>"u8, 0xF6, .. "</Key></Object></Delete>"u8],
        _ => Text("<Delete><Object><Key>k</Key>"),
    };

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static string Nested(string name, int levels) =>
        $"{string.Concat(Enumerable.Repeat($"<{name}>", levels))}{string.Concat(Enumerable.Repeat($"</{name}>", levels))}";

    /// <summary>The status of an answer to a request whose announced body never comes.</summary>
    private async Task<int> WithoutBodyAsync(string method, string target, Signer key)
    {
        var request = PlainRequest.S3(method, target, new string('x', 1000));
        var bytes = RequestMutations.Sign(request, Server.BaseAddress, key);
        return await RequestMutations.SendAsync(Server.BaseAddress, bytes[..^request.Body.Length], Cancel);
    }
}
