using System.Buffers;

namespace Ocellus.Protocol;

/// <summary>The body of a request in a buffer that other requests use after it: a picture's is large, and one array for each would cost more than reading it.</summary>
internal sealed class RequestBody : IDisposable
{
    /// <summary>Larger buffers, 1 MB and more, are rare, and would stay in memory for nothing.</summary>
    private const int PooledBytesMax = 1024 * 1024;

    /// <summary>Where the length is not announced: most bodies without a picture fit.</summary>
    private const int BytesAtFirst = 16 * 1024;

    private byte[] _buffer;
    private int _length;

    private RequestBody(int bytes) => _buffer = Rent(bytes);

    /// <summary>What has been read. Not to be used after <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads a body to its end; null if it has more than <paramref name="most"/> bytes.</summary>
    public static async Task<RequestBody?> ReadAsync(HttpRequest request, int most, CancellationToken cancel)
    {
        if (request.ContentLength > most)
        {
            return null;
        }

        // One byte more than announced, so that the end is seen without a larger buffer.
        var body = new RequestBody((int?)request.ContentLength + 1 ?? BytesAtFirst);
        try
        {
            for (int read; (read = await request.Body.ReadAsync(body._buffer.AsMemory(body._length), cancel)) > 0;)
            {
                body._length += read;
                if (body._length > most)
                {
                    body.Dispose();
                    return null;
                }

                body.Widen();
            }

            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Gives the buffer back. A second call does nothing.</summary>
    public void Dispose()
    {
        Return(_buffer);
        (_buffer, _length) = ([], 0);
    }

    private static byte[] Rent(int bytes) => bytes <= PooledBytesMax ? ArrayPool<byte>.Shared.Rent(bytes) : new byte[bytes];

    private static void Return(byte[] buffer)
    {
        if (buffer.Length is > 0 and <= PooledBytesMax)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Widen()
    {
        if (_length < _buffer.Length)
        {
            return;
        }

        var wider = Rent(2 * _buffer.Length);
        _buffer.AsSpan(0, _length).CopyTo(wider);
        Return(_buffer);
        _buffer = wider;
    }
}
