using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Ocellus.Tests.Wire;

/// <summary>A connection on which bytes are sent as they are, for what no client library would send.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly List<byte> _received = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RawConnection> OpenAsync(TestServer server)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync(server.BaseAddress.Host, server.BaseAddress.Port, Cancel);
        return connection;
    }

    /// <summary>The first lines of a request as they go over the wire, with more header lines; the length of its body is among those, or nowhere.</summary>
    public static string HeadOf(HttpRequestMessage request, params string[] lines)
    {
        var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? []).Where(h => h.Key is not ("Content-Length" or "Host"))
            .Select(h => $"{h.Key}: {string.Join(", ", h.Value)}");
        var target = request.RequestUri!;
        return string.Join("\r\n", [$"{request.Method} {target.PathAndQuery} HTTP/1.1", $"Host: {target.Authority}", .. headers, .. lines, "", ""]);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(byte[] bytes) => await _client.GetStream().WriteAsync(bytes, Cancel);

    /// <summary>Sends what may come when the other side has closed already.</summary>
    public Task TrySendAsync(string text) => TrySendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>As above.</summary>
    public async Task TrySendAsync(byte[] bytes)
    {
        try
        {
            await SendAsync(bytes);
        }
        catch (IOException)
        {
            // It is closed.
        }
    }

    /// <summary>The next answer: its status line and headers, and its body by Content-Length or chunks. Fails when none comes in time.</summary>
    public async Task<RawAnswer> AnswerAsync(double seconds = 30)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, Cancel);
        string head;
        for (int end; ; Assert.True(await ReceiveAsync(both.Token), $"closed after '{Encoding.Latin1.GetString([.. _received])}'"))
        {
            var text = Encoding.Latin1.GetString([.. _received]);
            end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end >= 0)
            {
                head = text[..(end + 2)];
                _received.RemoveRange(0, end + 4);
                break;
            }
        }

        var status = int.Parse(head.Split(' ')[1], CultureInfo.InvariantCulture);
        if (Header(head, "Transfer-Encoding") is not null)
        {
            while (!Encoding.Latin1.GetString([.. _received]).Contains("0\r\n\r\n", StringComparison.Ordinal))
            {
                Assert.True(await ReceiveAsync(both.Token));
            }

            var all = Encoding.Latin1.GetString([.. _received]);
            _received.RemoveRange(0, all.IndexOf("0\r\n\r\n", StringComparison.Ordinal) + 5);
            return new(status, head, all);
        }

        var length = int.Parse(Header(head, "Content-Length") ?? "0", CultureInfo.InvariantCulture);
        while (_received.Count < length)
        {
            Assert.True(await ReceiveAsync(both.Token));
        }

        var body = Encoding.UTF8.GetString([.. _received[..length]]);
        _received.RemoveRange(0, length);
        return new(status, head, body);
    }

    /// <summary>Everything that still comes until the other side closes. Fails when it does not in time.</summary>
    public async Task<string> RestAsync(double seconds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, Cancel);
        try
        {
            while (await ReceiveAsync(both.Token))
            {
            }
        }
        catch (IOException)
        {
            // Reset: closed as well.
        }
        catch (OperationCanceledException) when (!Cancel.IsCancellationRequested)
        {
            Assert.Fail($"the connection is still open after {seconds} s; received '{Encoding.Latin1.GetString([.. _received])}'");
        }

        return Encoding.Latin1.GetString([.. _received]);
    }

    public void Dispose() => _client.Dispose();

    internal static string? Header(string head, string name) =>
        head.Split("\r\n").FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))?[(name.Length + 1)..].Trim();

    private async Task<bool> ReceiveAsync(CancellationToken cancel)
    {
        var buffer = new byte[16 * 1024];
        var read = await _client.GetStream().ReadAsync(buffer, cancel);
        _received.AddRange(buffer.AsSpan(0, read));
        return read > 0;
    }
}

/// <summary>An answer as it came.</summary>
internal sealed record RawAnswer(int Status, string Head, string Body)
{
    /// <summary>Whether it says that the connection closes.</summary>
    public bool Closes => string.Equals(RawConnection.Header(Head, "Connection"), "close", StringComparison.OrdinalIgnoreCase);
}
