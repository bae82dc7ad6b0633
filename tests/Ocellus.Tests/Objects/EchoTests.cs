using System.Net;
using System.Text;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>What a sender says and an answer repeats: in headers, in documents, in errors. Nothing may be stored that no answer can carry.</summary>
public sealed class EchoTests : BucketTests
{
    /// <summary>Texts that some place of an answer cannot hold as they are.</summary>
    private static readonly string[] s_odd =
    [
        "ö", "\u0080", "\u007f", "a\u0001b", "a\u0008b", "a\u001b[31mb", "a\tb", "a\nb", "a\r\nX-Forged: yes", "\0", "\u2028", "\u202egnp.exe", "\ufffe",
            "\uffff", "\U0001F600", "\u212a", "=?UTF-8?Q?x?=", " a ", "\"", "<&>", "a\\b", "", "a:b;c,d", new string('ö', 300),
    ];

    /// <summary>Names of metadata that no header can have.</summary>
    private static readonly string[] s_badNames = ["ö", "a b", "a:b", "a\u0001", "a(b)", "\u212a", "a/b", "a\tb"];

    public static TheoryData<string> Names => [.. s_badNames];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_metadata_name_that_no_header_can_have_is_refused_wherever_it_is_said(string name)
    {
        var header = "x-amz-meta-" + name;
        using var form = await Server.PostAsync(("key", "k"), (header, "v"));
        await AssertErrorAsync(form, 400, "InvalidArgument", "x-amz-meta-");
        using var link = await Server.Client.PutAsync(Server.Link(HttpMethod.Put, "/bucket/k", (header, "v")), new ByteArrayContent([]), Cancel);
        await AssertErrorAsync(link, 400, "AuthorizationQueryParametersError", "x-amz-meta-");
        using var begun = await Server.Client.PostAsync(Server.Link(HttpMethod.Post, "/bucket/k?uploads=", (header, "v")), null, Cancel);
        await AssertErrorAsync(begun, 400, "AuthorizationQueryParametersError", "x-amz-meta-");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "", null, 404, "NoSuchKey", "'k'");
    }

    [Fact]
    public async Task Metadata_comes_back_from_forms_links_uploads_in_parts_and_copies()
    {
        for (var i = 0; i < s_odd.Length; i++)
        {
            var value = s_odd[i];
            // A header's value has no space around it.
            var wanted = value.Trim(' ', '\t');
            using var form = await Server.PostAsync(("key", $"form{i}"), ("x-amz-meta-a", value), ("Content-Disposition", value), ("Content-Type", value));
            Assert.Equal((i, HttpStatusCode.NoContent), (i, form.StatusCode));
            await AssertHeadersAsync($"form{i}", wanted);
            using var link = await Server.Client.PutAsync(Server.Link(HttpMethod.Put, $"/bucket/link{i}", ("x-amz-meta-a", value)), new ByteArrayContent([]),
                Cancel);
            // A parameter that stands for a header holds no control character: version 2 of the signature would not tell where it ends.
            var kept = !value.Any(char.IsControl);
            Assert.Equal((i, kept ? HttpStatusCode.OK : HttpStatusCode.BadRequest), (i, link.StatusCode));
            if (kept)
            {
                await AssertHeadersAsync($"link{i}", wanted, onlyMetadata: true);
            }

            Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/copy", "", null, ("x-amz-copy-source", $"bucket/form{i}")));
            await AssertHeadersAsync("copy", wanted);
        }
    }

    [Fact]
    public async Task An_object_of_an_earlier_version_with_a_name_that_no_header_can_have_is_served_without_it()
    {
        await Server.SendS3Async(HttpMethod.Put, "/bucket/k", headers: [("x-amz-meta-good", "v"), ("Cache-Control", "no-cache")], body: "x"u8.ToArray());
        await Server.RestartAsync(() =>
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Server.DataPath, "objects", "bucket"), "*.json", SearchOption.AllDirectories))
            {
                File.WriteAllText(file, File.ReadAllText(file)
                    .Replace("\"good\":\"v\"", "\"good\":\"v\",\"b\\u00f6se\":\"v\",\"b c\":\"w\"", StringComparison.Ordinal)
                    .Replace("no-cache", "a\\u0001\\u00f6", StringComparison.Ordinal));
            }
        });
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket/k");
        Assert.Equal((HttpStatusCode.OK, "v", "2"),
            (read.StatusCode, read.Headers.GetValues("x-amz-meta-good").Single(), read.Headers.GetValues("x-amz-missing-meta").Single()));
        Assert.Equal("x", await read.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task Odd_texts_are_no_fault_of_the_server_wherever_they_are_said()
    {
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
        await Server.StatusAsync(HttpMethod.Put, "/bucket", "cors=",
            "<CORSConfiguration><CORSRule><AllowedOrigin>https://*</AllowedOrigin><AllowedOrigin>null</AllowedOrigin>"
            + "<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>");
        string[] responses = ["response-content-type", "response-content-disposition", "response-cache-control", "response-expires",
            "response-content-language", "response-content-encoding"];
        string[] parameters = ["prefix", "delimiter", "marker", "start-after", "continuation-token", "encoding-type", "max-keys", "versionId", "partNumber",
            "uploadId", "key-marker", "upload-id-marker", "tagging", "max-buckets"];
        string[] fields = ["success_action_redirect", "redirect", "success_action_status", "tagging", "acl", "Expires", "x-amz-checksum-crc32",
            "x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption"];
        string[] headers = ["Range", "If-Match", "If-Modified-Since", "Content-MD5", "x-amz-tagging", "x-amz-copy-source", "x-amz-object-attributes",
            "x-amz-expected-bucket-owner", "x-amz-storage-class", "x-amz-checksum-algorithm", "Content-Encoding", "Content-Language"];
        var wrong = new List<string>();
        foreach (var text in s_odd)
        {
            var encoded = Uri.EscapeDataString(text);
            foreach (var name in responses)
            {
                await TryAsync($"{name}={encoded}", () => Server.SendS3Async(HttpMethod.Get, "/bucket/k", $"{name}={encoded}"));
            }

            foreach (var name in parameters)
            {
                await TryAsync($"{name}={encoded}", () => Server.SendS3Async(HttpMethod.Get, "/bucket", $"{name}={encoded}"));
                await TryAsync($"k {name}={encoded}", () => Server.SendS3Async(HttpMethod.Get, "/bucket/k", $"{name}={encoded}"));
                await TryAsync($"root {name}={encoded}", () => Server.SendS3Async(HttpMethod.Get, "/", $"{name}={encoded}"));
            }

            foreach (var name in fields)
            {
                await TryAsync($"field {name}", () => Server.PostAsync(("key", "posted"), (name, text)));
                await TryAsync($"field {name} with a place", () => Server.PostAsync(("key", "posted"), (name, $"http://{text}/done?{text}")));
            }

            await TryAsync("key", () => Server.PostAsync(("key", "a" + text), ("success_action_status", "201")));
            await TryAsync("path", () => Server.SendS3Async(HttpMethod.Put, "/bucket/" + Signer.Path("x" + text)));
            await TryAsync("missing", () => Server.SendS3Async(HttpMethod.Get, "/bucket/" + Signer.Path("missing" + text)));
            await TryAsync("long", () => Server.SendS3Async(HttpMethod.Get, "/bucket/" + Signer.Path(new string('a', 199) + text + new string('b', 100))));
            await TryAsync("bucket", () => Server.SendS3Async(HttpMethod.Put, "/" + Signer.Path("x" + text)));
            if (text.AsSpan().IndexOfAny("\0\r\n") < 0)
            {
                foreach (var name in headers)
                {
                    await TryAsync($"header {name}: {encoded}", () => Server.SendS3Async(HttpMethod.Put, "/bucket/put", headers: [(name, text)]));
                    await TryAsync($"get {name}: {encoded}", () => Server.SendS3Async(HttpMethod.Get, "/bucket/k", headers: [(name, text)]));
                }

                foreach (var origin in new[] { text, "https://" + text })
                {
                    await TryAsync($"origin {encoded}", () =>
                        Server.Client.SendAsync(Server.S3Request(HttpMethod.Get, "/bucket/k", headers: [("Origin", origin)]), Cancel));
                    await TryAsync($"preflight {encoded}", () => PreflightAsync("https://page", text, text));
                    await TryAsync($"preflight of {encoded}", () => PreflightAsync(origin, "PUT", text));
                }
            }
        }

        Assert.Empty(wrong);

        async Task TryAsync(string what, Func<Task<HttpResponseMessage>> send)
        {
            using var answer = await send();
            var body = await answer.Content.ReadAsStringAsync(Cancel);
            if (RequestMutations.IsFault((int)answer.StatusCode) || answer.Headers.Contains("X-Forged") || !IsReadable(answer, body))
            {
                wrong.Add($"{what}: {(int)answer.StatusCode} {body}");
            }
        }
    }

    [Fact]
    public async Task Rules_that_no_header_can_carry_are_refused_and_a_page_that_no_header_can_name_is_allowed_nothing()
    {
        static string Rule(string origin, string header, string exposed) =>
            new XElement("CORSConfiguration",
            new XElement("CORSRule", new XElement("AllowedOrigin", origin), new XElement("AllowedMethod", "GET"), new XElement("AllowedHeader", header),
            new XElement("ExposeHeader", exposed))).ToString();
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "cors=", Rule("https://ö", "*", "ETag"), 400, "InvalidRequest", "AllowedOrigin");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "cors=", Rule("https://a b", "*", "ETag"), 400, "InvalidRequest", "AllowedOrigin");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "cors=", Rule("*", "x ö*", "ETag"), 400, "InvalidRequest", "AllowedHeader");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "cors=", Rule("*", "*", "ETag, ö"), 400, "InvalidRequest", "ExposeHeader");
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket", "cors=", Rule("https://*", "*", "ETag")));
        using var asked = await PreflightAsync("https://ö", "GET", "x-a");
        await AssertErrorAsync(asked, 403, "AccessForbidden", "not allowed");
        using var named = await PreflightAsync("https://a", "GET", "x-ö");
        await AssertErrorAsync(named, 403, "AccessForbidden", "not allowed");
        using var many = await PreflightAsync("https://a", "GET", string.Join(',', Enumerable.Range(0, 5000).Select(i => $"x{i}")));
        await AssertErrorAsync(many, 403, "AccessForbidden", "not allowed");
        using var read = await Server.SendS3Async(HttpMethod.Get, "/bucket", headers: [("Origin", "https://ö")]);
        Assert.Equal((HttpStatusCode.OK, false), (read.StatusCode, read.Headers.Contains("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task A_key_that_XML_cannot_carry_is_told_so_that_every_reader_reads_it_and_by_an_encoded_list_exactly()
    {
        string[] keys = ["\u001b[31m", "a\u0008", "\uffff"];
        foreach (var key in keys)
        {
            var path = "/bucket/" + Signer.Path(key);
            await Server.RefusedAsync(HttpMethod.Get, path, "", null, 404, "NoSuchKey", "\\u");
            Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, path, "", key));
            Assert.Equal(Readable(key), (await Server.OkAsync(HttpMethod.Post, path, "uploads=")).Element(Ns + "Key")!.Value);
        }

        foreach (var list in new[] { "", "list-type=2", "versions=", "uploads=" })
        {
            Assert.Equal(keys.Select(Readable), Keys(await Server.OkAsync(HttpMethod.Get, "/bucket", list)));
            Assert.Equal(keys, Keys(await Server.OkAsync(HttpMethod.Get, "/bucket", list + "&encoding-type=url")).Select(Uri.UnescapeDataString));
        }

        await Server.RefusedAsync(HttpMethod.Post, "/bucket", "delete=", "<Delete><Object><Key>a\u0008</Key></Object></Delete>", 400, "MalformedXML", "0x08");
        var deleted = await Server.OkAsync(HttpMethod.Post, "/bucket", "delete=",
            "<Delete><Object><Key>a&#x8;</Key></Object><Object><Key>&#x1b;[31m</Key></Object><Object><Key>&#xFFFF;</Key></Object></Delete>");
        Assert.Equal(["a\\u0008", "\\u001B[31m", "\\uFFFF"], deleted.Elements(Ns + "Deleted").Select(d => d.Element(Ns + "Key")!.Value));
        Assert.Empty((await Server.OkAsync(HttpMethod.Get, "/bucket")).Elements(Ns + "Contents"));
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/line%0D%0Aend%09", "", "x"));
        Assert.Equal("line\r\nend\t", (await Server.OkAsync(HttpMethod.Get, "/bucket")).Element(Ns + "Contents")!.Element(Ns + "Key")!.Value);

        static string Readable(string key) => Ocellus.Encodings.Readable.Plain(key);

        static IEnumerable<string> Keys(XElement list) => list.Elements().Select(e => (string?)e.Element(Ns + "Key")).OfType<string>();
    }

    [Fact]
    public async Task An_error_that_repeats_a_long_text_does_not_cut_a_character_in_two()
    {
        var key = new string('a', 199) + "\U0001F600" + new string('b', 100);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/" + Signer.Path(key), "", null, 404, "NoSuchKey", "…");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "encoding-type=" + Uri.EscapeDataString(key), null, 400, "InvalidArgument", "…");
    }

    private static bool IsReadable(HttpResponseMessage answer, string body)
    {
        if (body.Length == 0 || answer.Content.Headers.ContentType?.MediaType != "application/xml")
        {
            return true;
        }

        try
        {
            XElement.Parse(body);
            return true;
        }
        catch (System.Xml.XmlException)
        {
            return false;
        }
    }

    private async Task AssertHeadersAsync(string key, string wanted, bool onlyMetadata = false)
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
        {
            using var read = await Server.SendS3Async(method, "/bucket/" + key);
            Assert.Equal(HttpStatusCode.OK, read.StatusCode);
            Assert.Equal(wanted, Decoded(read.Headers.NonValidated["x-amz-meta-a"].ToString()));
            if (!onlyMetadata && wanted.Length > 0)
            {
                Assert.Equal((wanted, wanted),
                    (Decoded(read.Content.Headers.NonValidated["Content-Disposition"].ToString()),
                    Decoded(read.Content.Headers.NonValidated["Content-Type"].ToString())));
            }
        }
    }

    /// <summary>As RFC 2047 has it; the one text that looks so by itself stays what it is.</summary>
    private static string Decoded(string value) =>
        !s_odd.Contains(value) && value.StartsWith("=?UTF-8?B?", StringComparison.Ordinal) && value.EndsWith("?=", StringComparison.Ordinal)
            ? Encoding.UTF8.GetString(Convert.FromBase64String(value[10..^2])) : value;

    private Task<HttpResponseMessage> PreflightAsync(string origin, string method, string headers) =>
        Server.Client.SendAsync(Server.S3Request(HttpMethod.Options, "/bucket/k",
            headers: [("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers)]), Cancel);
}
