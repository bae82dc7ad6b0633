using System.Net;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Diagnostics;

/// <summary>Alone: the exporter listens to every meter of the process by its name, and so to those of other tests' servers too.</summary>
[Collection(AloneCollection.Name)]
public sealed class MetricsPageTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_page_has_every_documented_metric_and_no_ARN()
    {
        await using var server = await TestServer.StartAsync();
        var arn = await server.RunningVersionAsync(units: 2);
        Assert.Equal(["red"], (await server.DetectAsync(arn, TinyModel.Png(0))).Names());
        await server.DetectAsync(arn, [1]);
        await server.CallAsync("NoSuchOperation", "{}");

        var page = await server.Client.GetStringAsync(new Uri(server.BaseAddress, "metrics"), Cancel);

        Assert.Contains("ocellus_model_inference_units", Line(page, "ocellus_model_inference_units{"), StringComparison.Ordinal);
        Assert.EndsWith(" 2", Line(page, "ocellus_model_inference_units{").TrimEnd(), StringComparison.Ordinal);
        foreach (var name in new[]
        {
            "ocellus_model_requests_in_flight",
            "ocellus_model_queue_length",
            "ocellus_model_running",
            "ocellus_training_queue_length",
            "ocellus_inference_duration_seconds_count",
            "process_memory_usage_bytes",
        })
        {
            Line(page, name + "{");
        }

        Assert.Contains("""error_type="InvalidImageFormatException",operation="DetectCustomLabels""", page, StringComparison.Ordinal);
        Assert.Contains("operation=\"unknown\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NoSuchOperation", page, StringComparison.Ordinal);
        Assert.DoesNotContain("arn:aws", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_signed_request_for_a_bucket_named_metrics_reaches_the_store()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("metrics");
        using var listing = await server.SendS3Async(HttpMethod.Get, "/metrics", "list-type=2");
        Assert.Equal(HttpStatusCode.OK, listing.StatusCode);
        Assert.Contains("ListBucketResult", await listing.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    private static string Line(string page, string start) => Assert.Single(page.Split('\n'), l => l.StartsWith(start, StringComparison.Ordinal));
}
