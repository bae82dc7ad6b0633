using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Identity;

namespace Ocellus.Tests.Console;

/// <summary>Access keys, for administrators of their account.</summary>
public sealed class KeysEndpointTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_made_works_and_is_revoked()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        using var response = await client.SendAsync(HttpMethod.Post, "/ui/api/keys", new StringContent("""{"name":"anna","policy":"trainer"}"""));
        var made = JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync(Cancel));
        var signer = new Signer(made.GetProperty("accessKeyId").GetString()!, made.GetProperty("secretAccessKey").GetString()!);
        Assert.Equal(200, (await server.CallAsync("DescribeProjects", "{}"u8.ToArray(), signer)).Status);
        var page = await client.TextAsync("/ui/keys");
        Assert.Contains("anna", page);
        Assert.DoesNotContain(signer.Secret, page);

        using var revoked = await client.SendAsync(HttpMethod.Delete, "/ui/api/keys/" + signer.AccessKeyId, null);
        Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        Assert.Equal("UnrecognizedClientException", (await server.CallAsync("DescribeProjects", "{}"u8.ToArray(), signer)).Error);
    }

    [Theory]
    [InlineData("""{"name":"a b","policy":"trainer"}""", "InvalidParameterException")]
    [InlineData("""{"name":"anna","policy":"root"}""", "InvalidParameterException")]
    [InlineData("""{}""", "InvalidParameterException")]
    [InlineData("""[]""", "BadRequest")]
    [InlineData("""null""", "BadRequest")]
    public async Task What_is_no_key_is_refused(string body, string error)
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        using var response = await client.SendAsync(HttpMethod.Post, "/ui/api/keys", new StringContent(body));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"\"__type\":\"{error}\"", await response.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task An_administrator_has_no_say_over_keys_of_another_account()
    {
        await using var server = await TestServer.StartAsync();
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var other = await keys.CreateAsync("olga", "999999999999", [ManagedPolicies.Get("administrator")], isDefault: false, Cancel);
        var client = await ConsoleClient.SignedInAsync(server);
        Assert.DoesNotContain("olga", await client.TextAsync("/ui/keys"));
        using var revoked = await client.SendAsync(HttpMethod.Delete, "/ui/api/keys/" + other.AccessKeyId, null);
        Assert.Contains("ResourceNotFoundException", await revoked.Content.ReadAsStringAsync(Cancel));
        Assert.Contains(await keys.ListAsync(Cancel), k => k.AccessKeyId == other.AccessKeyId);
    }

    [Fact]
    public async Task A_trainer_cannot_make_keys()
    {
        await using var server = await TestServer.StartAsync();
        var made = await server.Services.GetRequiredService<KeyCatalog>()
            .CreateAsync("anna", "123456789012", [ManagedPolicies.Get("trainer")], isDefault: false, Cancel);
        var client = await ConsoleClient.SignedInAsync(server, new(made.AccessKeyId, made.SecretAccessKey));
        using var response = await client.SendAsync(HttpMethod.Post, "/ui/api/keys", new StringContent("""{"name":"eve","policy":"administrator"}"""));
        Assert.Contains("AccessDeniedException", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(2, (await server.Services.GetRequiredService<KeyCatalog>().ListAsync(Cancel)).Count);
    }
}
