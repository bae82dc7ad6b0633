using System.Net;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Console.Sessions;
using Ocellus.Identity;
using Ocellus.Storage;

namespace Ocellus.Tests.Console;

/// <summary>Signing in and staying signed in.</summary>
public sealed class SignInTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_link_signs_in_once()
    {
        await using var server = await TestServer.StartAsync();
        var ticket = await ConsoleClient.TicketAsync(server);
        var first = new ConsoleClient(server);

        // Looking at the address, as a mail program might, uses nothing up.
        Assert.Contains("Continue to the console", await first.TextAsync("/ui/sign-in?ticket=" + ticket));
        using var opened = await first.SignInAsync(ticket);
        Assert.Equal((HttpStatusCode.SeeOther, "/ui/"), (opened.StatusCode, opened.Headers.Location!.ToString()));
        Assert.Contains("New project", await first.TextAsync("/ui/"));

        var second = new ConsoleClient(server);
        using var refused = await second.SignInAsync(ticket);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("used already", await refused.Content.ReadAsStringAsync(Cancel));
        Assert.Null(second.Cookie);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "192.0.2.7")]
    [InlineData("Forwarded", "for=192.0.2.7")]
    public async Task A_link_does_not_work_through_a_proxy(string header, string value)
    {
        await using var server = await TestServer.StartAsync();
        var ticket = await ConsoleClient.TicketAsync(server);
        using var form = new FormUrlEncodedContent([new("ticket", ticket)]);
        using var refused = await new ConsoleClient(server).SendAsync(HttpMethod.Post, "/ui/sign-in", form, (header, value));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var opened = await new ConsoleClient(server).SignInAsync(ticket);
        Assert.Equal(HttpStatusCode.SeeOther, opened.StatusCode);
    }

    [Fact]
    public async Task Of_two_who_open_a_link_at_the_same_time_one_gets_in()
    {
        await using var server = await TestServer.StartAsync();
        var ticket = await ConsoleClient.TicketAsync(server);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => new ConsoleClient(server).SignInAsync(ticket)));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.SeeOther);
    }

    [Fact]
    public async Task The_cookie_is_only_for_the_console_and_out_of_reach_of_scripts()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await new ConsoleClient(server).SignInAsync(server.Signer.AccessKeyId, server.Signer.Secret);
        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"));
        Assert.Matches("^ocellus-[0-9a-f]{12}=[A-Za-z0-9_-]{43}; max-age=604800; path=/ui; samesite=strict; httponly$", cookie);

        // The database has only its hash.
        await using var connection = await server.Services.GetRequiredService<DataDirectory>().ConnectAsync(Cancel);
        var hash = Assert.Single(await connection.QueryAsync<string>("SELECT hash FROM console_sessions"));
        Assert.DoesNotContain(hash, cookie);
    }

    [Fact]
    public async Task A_wrong_secret_an_unknown_key_and_no_region_are_refused()
    {
        await using var server = await TestServer.StartAsync();
        var client = new ConsoleClient(server);
        foreach (var (key, secret, region, words) in new[]
        {
            (server.Signer.AccessKeyId, "wrong", "us-east-1", "is wrong"), ("AKIANOBODY", server.Signer.Secret, "us-east-1", "is wrong"),
            ("", "", "us-east-1", "is wrong"), (server.Signer.AccessKeyId, server.Signer.Secret, "<b>", "'<b>' is not a region"),
        })
        {
            using var response = await client.SignInAsync(key, secret, region);
            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            Assert.Contains(words, WebUtility.HtmlDecode(await response.Content.ReadAsStringAsync(Cancel)));
        }

        Assert.Null(client.Cookie);
    }

    [Fact]
    public async Task A_long_form_is_not_read()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await new ConsoleClient(server).SubmitAsync("/ui/sign-in", ("key", new string('x', 100_000)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        var client = await ConsoleClient.SignedInAsync(server);
        client.Token = "";
        using var leaving = await client.SubmitAsync("/ui/sign-out", (ConsoleSession.TokenField, new string('x', 100_000)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, leaving.StatusCode);
    }

    [Fact]
    public async Task After_five_wrong_tries_even_the_right_secret_waits_a_minute()
    {
        await using var server = await TestServer.StartAsync();
        var client = new ConsoleClient(server);
        for (var i = 0; i < 5; i++)
        {
            using var wrong = await client.SignInAsync(server.Signer.AccessKeyId, "wrong");
            Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);
        }

        using var right = await client.SignInAsync(server.Signer.AccessKeyId, server.Signer.Secret);
        Assert.Equal(HttpStatusCode.TooManyRequests, right.StatusCode);
        Assert.Null(client.Cookie);
    }

    [Fact]
    public void Tries_are_forgotten_after_a_minute_and_each_address_has_its_own()
    {
        var clock = new FakeTimeProvider();
        var tries = new SignInTries(clock);
        Assert.All(Enumerable.Range(0, 5), _ => Assert.True(tries.TryBegin("192.0.2.1")));
        Assert.False(tries.TryBegin("192.0.2.1"));
        Assert.True(tries.TryBegin("192.0.2.2"));
        clock.Advance(TimeSpan.FromSeconds(61));
        Assert.True(tries.TryBegin("192.0.2.1"));
        tries.Succeeded("192.0.2.1");
        Assert.All(Enumerable.Range(0, 5), _ => Assert.True(tries.TryBegin("192.0.2.1")));
    }

    [Fact]
    public async Task A_revoked_key_ends_its_session_at_the_next_request()
    {
        await using var server = await TestServer.StartAsync();
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var made = await keys.CreateAsync("anna", "123456789012", [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);
        var client = await ConsoleClient.SignedInAsync(server, new(made.AccessKeyId, made.SecretAccessKey));
        Assert.Equal(200, (await client.CallAsync("DescribeProjects", new { })).Status);

        await keys.RevokeAsync(made.AccessKeyId, Cancel);

        var refused = await client.CallAsync("DescribeProjects", new { });
        Assert.Equal((401, "SignedOut"), (refused.Status, refused.Error));
        using var page = await client.GetAsync("/ui/p/cells?x=1");
        Assert.Equal("/ui/sign-in?to=%2Fui%2Fp%2Fcells%3Fx%3D1", page.Headers.Location!.ToString());
    }

    [Fact]
    public async Task Signing_out_ends_the_session_for_a_copied_cookie_too()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        var copied = new ConsoleClient(server) { Cookie = client.Cookie };
        using var response = await client.SubmitAsync("/ui/sign-out", (ConsoleSession.TokenField, client.Token));
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        using var page = await copied.GetAsync("/ui/");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
    }

    [Fact]
    public async Task A_cookie_of_another_data_directory_opens_nothing()
    {
        await using var server = await TestServer.StartAsync();
        await using var other = await TestServer.StartAsync();
        var there = await ConsoleClient.SignedInAsync(other);
        var here = await ConsoleClient.SignedInAsync(server);
        // Ports share cookies, so the names must differ; and the other's secret under this name is unknown.
        Assert.NotEqual(there.Cookie!.Split('=')[0], here.Cookie!.Split('=')[0]);
        foreach (var cookie in new[] { there.Cookie, here.Cookie.Split('=')[0] + "=" + there.Cookie.Split('=')[1], here.Cookie.Split('=')[0] + "=x" })
        {
            using var page = await new ConsoleClient(server) { Cookie = cookie }.GetAsync("/ui/");
            Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
        }

        using var both = await new ConsoleClient(server) { Cookie = $"{there.Cookie}; {here.Cookie}" }.GetAsync("/ui/");
        Assert.Equal(HttpStatusCode.OK, both.StatusCode);
    }

    [Fact]
    public async Task A_session_survives_a_restart_of_the_server()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        await server.RestartAsync();
        Assert.Contains("New project", await client.TextAsync("/ui/"));
        Assert.Equal(200, (await client.CallAsync("DescribeProjects", new { })).Status);
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/ui//evil.example/../../../")]
    [InlineData("/ui/\\evil.example")]
    [InlineData("/ui/../bucket/key")]
    [InlineData("/ui/api/call/DeleteProject")]
    [InlineData("javascript:alert(1)")]
    public async Task Signing_in_leads_to_pages_of_the_console_only(string target)
    {
        await using var server = await TestServer.StartAsync();
        using var response = await new ConsoleClient(server).SubmitAsync("/ui/sign-in", ("ticket", await ConsoleClient.TicketAsync(server)), ("to", target));
        Assert.Equal("/ui/", response.Headers.Location!.ToString());
    }
}
