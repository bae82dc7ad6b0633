using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ocellus.Benchmarks;

/// <summary>
/// A persistent connection for requests signed in advance, so that the client costs little more than its system calls on the cores that it shares with the
/// server. Parses only the status and length of a response.
/// </summary>
internal sealed class SignedConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _buffer = new byte[64 * 1024];

    public SignedConnection(IPEndPoint server) => _socket.Connect(server);

    public void Dispose() => _socket.Dispose();

    /// <summary>Sends a request and waits for the whole response, blocking the caller's thread.</summary>
    /// <returns>The HTTP status.</returns>
    public int Send(ReadOnlySpan<byte> request)
    {
        while (!request.IsEmpty)
        {
            request = request[_socket.Send(request)..];
        }

        for (var received = 0; ;)
        {
            received += RequireBytes(_socket.Receive(_buffer.AsSpan(received)));
            if (StatusIfComplete(_buffer.AsSpan(0, received)) is { } status)
            {
                return status;
            }
        }
    }

    /// <summary>Like <see cref="Send"/>, without blocking a thread.</summary>
    public async Task<int> SendAsync(ReadOnlyMemory<byte> request)
    {
        while (!request.IsEmpty)
        {
            request = request[await _socket.SendAsync(request)..];
        }

        for (var received = 0; ;)
        {
            received += RequireBytes(await _socket.ReceiveAsync(_buffer.AsMemory(received)));
            if (StatusIfComplete(_buffer.AsSpan(0, received)) is { } status)
            {
                return status;
            }
        }
    }

    private static int RequireBytes(int bytes) => bytes > 0 ? bytes : throw new IOException("The server closed the connection.");

    private static int? StatusIfComplete(ReadOnlySpan<byte> response)
    {
        var head = response.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return null;
        }

        // Names of headers are in capitals or not.
        var length = Math.Max(response[..head].IndexOf("Content-Length: "u8), response[..head].IndexOf("content-length: "u8));
        var digits = response[(length + "Content-Length: ".Length)..head];
        digits = digits.IndexOf((byte)'\r') is >= 0 and var end ? digits[..end] : digits;
        return length < 0 ? throw new IOException($"The response has no length: {Encoding.ASCII.GetString(response[..head])}")
            : response.Length < head + 4 + int.Parse(digits, CultureInfo.InvariantCulture) ? null
            : int.Parse(response["HTTP/1.1 ".Length..][..3], CultureInfo.InvariantCulture);
    }
}
