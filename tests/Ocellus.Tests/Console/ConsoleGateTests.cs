using System.Net;
using System.Text.RegularExpressions;
using Ocellus.Console.Sessions;

namespace Ocellus.Tests.Console;

/// <summary>Who gets to the console, and what a browser is told about its pages.</summary>
public sealed partial class ConsoleGateTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_browser_at_the_root_is_led_to_the_console_and_clients_are_not()
    {
        await using var server = await TestServer.StartAsync();
        var client = new ConsoleClient(server);
        using var browser = await client.GetAsync("/", ("Accept", "text/html,application/xhtml+xml"));
        Assert.Equal((HttpStatusCode.Redirect, "/ui/"), (browser.StatusCode, browser.Headers.Location!.ToString()));
        using var plain = await client.GetAsync("/", ("Accept", "*/*"));
        Assert.Equal(HttpStatusCode.Forbidden, plain.StatusCode);
        using var signed = await server.SendS3Async(HttpMethod.Get, "/", headers: [("Accept", "text/html")]);
        Assert.Equal("ListAllMyBucketsResult", (await TestServer.XmlAsync(signed)).Name.LocalName);
    }

    [Fact]
    public async Task Pages_run_only_scripts_that_have_their_nonce()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        var nonces = new HashSet<string>();
        foreach (var path in new[] { "/ui/", "/ui/sign-in", "/ui/keys", "/ui/p/nothing" })
        {
            using var response = await client.GetAsync(path);
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            var nonce = Nonce().Match(policy).Groups[1].Value;
            Assert.Equal(
                $"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'nonce-{nonce}'; img-src 'self' blob:; connect-src 'self'; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
                policy);
            Assert.True(nonces.Add(nonce), "a nonce was used twice");
            var html = await response.Content.ReadAsStringAsync(Cancel);
            Assert.All(Loaded().Matches(html), tag => Assert.Contains($"nonce=\"{nonce}\"", tag.Value));
            Assert.DoesNotContain(" style=", html);
            Assert.DoesNotMatch(@"\son\w+=", html);
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.True(response.Headers.CacheControl!.NoStore);
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("192.0.2.7", true)]
    [InlineData("[::1]", true)]
    [InlineData("console.example.org", true)]
    [InlineData("evil.example", false)]
    [InlineData("127.0.0.1.evil.example", false)]
    public async Task Only_known_hosts_are_answered(string host, bool known)
    {
        await using var server = await TestServer.StartAsync([("Ocellus:Console:Hosts", "console.example.org")]);
        using var response = await new ConsoleClient(server).GetAsync("/ui/sign-in", ("Host", host));
        Assert.Equal(known ? HttpStatusCode.OK : HttpStatusCode.MisdirectedRequest, response.StatusCode);
    }

    [Theory]
    [InlineData("cross-site", null, false)]
    [InlineData("same-site", null, false)]
    [InlineData("none", null, false)]
    [InlineData("same-origin", null, true)]
    [InlineData(null, null, false)]
    [InlineData(null, "null", false)]
    [InlineData(null, "http://evil.example", false)]
    [InlineData(null, "SELF", true)]
    [InlineData("cross-site", "SELF", false)]
    public async Task Changes_come_from_the_same_origin_only(string? fetchSite, string? origin, bool allowed)
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        client.FetchSite = fetchSite;
        (string, string)[] headers = origin is null ? [] : [("Origin", origin == "SELF" ? server.BaseAddress.GetLeftPart(UriPartial.Authority) : origin)];
        using var response = await client.SendAsync(HttpMethod.Post, "/ui/api/call/DescribeProjects", new StringContent("{}"), headers);
        Assert.Equal(allowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Changes_need_the_token_of_their_session()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        var other = await ConsoleClient.SignedInAsync(server);
        Assert.NotEqual(other.Token, client.Token);
        foreach (var token in new[] { "", "x", other.Token })
        {
            var wrong = new ConsoleClient(server) { Cookie = client.Cookie, Token = token };
            var answer = await wrong.CallAsync("CreateProject", new { ProjectName = "cells" });
            Assert.Equal((403, "WrongToken"), (answer.Status, answer.Error));
        }

        Assert.Equal(200, (await client.CallAsync("CreateProject", new { ProjectName = "cells" })).Status);
    }

    [Fact]
    public async Task Without_a_session_there_is_nothing_but_the_way_in()
    {
        await using var server = await TestServer.StartAsync();
        var client = new ConsoleClient(server);
        foreach (var path in new[] { "/ui", "/ui/", "/ui/p/cells", "/ui/keys", "/ui/nothing", "/ui/p/cells/models/v1" })
        {
            using var page = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
            Assert.StartsWith("/ui/sign-in", page.Headers.Location!.ToString(), StringComparison.Ordinal);
        }

        foreach (var path in new[] { "/ui/api/events", "/ui/api/nothing" })
        {
            using var refused = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        using var icon = await client.GetAsync(Asset().Match(await client.TextAsync("/ui/sign-in")).Value);
        Assert.Equal(HttpStatusCode.OK, icon.StatusCode);
    }

    [Fact]
    public async Task What_there_is_not_is_a_page_that_says_so()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        Assert.Contains("There is no project 'a<b>c'", await client.TextAsync("/ui/p/a%3Cb%3Ec", HttpStatusCode.NotFound), StringComparison.Ordinal);
        Assert.Contains("There is no such page", await client.TextAsync("/ui/nothing", HttpStatusCode.NotFound));
        var answer = await client.CallAsync("InventProjects", new { });
        Assert.Equal((404, "UnknownOperationException"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task A_bucket_in_the_host_keeps_all_paths()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await new ConsoleClient(server).GetAsync("/ui/sign-in", ("Host", $"images.localhost:{server.BaseAddress.Port}"));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("sandbox", response.Headers.GetValues("Content-Security-Policy").Single());
    }

    [GeneratedRegex("script-src 'nonce-([A-Za-z0-9_-]+)'")]
    private static partial Regex Nonce();

    [GeneratedRegex("<(?:script|style|link rel=\"stylesheet\")[^>]*>")]
    private static partial Regex Loaded();

    [GeneratedRegex("/ui/assets/[^\"]+/icon.svg")]
    private static partial Regex Asset();
}
