using System.Text.Json;
using Microsoft.Playwright;
using NetVips;
using Ocellus.Tests;
using static Ocellus.Console.Tests.Images.StageTests;

namespace Ocellus.Console.Tests.Images;

/// <summary>The stage by fingers, and what is seen around a handle that is dragged.</summary>
[Collection(BrowserCollection.Name)]
public sealed class PointerTests(Browser browser)
{
    [Fact]
    public async Task One_finger_moves_the_image_until_drawing_is_chosen_and_two_zoom()
    {
        await using var server = await TestServer.StartAsync();
        await BoxesAsync(server, 1);
        await using var tab = await OpenAsync(server, "train-1", browser, width: 390);
        var fingers = await Fingers.OnAsync(tab);

        var before = await ViewAsync(tab);
        await fingers.DragAsync((180, 300), (230, 340));
        var moved = await ViewAsync(tab);
        Assert.Equal((50, 40), ((int)Math.Round(moved.X - before.X), (int)Math.Round(moved.Y - before.Y)));
        Assert.Equal("0", await tab.Page.TextContentAsync("#count"));

        await fingers.PinchAsync((150, 320), (210, 320), (110, 320), (250, 320));
        var zoomed = await ViewAsync(tab);
        Assert.InRange(zoomed.Width / moved.Width, 2.2, 2.45);

        // The button at the thumb: now a finger draws.
        await tab.Page.TapAsync("#lock");
        await NextFrameAsync(tab);
        var (from, to) = (await PointAsync(tab, 150, 120), await PointAsync(tab, 190, 150));
        await fingers.DragAsync(from, to);
        Assert.Equal("object 150 120 40 30", await BoxesOfAsync(server, tab, 0));
        Assert.Equal(zoomed, await ViewAsync(tab));
    }

    [Fact]
    public async Task Around_a_handle_that_is_dragged_the_image_is_seen_eight_times_as_large()
    {
        await using var server = await TestServer.StartAsync();
        // Red as far as column 200, blue from there on.
        await BoxesAsync(server, [TwoColours(400, 300)]);
        await using var tab = await OpenAsync(server, "train-1", browser);
        // A test reads the canvas, which the page never does.
        tab.Expected = ["Canvas2D: Multiple readback operations"];
        var mouse = tab.Page.Mouse;
        await NextFrameAsync(tab);
        var (from, to, away) = (await PointAsync(tab, 100, 60), await PointAsync(tab, 180, 140), await PointAsync(tab, 200, 100));
        await mouse.MoveAsync(from.X, from.Y);
        await mouse.DownAsync();
        await mouse.MoveAsync(to.X, to.Y, new() { Steps = 3 });
        await mouse.UpAsync();
        Assert.Equal("object 100 60 80 80", await BoxesOfAsync(server, tab, 0));

        var edge = await PointAsync(tab, 180, 100);
        await mouse.MoveAsync(edge.X, edge.Y);
        await mouse.DownAsync();
        await mouse.MoveAsync(away.X, away.Y, new() { Steps = 3 });
        await NextFrameAsync(tab);
        // The pointer is on the border of the colours: half of the loupe is of each. Beside its middle there are 8 pixels of screen for one of the image.
        Assert.Equal("red red blue blue", await LoupeAsync(tab, 10, 54, 74, 118));
        await tab.Page.ScreenshotAsync(new() { Path = Path.Combine(Browser.Screens, "stage-loupe.png") });
        await mouse.UpAsync();
        await NextFrameAsync(tab);
        Assert.DoesNotContain("red", await LoupeAsync(tab, 10, 54, 74, 118), StringComparison.Ordinal);
        Assert.Equal("object 100 60 100 80", await BoxesOfAsync(server, tab, 0));
    }

    private static byte[] TwoColours(int width, int height)
    {
        using var left = Image.Black(width / 2, height) + new double[] { 254, 0, 0 };
        using var right = Image.Black(width / 2, height) + new double[] { 0, 0, 254 };
        using var joined = left.Join(right, Enums.Direction.Horizontal);
        using var bytes = joined.Cast(Enums.BandFormat.Uchar);
        using var coloured = bytes.Copy(interpretation: Enums.Interpretation.Srgb);
        return coloured.PngsaveBuffer();
    }

    /// <summary>What colours the loupe has in columns of its own, in its upper half; it is at the left while the pointer is in the right half.</summary>
    private static Task<string> LoupeAsync(Tab tab, params int[] columns) => tab.Page.EvaluateAsync<string>(
        """
        columns => {
          const paper = document.getElementById("canvas").getContext("2d"), ratio = devicePixelRatio;
          const colour = ([red, green, blue, alpha]) => alpha < 255 ? "none" : red > 200 && blue < 60 ? "red" : blue > 200 && red < 60 ? "blue" : "other";
          const at = x => paper.getImageData(x * ratio, 40 * ratio, 1, 1).data;
          const left = [12, document.getElementById("stage").clientWidth - 128 - 12].find(x => at(x + 20)[3] === 255) ?? 12;
          return columns.map(x => colour(at(left + x))).join(" ");
        }
        """,
        columns);

    private static async Task<(double X, double Y, double Width)> ViewAsync(Tab tab)
    {
        await NextFrameAsync(tab);
        var at = await tab.Page.EvaluateAsync<JsonElement>(
            "() => { const r = window.picture.getBoundingClientRect(); return { x: r.left, y: r.top, w: r.width }; }");
        return (at.GetProperty("x").GetDouble(), at.GetProperty("y").GetDouble(), at.GetProperty("w").GetDouble());
    }

    /// <summary>Touches of the screen, as a telephone reports them.</summary>
    private sealed class Fingers(ICDPSession session)
    {
        public static async Task<Fingers> OnAsync(Tab tab) => new(await tab.Context.NewCDPSessionAsync(tab.Page));

        public async Task DragAsync((float X, float Y) from, (float X, float Y) to)
        {
            await SendAsync("touchStart", from);
            for (var i = 1; i <= 4; i++)
            {
                await SendAsync("touchMove", Between(from, to, i / 4f));
            }

            await SendAsync("touchEnd");
        }

        public async Task PinchAsync((float X, float Y) first, (float X, float Y) second, (float X, float Y) firstTo, (float X, float Y) secondTo)
        {
            await SendAsync("touchStart", first);
            await SendAsync("touchStart", first, second);
            for (var i = 1; i <= 4; i++)
            {
                await SendAsync("touchMove", Between(first, firstTo, i / 4f), Between(second, secondTo, i / 4f));
            }

            await SendAsync("touchEnd");
        }

        private static (float X, float Y) Between((float X, float Y) from, (float X, float Y) to, float share) =>
            (from.X + ((to.X - from.X) * share), from.Y + ((to.Y - from.Y) * share));

        private async Task SendAsync(string type, params (float X, float Y)[] points) => await session.SendAsync(
            "Input.dispatchTouchEvent",
            new()
            {
                ["type"] = type,
                ["touchPoints"] = points.Select((p, i) => new Dictionary<string, object> { ["x"] = p.X, ["y"] = p.Y, ["id"] = i }).ToArray(),
            });
    }
}
