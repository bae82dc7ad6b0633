using System.Diagnostics;
using System.Net;
using Ocellus.Tests.Identity;
using Ocellus.Tests.Wire;

namespace Ocellus.Tests.Objects;

/// <summary>Uploads that stall are refused as in S3, and leave nothing; those that are only slow are taken.</summary>
public sealed class PacedStreamTests : IAsyncLifetime
{
    private TestServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        // Kestrel's own rate has five seconds of grace, and is left alone here by a window that is shorter.
        _server = await TestServer.StartAsync(("Ocellus:Bodies:UploadWindow", "00:00:02"), ("Ocellus:Bodies:UploadBytesPerSecondMin", "1000"));
        await _server.CreateBucketAsync("images");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(Signer.UnsignedPayload, "")]
    [InlineData("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "30d40\r\n")]
    public async Task An_upload_that_stalls_after_a_fast_beginning_is_refused(string payload, string beginning)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(Head("stalled", payload, 200_000) + beginning + new string('x', 150_000));
        var answer = await connection.AnswerAsync();
        Assert.Equal((400, true), (answer.Status, answer.Closes));
        Assert.Contains("<Code>RequestTimeout</Code>", answer.Body, StringComparison.Ordinal);
        Assert.Contains("Ocellus:Bodies:UploadWindow", answer.Body, StringComparison.Ordinal);
        await connection.RestAsync(8);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("stalled"));
    }

    [Fact]
    public async Task A_form_that_stalls_before_its_file_is_refused()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        using var request = _server.S3Request(HttpMethod.Post, "/images", headers: [("Content-Type", "multipart/form-data; boundary=b")]);
        await connection.SendAsync(RawConnection.HeadOf(request, "Content-Length: 5000") + "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na");
        Assert.Contains("<Code>RequestTimeout</Code>", (await connection.AnswerAsync()).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_is_slower_than_the_least_rate_is_refused()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(Head("slow", Signer.UnsignedPayload, 200_000));
        var answer = await DripAsync(connection, 50, 200_000 / 50);
        Assert.Contains("<Code>RequestTimeout</Code>", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upload_that_takes_many_windows_is_stored_whole()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(Head("steady", Signer.UnsignedPayload, 60_000));
        var answer = await DripAsync(connection, 1000, 60);
        Assert.Equal((200, false), (answer.Status, answer.Closes));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("steady"));
    }

    /// <summary>Sends so many bytes each tenth of a second.</summary>
    private static async Task<RawAnswer> DripAsync(RawConnection connection, int bytes, int times)
    {
        var answer = connection.AnswerAsync(120);
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < times && !answer.IsCompleted; i++)
        {
            await connection.TrySendAsync(new string('x', bytes));
            await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(Math.Max(0, (0.1 * (i + 1)) - watch.Elapsed.TotalSeconds)), Cancel));
        }

        return await answer;
    }

    private string Head(string key, string payload, int length)
    {
        (string, string)[] headers = payload == Signer.UnsignedPayload ? [] : [("x-amz-decoded-content-length", $"{length}")];
        using var request = _server.S3Request(HttpMethod.Put, "/images/" + key, headers: headers);
        _server.Signer.Sign(request, "s3", payload);
        return RawConnection.HeadOf(request, $"Content-Length: {length + (payload == Signer.UnsignedPayload ? 0 : 50)}");
    }

    private async Task<HttpStatusCode> StatusAsync(string key)
    {
        using var response = await _server.SendS3Async(HttpMethod.Head, "/images/" + key);
        return response.StatusCode;
    }
}
