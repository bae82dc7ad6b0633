using System.Net;
using System.Xml.Linq;
using Ocellus.Objects.Files;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

public sealed class CorsRulesTests : BucketTests
{
    private const string Rules = "<CORSConfiguration><CORSRule><ID>one</ID><AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
        + "<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule>"
        + "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule></CORSConfiguration>";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
    }

    [Theory]
    [InlineData("*", "http://a", true)]
    [InlineData("http://*.a", "http://b.a", true)]
    [InlineData("http://*.a", "http://a", false)]
    [InlineData("http://a*a", "http://a", false)]
    [InlineData("http://a", "http://A", false)]
    public void A_star_stands_for_any_characters(string pattern, string text, bool expected) =>
        Assert.Equal(expected, CorsRule.Matches(pattern, text, StringComparison.Ordinal));

    [Fact]
    public async Task Rules_come_back_survive_a_restart_and_can_be_taken_away()
    {
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket", "cors=", Rules));
        await Server.RestartAsync();
        var rules = await Server.OkAsync(HttpMethod.Get, "/bucket", "cors=");
        Assert.Equal(["one", "https://*.example.com", "PUT", "GET", "x-amz-*", "ETag", "60"], rules.Elements().First().Elements().Select(e => e.Value));
        Assert.Equal(["x"], [await (await Server.SendTextAsync(HttpMethod.Get, "/bucket/k")).Content.ReadAsStringAsync(Cancel)]);
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket", "cors="));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "cors=", null, 404, "NoSuchCORSConfiguration", "");
    }

    [Fact]
    public async Task A_browser_is_told_before_its_request_what_it_may_send()
    {
        using var off = await PreflightAsync("https://a.example.com", "PUT", "");
        await AssertErrorAsync(off, 403, "AccessForbidden", "not enabled");
        await Server.StatusAsync(HttpMethod.Put, "/bucket", "cors=", Rules);
        using var allowed = await PreflightAsync("https://a.example.com", "PUT", "X-Amz-Date, x-amz-content-sha256");
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        Assert.Equal("https://a.example.com", Header(allowed, "Access-Control-Allow-Origin"));
        Assert.Equal("PUT, GET", Header(allowed, "Access-Control-Allow-Methods"));
        Assert.Equal("x-amz-date, x-amz-content-sha256", Header(allowed, "Access-Control-Allow-Headers"));
        Assert.Equal("60", Header(allowed, "Access-Control-Max-Age"));
        foreach (var (origin, method, headers) in new[]
        {
            ("https://example.org", "PUT", ""),
            ("https://a.example.com", "DELETE", ""),
            ("https://a.example.com", "PUT", "authorization"),
        })
        {
            using var refused = await PreflightAsync(origin, method, headers);
            await AssertErrorAsync(refused, 403, "AccessForbidden", "not allowed");
        }

        using var noOrigin = await Server.Client.SendAsync(Server.S3Request(HttpMethod.Options, "/bucket/k"), Cancel);
        await AssertErrorAsync(noOrigin, 400, "BadRequest", "Origin");
    }

    [Fact]
    public async Task Answers_and_refusals_let_an_allowed_page_read_them()
    {
        await Server.StatusAsync(HttpMethod.Put, "/bucket", "cors=", Rules);
        using var read = await Server.SendTextAsync(HttpMethod.Get, "/bucket/k", headers: ("Origin", "https://a.example.com"));
        Assert.Equal(("https://a.example.com", "ETag"), (Header(read, "Access-Control-Allow-Origin"), Header(read, "Access-Control-Expose-Headers")));
        using var missing = await Server.SendTextAsync(HttpMethod.Get, "/bucket/none", headers: ("Origin", "https://a.example.com"));
        Assert.Equal((HttpStatusCode.NotFound, "https://a.example.com"), (missing.StatusCode, Header(missing, "Access-Control-Allow-Origin")));
        using var other = await Server.SendTextAsync(HttpMethod.Get, "/bucket/k", headers: ("Origin", "https://example.org"));
        Assert.False(other.Headers.Contains("Access-Control-Allow-Origin"));
        using var any = await Server.SendTextAsync(HttpMethod.Head, "/bucket/k", headers: ("Origin", "https://example.org"));
        Assert.Equal("*", Header(any, "Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("<CORSConfiguration/>", "MalformedXML", "with 0")]
    [InlineData("<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>", "MalformedXML", "AllowedMethod")]
    [InlineData(
        "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod></CORSRule></CORSConfiguration>", "InvalidRequest",
        "PATCH")]
    [InlineData(
        "<CORSConfiguration><CORSRule><AllowedOrigin>*.*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>", "InvalidRequest",
        "more than one wildcard")]
    public Task Rules_that_S3_does_not_take_are_refused(string rules, string code, string said) =>
        Server.RefusedAsync(HttpMethod.Put, "/bucket", "cors=", XElement.Parse(rules).ToString(), 400, code, said);

    private static string Header(HttpResponseMessage response, string name) => string.Join(", ", response.Headers.GetValues(name));

    private async Task<HttpResponseMessage> PreflightAsync(string origin, string method, string headers)
    {
        using var request = Server.S3Request(
            HttpMethod.Options, "/bucket/k",
            headers: [("Origin", origin), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", headers)]);
        return await Server.Client.SendAsync(request, Cancel);
    }
}
