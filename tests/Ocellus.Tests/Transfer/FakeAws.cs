using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ocellus.Tests.Transfer;

/// <summary>
/// Stands for AWS: gives recorded answers, which have the members and the types of the service model, and keeps what it was asked. An operation without an
/// answer is denied, as with a key that may only read.
/// </summary>
internal sealed class FakeAws : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeAws(WebApplication app) => _app = app;

    /// <summary>Its address, for the API and the object store.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Answers by operation: from the request to the answer; null for a denial.</summary>
    public Dictionary<string, Func<JsonObject, JsonObject?>> Answers { get; } = new(StringComparer.Ordinal);

    /// <summary>Objects by bucket and key, as in <c>bucket/key</c>.</summary>
    public ConcurrentDictionary<string, byte[]> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>Operations and methods that were asked for.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Authorization and token of each request.</summary>
    public ConcurrentQueue<(string Authorization, string Token)> Signatures { get; } = new();

    /// <summary>Requests that are refused as too many before one is answered.</summary>
    public int Throttled;

    public static async Task<FakeAws> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var fake = new FakeAws(app);
        app.Run(fake.AnswerAsync);
        await app.StartAsync();
        fake.Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return fake;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        Signatures.Enqueue((http.Request.Headers.Authorization.ToString(), http.Request.Headers["x-amz-security-token"].ToString()));
        if (http.Request.Headers["X-Amz-Target"].ToString() is not { Length: > 0 } target)
        {
            await ObjectAsync(http);
            return;
        }

        var operation = target.Split('.')[1];
        var request = (await JsonNode.ParseAsync(http.Request.Body))!.AsObject();
        Asked.Enqueue(operation);
        http.Response.ContentType = "application/x-amz-json-1.1";
        if (Interlocked.Decrement(ref Throttled) >= 0)
        {
            http.Response.StatusCode = 400;
            await http.Response.WriteAsync("""{"__type":"ThrottlingException","message":"Rate exceeded"}""");
        }
        else if (Answers.TryGetValue(operation, out var answer) && answer(request) is { } body)
        {
            await http.Response.WriteAsync(body.ToJsonString());
        }
        else
        {
            http.Response.StatusCode = 400;
            await http.Response.WriteAsync(
                $$"""{"__type":"AccessDeniedException","Message":"User: arn:aws:iam::111122223333:user/reader may not: rekognition:{{operation}}"}""");
        }
    }

    private async Task ObjectAsync(HttpContext http)
    {
        Asked.Enqueue(http.Request.Method);
        var key = Uri.UnescapeDataString(http.Request.Path.Value!.TrimStart('/'));
        if (http.Request.Method != "GET" || !Objects.TryGetValue(key, out var content))
        {
            http.Response.StatusCode = 403;
            await http.Response.WriteAsync("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
            return;
        }

        var tag = $"\"{Signer.HashOf(content)[..32]}\"";
        http.Response.Headers.ETag = tag;
        if (http.Request.Headers.IfNoneMatch == tag)
        {
            http.Response.StatusCode = 304;
            return;
        }

        http.Response.ContentType = "image/png";
        http.Response.ContentLength = content.Length;
        await http.Response.Body.WriteAsync(content);
    }
}
