using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Wire.AwsJson;

/// <summary>Bodies of API requests: what can be refused is refused before one is read, and those that are read have bounds in size, time and memory.</summary>
public sealed class ApiBodyTests : IAsyncLifetime
{
    private const string Arn = "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1690474772815";

    private TestServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        _server = await TestServer.StartAsync(("Ocellus:Bodies:ApiTimeout", "00:00:03"), ("Ocellus:Bodies:UnverifiedBytesMax", $"{16 << 20}"));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("UnknownOperationException", 1000)]
    [InlineData("MissingAuthenticationTokenException", 1000)]
    [InlineData("IncompleteSignatureException", 1000)]
    [InlineData("UnrecognizedClientException", 1000)]
    [InlineData("InvalidSignatureException: expired", 1000)]
    [InlineData("InvalidSignatureException: service", 1000)]
    [InlineData("InvalidSignatureException: unsigned target", 1000)]
    [InlineData("UnrecognizedClientException: token", 1000)]
    [InlineData("", 12_000_000)]
    public async Task What_the_headers_tell_is_refused_before_a_byte_of_the_body_came(string refusal, int announced)
    {
        using var request = Unsigned(refusal.StartsWith("Unknown", StringComparison.Ordinal) ? "DetectFaces" : "CreateProject");
        var signer = refusal switch
        {
            "UnrecognizedClientException" => _server.Signer with { AccessKeyId = "AKIANOBODYHASTHISKEY" },
            "InvalidSignatureException: expired" => _server.Signer with { ClockError = TimeSpan.FromMinutes(-30) },
            "InvalidSignatureException: unsigned target" => _server.Signer with { LeftOut = ["x-amz-target"] },
            _ => _server.Signer,
        };
        switch (refusal)
        {
            case "MissingAuthenticationTokenException":
                break;
            case "IncompleteSignatureException":
                request.Headers.TryAddWithoutValidation("Authorization", "AWS4-HMAC-SHA256 Credential");
                break;
            case "InvalidSignatureException: service":
                signer.Sign(request, "s3", Signer.HashOf([]));
                break;
            default:
                if (refusal.EndsWith("token", StringComparison.Ordinal))
                {
                    request.Headers.Add("x-amz-security-token", "none");
                }

                signer.Sign(request, "rekognition", Signer.HashOf([]));
                break;
        }

        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(request, $"Content-Length: {announced}"));
        // The deadline of a body is longer than the wait for the small rest of one.
        var answer = await connection.AnswerAsync(2.5);
        Assert.True(answer.Closes);
        Assert.Equal(refusal.Length == 0 ? 413 : 400, answer.Status);
        Assert.Contains(refusal.Length == 0 ? "CreateProject takes at most" : refusal.Split(':')[0], answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_revoked_while_the_body_comes_is_refused()
    {
        var signer = await _server.KeyAsync("leaver", "administrator");
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(Head("DescribeProjects", signer, "{}"u8.ToArray()));
        await connection.SendAsync("{");
        await UntilAsync(() => Budget.Taken > 0);
        await _server.RevokeAsync(signer);
        await connection.SendAsync("}");
        Assert.Contains("UnrecognizedClientException", (await connection.AnswerAsync()).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_comes_slowly_is_refused_at_its_deadline_and_its_connection_closes()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        var body = new byte[2_000_000];
        await connection.SendAsync(Head("DetectCustomLabels", _server.Signer, body));
        var answer = connection.AnswerAsync();
        for (var watch = Stopwatch.StartNew(); !answer.IsCompleted && watch.Elapsed < TimeSpan.FromSeconds(20);)
        {
            // Enough for the web server's own least rate.
            await connection.TrySendAsync(new string('x', 1000));
            await Task.WhenAny(answer, Task.Delay(100, Cancel));
        }

        var refusal = await answer;
        Assert.Equal((408, true), (refusal.Status, refusal.Closes));
        Assert.Contains("RequestTimeoutException", refusal.Body, StringComparison.Ordinal);
        Assert.Contains("Ocellus:Bodies:ApiTimeout", refusal.Body, StringComparison.Ordinal);
        await connection.RestAsync(8);
        Assert.Equal(0, Budget.Taken);
    }

    [Fact]
    public async Task A_body_that_is_announced_and_does_not_come_takes_no_memory()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(Head("DetectCustomLabels", _server.Signer, new byte[12_000_000]) + "x");
        await UntilAsync(() => Budget.Taken > 0);
        Assert.InRange(Budget.Taken, 1, 256 * 1024);
    }

    [Fact]
    public async Task Stalled_bodies_fill_no_more_than_their_bound_and_a_good_request_is_served_meanwhile()
    {
        var connections = new List<RawConnection>();
        var largest = 0L;
        try
        {
            for (var i = 0; i < 6; i++)
            {
                var connection = await RawConnection.OpenAsync(_server);
                connections.Add(connection);
                await connection.SendAsync(Head("DetectCustomLabels", _server.Signer, new byte[10_000_000]));
                await connection.TrySendAsync(new string('x', 6_000_000));
                largest = Math.Max(largest, Budget.Taken);
            }

            await UntilAsync(() => (largest = Math.Max(largest, Budget.Taken)) > 6_000_000);
            Assert.InRange(largest, 6_000_000, 16 << 20);
            await Task.Delay(TimeSpan.FromSeconds(2.1), Cancel);
            // More than is free beside a stalled one.
            var image = new { Bytes = Convert.ToBase64String(new byte[5_000_000]) };
            var answer = await _server.CallAsync("DetectCustomLabels", JsonSerializer.Serialize(new { ProjectVersionArn = Arn, Image = image }));
            Assert.Equal("ResourceNotFoundException", answer.Error);
        }
        finally
        {
            connections.ForEach(c => c.Dispose());
        }

        await UntilAsync(() => Budget.Taken == 0);
    }

    [Fact]
    public async Task A_body_for_which_there_is_no_room_is_refused_so_that_sdks_send_it_again()
    {
        // Bodies that are whole and wait to be verified fill the room: none of them can be stopped.
        using var taken = Budget.Open(() => Assert.Fail("it is whole"));
        await taken.TakeAsync((16 << 20) - 10_000, Cancel);
        taken.Arrived();
        var answer = await _server.CallAsync("DescribeProjects", "{}");
        Assert.True(answer.Error is null, "a small body finds room");
        answer = await _server.CallAsync("CreateProject", $$"""{"ProjectName":"{{new string('n', 50_000)}}"}""");
        Assert.Equal((500, "ThrottlingException"), (answer.Status, answer.Error));
        Assert.Contains("Ocellus:Bodies:UnverifiedBytesMax", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_legal_values_are_read_even_with_every_character_escaped()
    {
        var project = (await _server.CallAsync("CreateProject", """{"ProjectName":"fruit"}""")).Body.GetProperty("ProjectArn").GetString()!;
        static string Escaped(char c, int count) => string.Concat(Enumerable.Repeat($@"\u{(int)c:x4}", count));
        var tags = string.Join(",", Enumerable.Range(0, 200).Select(i => $"\"{i:d3}{Escaped('ö', 125)}\":\"{Escaped('ö', 256)}\""));
        var answer = await _server.CallAsync("TagResource", $$"""{"ResourceArn":"{{project}}","Tags":{ {{tags}} } }""");
        Assert.True(answer.Status == 200, answer.Status == 200 ? "" : answer.Message);
    }

    [Fact]
    public void Only_images_and_changes_may_be_large()
    {
        var operations = _server.Services.GetServices<IOperation>().ToList();
        Assert.Equal(["DetectCustomLabels", "UpdateDatasetEntries"], operations.Where(o => o.BodyBytesMax == 12 << 20).Select(o => o.Name).Order());
        Assert.All(operations.Where(o => o.BodyBytesMax < 12 << 20), o => Assert.InRange(o.BodyBytesMax, 1 << 20, 3 << 20));
        Assert.All(operations.Where(o => o.Name.StartsWith("Describe", StringComparison.Ordinal)), o => Assert.InRange(o.BodyBytesMax, 1 << 20, 5 << 18));
    }

    [Theory]
    [InlineData(15, null)]
    [InlineData(16, "SerializationException")]
    [InlineData(20_000, "SerializationException")]
    public async Task Json_may_be_nested_no_deeper_than_its_bound(int depth, string? refusal)
    {
        var answer = await _server.CallAsync("DescribeProjects", $$"""{"Unknown":{{new string('[', depth)}}{{new string(']', depth)}}}""");
        Assert.Equal(refusal, answer.Error);
    }

    [Fact]
    public async Task A_list_of_thousands_is_refused_in_a_moment_and_with_few_words()
    {
        var watch = Stopwatch.StartNew();
        var answer = await _server.CallAsync("DescribeProjects", $$"""{"ProjectNames":[{{string.Join(',', Enumerable.Repeat("\"\"", 25_000))}}]}""");
        Assert.Equal("ValidationException", answer.Error);
        Assert.True(answer.Message.Length < 3000, answer.Message);
        var tags = string.Join(',', Enumerable.Range(0, 50_000).Select(i => $"\"!{i}\":\"!\""));
        answer = await _server.CallAsync("TagResource", $$"""{"ResourceArn":"{{Arn}}","Tags":{ {{tags}} } }""");
        Assert.Equal("ValidationException", answer.Error);
        Assert.True(answer.Message.Length < 3000, answer.Message);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}");
    }

    [Fact]
    public async Task A_header_is_named_once_among_the_signed_ones()
    {
        using var request = Unsigned("DescribeProjects");
        request.Headers.Add("x-long", new string('v', 8000));
        _server.Signer.Sign(request, "rekognition", Signer.HashOf([]));
        var authorization = request.Headers.GetValues("Authorization").Single();
        request.Headers.Remove("Authorization");
        var many = "SignedHeaders=" + string.Concat(Enumerable.Repeat("x-long;", 2000));
        request.Headers.TryAddWithoutValidation("Authorization", authorization.Replace("SignedHeaders=", many, StringComparison.Ordinal));
        var answer = await _server.AnswerAsync(request);
        Assert.Equal("IncompleteSignatureException", answer.Error);
        Assert.Contains("each once", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(200, 100, 431)]
    [InlineData(5, 7000, 431)]
    [InlineData(1, 20_000, 414)]
    public async Task Headers_and_request_lines_have_a_bound(int count, int length, int status)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        var text = new StringBuilder("GET /health/live").Append(status == 414 ? "?" + new string('q', length) : "").Append(" HTTP/1.1\r\nHost: localhost\r\n");
        for (var i = 0; status == 431 && i < count; i++)
        {
            text.Append($"x-{i}: ").Append('v', length).Append("\r\n");
        }

        await connection.SendAsync(text.Append("\r\n").ToString());
        var answer = await connection.AnswerAsync();
        Assert.Equal((status, true), (answer.Status, answer.Closes));
    }

    private BodyBudget Budget => _server.Services.GetRequiredService<BodyBudget>();

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); await Task.Delay(20, Cancel))
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), "it did not come to that");
        }
    }

    private HttpRequestMessage Unsigned(string operation) => _server.ApiRequest(operation, []);

    private string Head(string operation, Signer signer, byte[] body)
    {
        using var request = _server.ApiRequest(operation, body);
        signer.Sign(request, "rekognition", Signer.HashOf(body));
        return RawConnection.HeadOf(request, $"Content-Length: {body.Length}");
    }
}
