using System.Text;
using Ocellus.Tests.Identity;
using Ocellus.Tests.Objects;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Wire;

/// <summary>What a request may call a region.</summary>
public sealed class RegionsTests
{
    [Theory]
    [InlineData("a:b")]
    [InlineData("..")]
    [InlineData("US-EAST-1")]
    [InlineData("us-east-1 ")]
    [InlineData("us-east-9")]
    [InlineData("xx-west-1")]
    [InlineData("*")]
    [InlineData("\u0660")]
    public async Task Any_text_is_no_region(string region)
    {
        await using var server = await TestServer.StartAsync();
        var signer = server.Signer with { Region = region };
        var answer = await server.CallAsync("CreateProject", """{"ProjectName":"p"}"""u8.ToArray(), signer);
        Assert.Equal((400, "InvalidSignatureException"), (answer.Status, answer.Error));
        Assert.Contains("region", answer.Message, StringComparison.Ordinal);
        await server.RefusedAsync(HttpMethod.Put, "/bucket", "", null, 400, "AuthorizationHeaderMalformed", "region", signer);
        var link = signer.Presign(HttpMethod.Put, server.S3Request(HttpMethod.Put, "/bucket").RequestUri!, "60");
        using var put = new HttpRequestMessage(HttpMethod.Put, link);
        using var refused = await server.Client.SendAsync(put, TestContext.Current.CancellationToken);
        await AssertErrorAsync(refused, 400, "AuthorizationHeaderMalformed", "region");
        Assert.Equal(404, await server.StatusAsync(HttpMethod.Head, "/bucket"));
    }

    [Fact]
    public async Task A_line_break_in_a_links_region_makes_no_bucket()
    {
        await using var server = await TestServer.StartAsync();
        foreach (var region in new[] { "us-east-1\r\nX: y", "us-east-1\n", "\u0001" })
        {
            var link = (server.Signer with { Region = region }).Presign(HttpMethod.Put, server.S3Request(HttpMethod.Put, "/bucket").RequestUri!, "60");
            using var put = new HttpRequestMessage(HttpMethod.Put, link);
            using var refused = await server.Client.SendAsync(put, TestContext.Current.CancellationToken);
            await AssertErrorAsync(refused, 400, "AuthorizationHeaderMalformed", "region");
        }

        Assert.Equal(404, await server.StatusAsync(HttpMethod.Head, "/bucket"));
    }

    [Fact]
    public async Task The_refusal_of_a_guess_names_the_region_to_sign_for()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(
            200,
            await server.StatusAsync(
                HttpMethod.Put, "/abroad", "", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"));
        foreach (var (path, region) in new[] { ("/", "us-east-1"), ("/abroad", "eu-west-1"), ("/none", "us-east-1") })
        {
            using var response = await server.SendTextAsync(HttpMethod.Get, path, signer: server.Signer with { Region = "US" });
            Assert.Equal(region, (await TestServer.XmlAsync(response)).Element("Region")!.Value);
        }
    }

    [Theory]
    [InlineData("us-east-9")]
    [InlineData("nowhere-1")]
    public async Task A_bucket_is_made_for_a_known_region_only(string region)
    {
        await using var server = await TestServer.StartAsync();
        await server.RefusedAsync(
            HttpMethod.Put, "/bucket", "", $"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>", 400,
            "InvalidLocationConstraint", region);
    }

    [Fact]
    public async Task A_bucket_that_was_made_in_no_region_is_served_and_can_be_deleted()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(200, await server.StatusAsync(HttpMethod.Put, "/bucket"));
        await server.RestartAsync(() =>
        {
            var file = Directory.GetFiles(server.DataPath, "bucket.json", SearchOption.AllDirectories).Single();
            File.WriteAllText(file, File.ReadAllText(file).Replace("us-east-1", "a\\r\\nb\\u0001", StringComparison.Ordinal));
        });
        using var head = await server.SendTextAsync(HttpMethod.Head, "/bucket");
        Assert.Equal((200, "us-east-1"), ((int)head.StatusCode, head.Headers.GetValues("x-amz-bucket-region").Single()));
        Assert.Equal(200, await server.StatusAsync(HttpMethod.Get, "/"));
        Assert.Equal(200, await server.StatusAsync(HttpMethod.Get, "/bucket", "location="));
        Assert.Equal(204, await server.StatusAsync(HttpMethod.Delete, "/bucket"));
    }

    [Fact]
    public async Task A_region_of_ones_own_is_a_setting()
    {
        await using var server = await TestServer.StartAsync(("Ocellus:Regions:More", "lab-1 home"));
        foreach (var region in new[] { "lab-1", "home", "eu-central-1" })
        {
            Assert.Equal(
                200,
                (await server.CallAsync("CreateProject", Encoding.UTF8.GetBytes($$"""{"ProjectName":"p"}"""), server.Signer with { Region = region })).Status);
        }
    }

    [Theory]
    [InlineData("a:b")]
    [InlineData("Lab")]
    [InlineData("x")]
    [InlineData("-lab")]
    [InlineData("this-name-is-longer-than-32-letters")]
    public async Task A_setting_that_is_no_region_stops_the_start(string more)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => TestServer.StartAsync(("Ocellus:Regions:More", more)));
        Assert.Contains("Ocellus:Regions:More", failure.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("key/20150830/us-east-1")]
    [InlineData("KEY:1/20150830/us-east-1/s3/aws4_request")]
    [InlineData("../20150830/us-east-1/s3/aws4_request")]
    [InlineData("KEY/2015083x/us-east-1/s3/aws4_request")]
    [InlineData("KEY/\u0662\u0660150830/us-east-1/s3/aws4_request")]
    public async Task Every_part_of_a_credential_is_checked(string credential)
    {
        await using var server = await TestServer.StartAsync();
        using var request = server.S3Request(HttpMethod.Get, "/bucket");
        server.Signer.Sign(request, "s3", Signer.HashOf([]));
        var authorization = request.Headers.NonValidated["Authorization"].ToString();
        request.Headers.Remove("Authorization");
        request.Headers.TryAddWithoutValidation(
            "Authorization", System.Text.RegularExpressions.Regex.Replace(authorization, "Credential=[^,]*", "Credential=" + credential));
        using var refused = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        await AssertErrorAsync(refused, 400, "AuthorizationHeaderMalformed", "redential");
    }
}
