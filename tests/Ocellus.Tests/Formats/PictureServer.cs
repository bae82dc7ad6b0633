using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ocellus.Tests.Formats;

/// <summary>A web server with pictures, on this machine. It counts what is asked for.</summary>
internal sealed class PictureServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private PictureServer(WebApplication app) => _app = app;

    public ConcurrentQueue<string> Asked { get; } = [];

    public string Url => _app.Urls.First();

    public static byte[] Picture { get; } = TestPng.Solid(200, 100, 9, 99, 199);

    public static async Task<PictureServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        var server = new PictureServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.ToString();
        Asked.Enqueue(path + http.Request.QueryString);
        switch (path)
        {
            case "/gone.png":
                http.Response.StatusCode = 404;
                break;
            case "/round.png":
                http.Response.Redirect("/round.png");
                break;
            case "/moved.png":
                http.Response.Redirect("/there/a.png");
                break;
            case "/page.png":
                http.Response.ContentType = "text/html";
                await http.Response.WriteAsync("<html>please sign in</html>");
                break;
            case "/large.png":
                await http.Response.Body.WriteAsync(new byte[200_000]);
                break;
            case "/slow.png":
                await http.Response.StartAsync();
                await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                break;
            case "/cut.png":
                http.Response.ContentLength = Picture.Length;
                await http.Response.Body.WriteAsync(Picture.AsMemory(0, 50));
                http.Abort();
                break;
            case "/busy.png" when Asked.Count(a => a == "/busy.png") == 1:
                http.Response.StatusCode = 503;
                break;
            default:
                http.Response.ContentType = "image/png";
                await http.Response.Body.WriteAsync(Picture);
                break;
        }
    }
}
