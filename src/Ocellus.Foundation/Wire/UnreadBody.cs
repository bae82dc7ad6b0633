using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Ocellus.Wire;

/// <summary>
/// Makes sure that an unread request body is never taken for the next request. If a response begins before the body was read to its end, a small rest is
/// drained first. If more is left, or the client still waits for <c>100 Continue</c>, the connection is closed after the response.
/// </summary>
/// <remarks>
/// RFC 9110, 10.1.1, and RFC 9112, 9.3. Kestrel by itself keeps the connection and takes whatever bytes follow for the body.
/// </remarks>
internal static class UnreadBody
{
    /// <summary>Maximum number of bytes to drain. Draining more would cost more than a new connection.</summary>
    private const int DrainBytesMax = 64 * 1024;

    /// <summary>Maximum time to drain: a stalled sender must not delay the response.</summary>
    private static readonly TimeSpan _drainTime = TimeSpan.FromSeconds(1);

    /// <summary>Must come before all middleware that responds.</summary>
    public static void UseUnreadBodies(this WebApplication app) => app.Use(static (http, next) =>
    {
        // In HTTP/2 and later, a body cannot be taken for another request.
        var isFramedByLength = HttpProtocol.IsHttp11(http.Request.Protocol) || HttpProtocol.IsHttp10(http.Request.Protocol);
        if (isFramedByLength && http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            // Kestrel's own reader and length: middleware may replace stream and headers.
            var (reader, length) = (http.Request.BodyReader, http.Request.ContentLength);
            http.Response.OnStarting(() => FinishAsync(http, reader, length));
        }

        return next(http);
    });

    private static async Task FinishAsync(HttpContext http, PipeReader reader, long? length)
    {
        // Read-only once reading has begun; the first read makes Kestrel send 100 Continue.
        var limit = http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>();
        var wasRequested = limit.IsReadOnly || http.Request.Headers.Expect.Count == 0;
        if (wasRequested && (limit.IsReadOnly || length is not > DrainBytesMax) && await IsReadToEndAsync(reader))
        {
            return;
        }

        http.Response.Headers.Connection = "close";
        if (!wasRequested)
        {
            // Otherwise Kestrel waits some seconds for the body before it closes.
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
            // Broken framing, a body that is too slow (both BadHttpRequestException), a lost connection, or a pending read.
            return false;
        }
        finally
        {
            if (timer is not null)
            {
                // Waits for a running callback, which must not affect the connection's next request.
                await timer.DisposeAsync();
            }
        }
    }
}
