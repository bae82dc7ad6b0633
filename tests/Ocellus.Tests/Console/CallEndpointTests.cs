using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Console.Calls;
using Ocellus.Identity;

namespace Ocellus.Tests.Console;

/// <summary>Operations called from pages: the same checks and rights as over the wire.</summary>
public sealed class CallEndpointTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_page_does_the_api_shows()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        var made = await client.CallAsync("CreateProject", new { ProjectName = "cells" });
        var seen = await server.CallAsync("DescribeProjects", "{}");
        Assert.Equal(
            made.Body.GetProperty("ProjectArn").GetString(), seen.Body.GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString());
    }

    [Fact]
    public async Task Refusals_have_the_names_and_words_of_the_api()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        var invalid = await client.CallAsync("CreateProject", new { ProjectName = "no spaces" });
        var overWire = await server.CallAsync("CreateProject", """{"ProjectName":"no spaces"}""");
        Assert.Equal((overWire.Status, overWire.Error, overWire.Message), (invalid.Status, invalid.Error, invalid.Message));

        await client.CallAsync("CreateProject", new { ProjectName = "cells" });
        Assert.Equal("ResourceInUseException", (await client.CallAsync("CreateProject", new { ProjectName = "cells" })).Error);
        using var broken = await client.SendAsync(HttpMethod.Post, "/ui/api/call/CreateProject", new StringContent("{"));
        Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
        using var @long = await client.SendAsync(HttpMethod.Post, "/ui/api/call/CreateProject", new StringContent(new string(' ', 1 << 22)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, @long.StatusCode);
    }

    [Fact]
    public async Task A_key_may_do_what_its_policies_allow_and_pages_say_what_they_do_not()
    {
        await using var server = await TestServer.StartAsync();
        await server.CallAsync("CreateProject", """{"ProjectName":"cells"}""");
        var keys = server.Services.GetRequiredService<KeyCatalog>();
        var looker = NamedPolicy.Of(
            "look", """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rekognition:DescribeProjects","Resource":"*"}]}""");
        var made = await keys.CreateAsync("anna", "123456789012", [looker], isDefault: false, Cancel);
        var client = await ConsoleClient.SignedInAsync(server, new(made.AccessKeyId, made.SecretAccessKey));

        Assert.Contains("cells", await client.TextAsync("/ui/"));
        Assert.Contains("is not authorized to perform: rekognition:DescribeProjectVersions", await client.TextAsync("/ui/p/cells"));
        var refused = await client.CallAsync("CreateProject", new { ProjectName = "more" });
        Assert.Equal((400, "AccessDeniedException"), (refused.Status, refused.Error));
        var denied = await client.TextAsync("/ui/keys", HttpStatusCode.Forbidden);
        Assert.Contains("Your key may not do this", denied);
        Assert.Contains("ocellus:ManageKeys", denied);
        await client.TextAsync("/ui/system", HttpStatusCode.Forbidden);

        // Rights are read at each request.
        await keys.AttachAsync(made.AccessKeyId, ManagedPolicies.Get("administrator"), Cancel);
        Assert.Equal(200, (await client.CallAsync("CreateProject", new { ProjectName = "more" })).Status);
        Assert.Contains(made.AccessKeyId, await client.TextAsync("/ui/keys"));
    }

    [Fact]
    public async Task Each_region_has_its_own_projects()
    {
        await using var server = await TestServer.StartAsync();
        await server.CallAsync("CreateProject", """{"ProjectName":"cells"}""");
        var client = await ConsoleClient.SignedInAsync(server, server.Signer with { Region = "eu-west-1" });
        Assert.DoesNotContain("cells", await client.TextAsync("/ui/"));
    }

    [Theory]
    [InlineData("CreateProject", """{"ProjectName":"cells"}""", "aws rekognition create-project --project-name cells")]
    [InlineData(
        "StartProjectVersion", """{"ProjectVersionArn":"arn:aws:rekognition:us-east-1:1:project/a/version/b/1","MinInferenceUnits":1}""",
        "aws rekognition start-project-version --project-version-arn arn:aws:rekognition:us-east-1:1:project/a/version/b/1 --min-inference-units 1")]
    [InlineData(
        "CreateProject", """{"ProjectName":"a","Tags":{"it's":"x y"}}""", """aws rekognition create-project --project-name a --tags '{"it'\''s":"x y"}'""")]
    [InlineData("TagResource", """{"ResourceArn":"$(reboot)","Tags":null}""", "aws rekognition tag-resource --resource-arn '$(reboot)'")]
    [InlineData("DescribeProjects", "{}", "aws rekognition describe-projects")]
    public void A_call_is_shown_as_a_command_line(string operation, string request, string line) =>
        Assert.Equal(line, CliLine.Of(operation, JsonSerializer.Deserialize<JsonElement>(request)));

    [Fact]
    public async Task The_command_line_comes_with_the_answer()
    {
        await using var server = await TestServer.StartAsync();
        var client = await ConsoleClient.SignedInAsync(server);
        using var response = await client.SendAsync(
            HttpMethod.Post, "/ui/api/call/CreateProject", new StringContent("""{"ProjectName":"cells","Tags":{"ö":"ü"}}"""));
        Assert.Equal(
            """aws rekognition create-project --project-name cells --tags '{"ö":"ü"}'""",
            Uri.UnescapeDataString(response.Headers.GetValues(CallEndpoint.CliHeader).Single()));
    }
}
