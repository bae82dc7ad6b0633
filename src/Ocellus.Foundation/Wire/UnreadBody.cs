using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Ocellus.Wire;

/// <summary>
/// Sees to it that nobody takes the body of one request for the next request. Whatever is answered before the body was read to its end, the little that may
/// be left is read first; where more is left, or a client that asked with <c>Expect: 100-continue</c> has not been told to send, the answer says that the
/// connection closes.
/// </summary>
/// <remarks>
/// RFC 9110, 10.1.1, and RFC 9112, 9.3. Kestrel alone keeps the connection and takes the bytes that come next, whatever they are, for the body.
/// </remarks>
internal static class UnreadBody
{
    /// <summary>Bytes that are read so that the connection can be kept: more costs more than a new connection.</summary>
    private const int DrainBytesMax = 64 * 1024;

    /// <summary>Longest wait for them: an answer is not to be held up by a sender who stalls.</summary>
    private static readonly TimeSpan _drainTime = TimeSpan.FromSeconds(1);

    /// <summary>Comes before everything that answers.</summary>
    public static void UseUnreadBodies(this WebApplication app) => app.Use(static (http, next) =>
    {
        // From HTTP/2 on a body cannot be taken for another request.
        var isFramedByLength = HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol);
        if (isFramedByLength && http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            // The server's own reader and length: others put streams and headers of theirs in their place.
            var (reader, length) = (http.Request.BodyReader, http.Request.ContentLength);
            http.Response.OnStarting(() => FinishAsync(http, reader, length));
        }

        return next(http);
    });

    private static async Task FinishAsync(HttpContext http, PipeReader reader, long? length)
    {
        // Read-only once reading has begun, and with the first read Kestrel tells the client to send.
        var limit = http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>();
        var wasAskedFor = limit.IsReadOnly || http.Request.Headers.Expect.Count == 0;
        if (wasAskedFor && (limit.IsReadOnly || length is not > DrainBytesMax) && await IsReadToEndAsync(reader))
        {
            return;
        }

        http.Response.Headers.Connection = "close";
        if (!wasAskedFor)
        {
            // Kestrel would wait some seconds for the body before it closes; nothing of it is wanted.
            limit.MaxRequestBodySize = 0;
        }
    }

    private static async Task<bool> IsReadToEndAsync(PipeReader reader)
    {
        var isLate = false;
        ITimer? timer = null;
        try
        {
            for (var left = (long)DrainBytesMax; left >= 0 && !isLate;)
            {
                var reading = reader.ReadAsync();
                if (!reading.IsCompleted)
                {
                    timer ??= TimeProvider.System.CreateTimer(
                        _ =>
                        {
                            isLate = true;
                            reader.CancelPendingRead();
                        },
                        null,
                        _drainTime,
                        Timeout.InfiniteTimeSpan);
                }

                var result = await reading;
                left -= result.Buffer.Length;
                reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return true;
                }
            }

            return false;
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or OperationCanceledException)
        {
            // Broken framing, a body that came too slowly (both BadHttpRequestException), a connection that is gone, or a read that still waits.
            return false;
        }
        finally
        {
            if (timer is not null)
            {
                // Waits for a call that runs: it must not reach the connection's next request.
                await timer.DisposeAsync();
            }
        }
    }
}
