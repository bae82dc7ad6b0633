using System.ComponentModel.DataAnnotations;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

public sealed class ApiCorsTests
{
    private const string Page = "http://localhost:3000";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", Page, null)]
    [InlineData(Page, Page, Page)]
    [InlineData("http://other.example " + Page, Page, Page)]
    [InlineData(Page, "http://other.example", null)]
    [InlineData("*", "http://other.example", "*")]
    public async Task A_page_may_call_and_read_if_its_origin_is_allowed(string origins, string origin, string? allowed)
    {
        await using var server = await TestServer.StartAsync(("Ocellus:Cors:Origins", origins));
        using var preflight = new HttpRequestMessage(HttpMethod.Options, server.BaseAddress);
        preflight.Headers.Add("Origin", origin);
        preflight.Headers.Add("Access-Control-Request-Method", "POST");
        preflight.Headers.Add("Access-Control-Request-Headers", "authorization,x-amz-target");
        using var request = server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
        request.Headers.Add("Origin", origin);
        server.Signer.Sign(request, "rekognition", Signer.HashOf("{}"u8));

        using var may = await server.Client.SendAsync(preflight, Cancel);
        using var answer = await server.Client.SendAsync(request, Cancel);

        Assert.Equal(allowed is null ? 403 : 200, (int)may.StatusCode);
        Assert.Equal(200, (int)answer.StatusCode);
        foreach (var response in new[] { may, answer })
        {
            Assert.Equal(allowed, response.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null);
        }

        if (allowed is not null)
        {
            Assert.Equal("authorization,x-amz-target", may.Headers.GetValues("Access-Control-Allow-Headers").Single());
        }
    }

    [Theory]
    [InlineData("http://localhost:3000 https://a.example", 0)]
    [InlineData("*", 0)]
    [InlineData("localhost:3000", 1)]
    [InlineData("http://a.example/ http://a.example/page", 2)]
    public void What_is_no_origin_is_refused_at_the_start(string origins, int mistakes)
    {
        var options = new ApiCorsOptions { Origins = origins };
        Assert.Equal(mistakes, options.Validate(new ValidationContext(options)).Count());
    }
}
