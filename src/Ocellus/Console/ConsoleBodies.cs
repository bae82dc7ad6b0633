using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;

namespace Ocellus.Console;

/// <summary>Reads small JSON bodies of the console's own endpoints. The server itself bounds no body: objects may be large.</summary>
internal static class ConsoleBodies
{
    /// <summary>Bytes of the longest form that a page of the console sends.</summary>
    public const int FormBytesMax = 16 * 1024;

    private const int BytesMax = 64 * 1024;

    /// <exception cref="ConsoleException">The body is not such an object.</exception>
    /// <exception cref="BadHttpRequestException">The body has more than <paramref name="bytesMax"/> bytes.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext http, JsonTypeInfo<T> type, int bytesMax = BytesMax)
        where T : class
    {
        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = bytesMax;
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted)
                ?? throw new ConsoleException(StatusCodes.Status400BadRequest, "BadRequest", "The body is null; an object was expected.");
        }
        catch (JsonException failure)
        {
            throw new ConsoleException(StatusCodes.Status400BadRequest, "BadRequest", $"The body is not as expected, at {failure.Path ?? "its start"}.");
        }
    }
}
