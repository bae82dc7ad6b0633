namespace Ocellus.Tests.Wire;

/// <summary>Answers before the body was read: what comes next on the connection is never taken for that body, nor that body for a request.</summary>
/// <remarks>
/// RFC 9110, 10.1.1: a final status instead of 100 says whether the connection closes. RFC 9112, 6.1: two lengths close it; 9.3: an unread body too.
/// </remarks>
public sealed class UnreadBodyTests(UnreadBodyTests.One one) : IClassFixture<UnreadBodyTests.One>
{
    private const string Hidden = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

    private readonly TestServer _server = one.Server;

    /// <summary>Requests that are answered without their body, each by another part of the server.</summary>
    public static TheoryData<string> Unread =>
    [
        "object", "no bucket", "form", "delete", "head", "get", "begin upload", "absent", "options",
        "live", "ready", "metrics", "preflight", "unsigned api", "unknown operation", "unknown key",
    ];

    [Theory, MemberData(nameof(Unread))]
    public async Task A_client_that_waits_to_be_asked_for_its_body_is_answered_and_the_connection_closes(string kind)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request(kind), "Expect: 100-continue", "Content-Length: 1000"));
        var answer = await HeadOrAnswerAsync(connection, kind);
        Assert.NotEqual(100, answer.Status);
        Assert.True(answer.Closes, answer.Head);
        await connection.TrySendAsync(Hidden);
        Assert.Equal("", await connection.RestAsync(4));
    }

    [Theory, MemberData(nameof(Unread))]
    public async Task A_large_body_that_was_not_read_is_let_go_with_the_connection(string kind)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request(kind), "Content-Length: 1000000") + Hidden);
        var answer = await HeadOrAnswerAsync(connection, kind);
        Assert.True(answer.Closes, answer.Head);
        await connection.TrySendAsync(Hidden);
        Assert.Equal("", await connection.RestAsync(20));
    }

    [Theory, MemberData(nameof(Unread))]
    public async Task A_small_body_is_read_to_its_end_and_the_connection_serves_the_next_request(string kind)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request(kind), $"Content-Length: {Hidden.Length}"));
        await connection.SendAsync(Hidden);
        var answer = await HeadOrAnswerAsync(connection, kind);
        Assert.False(answer.Closes, answer.Head);
        await connection.SendAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var next = await connection.AnswerAsync();
        Assert.Equal((200, "live"), (next.Status, Text(next)));
    }

    [Theory, MemberData(nameof(Unread))]
    public async Task A_chunked_body_is_read_to_its_end_too(string kind)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request(kind), "Transfer-Encoding: chunked") + $"{Hidden.Length:x}\r\n{Hidden}\r\n0\r\n\r\n");
        Assert.False((await HeadOrAnswerAsync(connection, kind)).Closes);
        await connection.SendAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Equal("live", Text(await connection.AnswerAsync()));
    }

    [Theory]
    [InlineData("Content-Length: 500")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task A_small_body_that_does_not_come_holds_the_answer_up_for_a_moment_only(string framing)
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request("live"), framing));
        var answer = await connection.AnswerAsync(5);
        Assert.Equal((200, true), (answer.Status, answer.Closes));
    }

    [Fact]
    public async Task A_body_of_broken_chunks_ends_the_connection()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync(RawConnection.HeadOf(Request("live"), "Transfer-Encoding: chunked") + "xyz\r\n" + Hidden);
        Assert.True((await connection.AnswerAsync()).Closes);
        Assert.Equal("", await connection.RestAsync(8));
    }

    [Fact]
    public async Task A_body_with_two_lengths_ends_the_connection()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        await connection.SendAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + Hidden);
        var answer = await connection.AnswerAsync();
        Assert.True(answer.Closes, answer.Head);
        Assert.Equal("", await connection.RestAsync(8));
    }

    [Fact]
    public async Task A_good_upload_that_waits_to_be_asked_is_asked_and_keeps_its_connection()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        for (var i = 0; i < 2; i++)
        {
            await connection.SendAsync(RawConnection.HeadOf(Request("signed object"), "Expect: 100-continue", "Content-Length: 5"));
            Assert.Equal(100, (await connection.AnswerAsync()).Status);
            await connection.SendAsync("hello");
            var answer = await connection.AnswerAsync();
            Assert.Equal((200, false), (answer.Status, answer.Closes));
        }
    }

    [Fact]
    public async Task A_good_call_of_the_api_that_waits_to_be_asked_is_asked_and_keeps_its_connection()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        for (var i = 0; i < 2; i++)
        {
            using var request = _server.ApiRequest("DescribeProjects", "{}"u8.ToArray());
            _server.Signer.Sign(request, "rekognition", Signer.HashOf("{}"u8));
            await connection.SendAsync(RawConnection.HeadOf(request, "Expect: 100-continue", "Content-Length: 2"));
            Assert.Equal(100, (await connection.AnswerAsync()).Status);
            await connection.SendAsync("{}");
            var answer = await connection.AnswerAsync();
            Assert.Equal((200, false), (answer.Status, answer.Closes));
        }
    }

    [Fact]
    public async Task What_follows_the_last_chunk_of_a_streamed_upload_is_no_request()
    {
        using var connection = await RawConnection.OpenAsync(_server);
        (string, string)[] headers = [("x-amz-decoded-content-length", "5"), ("x-amz-trailer", "x-amz-checksum-crc32")];
        using var request = _server.S3Request(HttpMethod.Put, "/images/a", headers: headers);
        _server.Signer.Sign(request, "s3", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        var body = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n" + Hidden;
        await connection.SendAsync(RawConnection.HeadOf(request, $"Content-Length: {body.Length}") + body);
        var answer = await connection.AnswerAsync();
        Assert.Equal((200, false), (answer.Status, answer.Closes));
        await connection.SendAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.Equal("live", Text(await connection.AnswerAsync()));
    }

    private static string Text(RawAnswer answer) => answer.Body.Split('\n').First(l => l.Contains("live", StringComparison.Ordinal)).Trim();

    /// <summary>Answers to HEAD have the length of a body that does not come.</summary>
    private static async Task<RawAnswer> HeadOrAnswerAsync(RawConnection connection, string kind)
    {
        var answer = await connection.AnswerAsync();
        Assert.True(kind != "head" || answer.Body.Length == 0);
        return answer;
    }

    private HttpRequestMessage Request(string kind)
    {
        HttpRequestMessage S3(HttpMethod method, string path, string query = "", params (string, string)[] headers)
        {
            var request = _server.S3Request(method, path, query, headers);
            _server.Signer.Sign(request, "s3", Signer.UnsignedPayload);
            return request;
        }

        static (string, string)[] Asking(string origin, string method) => [("Origin", origin), ("Access-Control-Request-Method", method)];

        switch (kind)
        {
            case "object":
                return _server.S3Request(HttpMethod.Put, "/images/a");
            case "signed object":
                return S3(HttpMethod.Put, "/images/a");
            case "no bucket":
                return S3(HttpMethod.Put, "/nowhere/a");
            case "form":
                return _server.S3Request(HttpMethod.Post, "/images", headers: [("Content-Type", "multipart/form-data")]);
            case "delete":
                return S3(HttpMethod.Delete, "/images/a");
            case "head":
                return S3(HttpMethod.Head, "/images/none");
            case "get":
                return S3(HttpMethod.Get, "/images", "list-type=2");
            case "begin upload":
                return S3(HttpMethod.Post, "/images/b", "uploads=");
            case "live" or "ready":
                return _server.S3Request(HttpMethod.Get, "/health/" + kind);
            case "metrics":
                return _server.S3Request(HttpMethod.Get, "/metrics");
            case "absent":
                return _server.S3Request(HttpMethod.Get, "/nothing/is/here");
            case "options":
                return _server.S3Request(HttpMethod.Options, "/images/a", headers: Asking("http://elsewhere", "PUT"));
            case "preflight":
                return _server.S3Request(HttpMethod.Options, "/", headers: Asking("http://localhost:3000", "POST"));
            case "unsigned api":
                return _server.ApiRequest("DescribeProjects", []);
            case "unknown operation":
                var other = _server.ApiRequest("DetectFaces", []);
                _server.Signer.Sign(other, "rekognition", Signer.HashOf([]));
                return other;
            default:
                var unknown = _server.ApiRequest("DetectCustomLabels", []);
                new Signer("AKIANOBODYHASTHISKEY", "x").Sign(unknown, "rekognition", Signer.HashOf([]));
                return unknown;
        }
    }

    /// <summary>One server for all: none of these requests changes it for the others.</summary>
    public sealed class One : IAsyncLifetime
    {
        internal TestServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Server = await TestServer.StartAsync(("Ocellus:Cors:Origins", "http://localhost:3000"));
            await Server.CreateBucketAsync("images");
        }

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
