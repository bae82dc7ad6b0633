using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ocellus.Benchmarks;

/// <summary>
/// One kept connection and requests that were signed ahead: what a client costs on the cores that it shares with the server is then little more than
/// the system calls. It reads no more of an answer than its status and length.
/// </summary>
internal sealed class SignedConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];

    public SignedConnection(IPEndPoint server) => _socket.Connect(server);

    public void Dispose() => _socket.Dispose();

    /// <summary>Sends a request and waits for the whole answer, on the caller's thread.</summary>
    /// <returns>The HTTP status.</returns>
    public int Send(ReadOnlySpan<byte> request)
    {
        while (!request.IsEmpty)
        {
            request = request[_socket.Send(request)..];
        }

        for (var have = 0; ;)
        {
            have += Received(_socket.Receive(_buffer.AsSpan(have)));
            if (Whole(_buffer.AsSpan(0, have)) is { } status)
            {
                return status;
            }
        }
    }

    /// <summary>As <see cref="Send"/>, without keeping a thread.</summary>
    public async Task<int> SendAsync(ReadOnlyMemory<byte> request)
    {
        while (!request.IsEmpty)
        {
            request = request[await _socket.SendAsync(request)..];
        }

        for (var have = 0; ;)
        {
            have += Received(await _socket.ReceiveAsync(_buffer.AsMemory(have)));
            if (Whole(_buffer.AsSpan(0, have)) is { } status)
            {
                return status;
            }
        }
    }

    private static int Received(int bytes) => bytes > 0 ? bytes : throw new IOException("The server closed the connection.");

    private static int? Whole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return null;
        }

        var length = answer[..head].IndexOf("Content-Length: "u8);
        var digits = answer[(length + "Content-Length: ".Length)..head];
        digits = digits.IndexOf((byte)'\r') is >= 0 and var end ? digits[..end] : digits;
        return length < 0 ? throw new IOException($"The answer has no length: {Encoding.ASCII.GetString(answer[..head])}")
            : answer.Length < head + 4 + int.Parse(digits, CultureInfo.InvariantCulture) ? null
            : int.Parse(answer["HTTP/1.1 ".Length..][..3], CultureInfo.InvariantCulture);
    }
}
