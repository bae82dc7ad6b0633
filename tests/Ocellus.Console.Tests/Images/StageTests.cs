using System.Text.Json;
using NetVips;
using Ocellus.Tests;
using static Ocellus.Console.Tests.Images.GalleryTests;

namespace Ocellus.Console.Tests.Images;

/// <summary>The stage, as a person uses it: boxes by pointer and keys.</summary>
[Collection(BrowserCollection.Name)]
public sealed class StageTests(Browser browser)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Boxes_are_drawn_moved_resized_labelled_copied_and_undone()
    {
        await using var server = await TestServer.StartAsync();
        await BoxesAsync(server, 3);
        await using var tab = await OpenAsync(server, "train-1");
        var keys = tab.Page.Keyboard;

        // The image of 400 × 300 fits the stage; draw from its corner, which snaps, to the middle.
        await DragAsync(tab, -3, -4, 200, 150);
        await keys.PressAsync("l");
        await keys.TypeAsync("cat");
        await keys.PressAsync("Enter");
        Assert.Equal("cat 0 0 200 150", await BoxesOfAsync(server, tab, 0));
        await keys.PressAsync("Control+Shift+ArrowRight");
        await keys.PressAsync("Control+ArrowUp");
        await keys.PressAsync("Shift+ArrowDown");
        await keys.PressAsync("ArrowRight");
        Assert.Equal("cat 1 10 210 149", await BoxesOfAsync(server, tab, 0));
        // Inside: moves. At the corner: resizes.
        await DragAsync(tab, 100, 80, 120, 100, "Alt");
        Assert.Equal("cat 21 30 210 149", await BoxesOfAsync(server, tab, 0));
        await DragAsync(tab, 231, 179, 251, 199, "Alt");
        Assert.Equal("cat 21 30 230 169", await BoxesOfAsync(server, tab, 0));
        // Click, click: two corners.
        await keys.PressAsync("Escape");
        await ClickAsync(tab, 300, 210);
        await ClickAsync(tab, 350, 260);
        Assert.Equal("cat 21 30 230 169; cat 300 210 50 50", await BoxesOfAsync(server, tab, 0));
        Assert.Empty(await tab.CheckAsync("stage"));
        await tab.Page.SetViewportSizeAsync(1280, 800);
        await tab.Page.FocusAsync("#stage");

        await keys.PressAsync("d");
        await ShownAsync(tab, "train-2");
        await keys.PressAsync("r");
        Assert.Equal("cat 21 30 230 169; cat 300 210 50 50", await BoxesOfAsync(server, tab, 1));
        await keys.PressAsync("Delete");
        await keys.PressAsync("Tab");
        await keys.PressAsync("Control+d");
        Assert.Equal("cat 21 30 230 169; cat 31 40 230 169", await BoxesOfAsync(server, tab, 1));
        // Undo goes across images.
        for (var i = 0; i < 4; i++)
        {
            await keys.PressAsync("Control+z");
        }

        await ShownAsync(tab, "train-1");
        Assert.Equal("", await BoxesOfAsync(server, tab, 1));
        Assert.Equal("cat 21 30 230 169", await BoxesOfAsync(server, tab, 0));
        // Numbers can be typed, and are kept inside the image.
        await tab.Page.ClickAsync("#box-0");
        await tab.Page.FillAsync("#box-0-left", "390");
        await keys.PressAsync("Tab");
        Assert.Equal("cat 390 30 10 169", await BoxesOfAsync(server, tab, 0));
    }

    [Fact]
    public async Task Two_people_s_boxes_on_one_image_are_both_kept()
    {
        await using var server = await TestServer.StartAsync();
        await BoxesAsync(server, 1);
        await using var one = await OpenAsync(server, "train-1");
        await using var two = await OpenAsync(server, "train-1");

        await DragAsync(one, 20, 20, 80, 80);
        await SavedAsync(one);
        await DragAsync(two, 220, 120, 280, 180);

        Assert.Equal("object 20 20 60 60; object 220 120 60 60", await BoxesOfAsync(server, two, 0));
    }

    [Fact]
    public async Task The_health_page_shows_what_is_wrong_and_mends_it()
    {
        await using var server = await TestServer.StartAsync();
        await server.ImagesAsync(await server.ProjectAsync("flowers"), 6, 6);
        await using var tab = await GalleryTests.OpenAsync(server, "flowers", browser);
        // A copy in the test set.
        await server.PutObjectAsync("images", "flowers/copy.png", TestPng.Solid(64, 48, 0, 200, 0));
        var arn = await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { "flowers" } });
        await server.PutObjectAsync("images", "test.manifest", """{"source-ref":"s3://images/flowers/copy.png"}"""u8.ToArray());
        await server.DoAsync("CreateDataset", new
        {
            ProjectArn = arn.GetProperty("ProjectDescriptions")[0].GetProperty("ProjectArn").GetString(),
            DatasetType = "TEST",
            DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "test.manifest" } } },
        });
        var project = new { ProjectNames = new[] { "flowers" } };
        while ((await server.DoAsync("DescribeProjects", project)).GetProperty("ProjectDescriptions")[0].GetProperty("Datasets").EnumerateArray()
            .Count(d => d.GetProperty("Status").GetString() == "CREATE_COMPLETE") < 2)
        {
            await Task.Delay(30, Cancel);
        }

        await tab.GotoAsync("/ui/p/flowers/health");
        Assert.Contains("Fewer than 10 training images: green, red", await tab.Page.TextContentAsync("#health"), StringComparison.Ordinal);
        await tab.Page.ClickAsync("#read-all");
        await tab.Page.WaitForSelectorAsync("text=Move all to training");
        Assert.Empty(await tab.CheckAsync("health"));
        await tab.Page.ClickAsync("text=Move all to training");
        await tab.Page.WaitForSelectorAsync("text=No image is in both sets.");
        await tab.Page.ClickAsync("text=Keep the first alone");
        await tab.Page.WaitForSelectorAsync("text=No image is there twice.");
    }

    [Fact]
    public async Task A_box_is_where_it_is_seen_in_all_eight_orientations()
    {
        // The stored quarters in reading order that are red, green, blue and white when seen upright: EXIF's table of row 0 and column 0.
        string[] stored = ["RGBW", "GRWB", "WBGR", "BWRG", "RBGW", "GWRB", "WGBR", "BRWG"];
        await using var server = await TestServer.StartAsync();
        await BoxesAsync(server, [.. stored.Select((quarters, i) => Turned(quarters, i + 1))]);
        await using var tab = await OpenAsync(server, "train-1");
        for (var i = 0; i < stored.Length; i++)
        {
            await ShownAsync(tab, $"train-{i + 1}");
            var colours = await tab.Page.EvaluateAsync<string>(
                """
                () => {
                  const picture = document.getElementById("picture"), sheet = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight);
                  const paper = sheet.getContext("2d", { willReadFrequently: true });
                  paper.drawImage(picture, 0, 0);
                  const at = (x, y) => [...paper.getImageData(x, y, 1, 1).data.slice(0, 3)].map(c => c > 127 ? 1 : 0).join("");
                  return `${picture.naturalWidth}×${picture.naturalHeight} ${at(32, 16)} ${at(96, 16)} ${at(32, 48)} ${at(96, 48)}`;
                }
                """);
            Assert.Equal("128×64 100 010 001 111", colours);
            await DragAsync(tab, 64, 32, 128, 64);
            Assert.Equal("object 64 32 64 32", await BoxesOfAsync(server, tab, i));
            await tab.Page.Keyboard.PressAsync("d");
        }
    }

    /// <summary>Four quarters of a colour each, as a JPEG with an orientation.</summary>
    private static byte[] Turned(string quarters, int orientation)
    {
        var (width, height) = orientation >= 5 ? (64, 128) : (128, 64);
        using var parts = new Disposables();
        var images = quarters.Select(q => parts.Add((Image.Black(width / 2, height / 2) + (q switch
        {
            'R' => new double[] { 254, 0, 0 },
            'G' => [0, 254, 0],
            'B' => [0, 0, 254],
            _ => [254, 254, 254],
        })).Cast(Enums.BandFormat.Uchar))).ToArray();
        using var joined = Image.Arrayjoin(images, across: 2);
        using var coloured = joined.Copy(interpretation: Enums.Interpretation.Srgb);
        using var turned = coloured.Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
        return turned.JpegsaveBuffer(q: 95);
    }

    private sealed class Disposables : IDisposable
    {
        private readonly List<IDisposable> _items = [];

        public T Add<T>(T item)
            where T : IDisposable
        {
            _items.Add(item);
            return item;
        }

        public void Dispose() => _items.ForEach(i => i.Dispose());
    }

    /// <summary>A project of images of 400 × 300 pixels, for boxes.</summary>
    internal static Task BoxesAsync(TestServer server, int count) =>
        BoxesAsync(server, [.. Enumerable.Range(0, count).Select(i => TestPng.Solid(400, 300, (byte)(40 + i * 60), 120, 160))]);

    internal static async Task BoxesAsync(TestServer server, IReadOnlyList<byte[]> pictures)
    {
        var count = pictures.Count;
        var arn = await server.ProjectAsync("boxes", "boxes");
        await server.CreateBucketAsync("images");
        for (var i = 0; i < count; i++)
        {
            await server.PutObjectAsync("images", $"{i}.png", pictures[i]);
        }

        var lines = string.Join('\n', Enumerable.Range(0, count).Select(i => $$"""{"source-ref":"s3://images/{{i}}.png"}"""));
        await server.PutObjectAsync("images", "m", System.Text.Encoding.UTF8.GetBytes(lines));
        var made = await server.DoAsync("CreateDataset", new
        {
            ProjectArn = arn,
            DatasetType = "TRAIN",
            DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "images", Name = "m" } } },
        });
        while ((await server.DoAsync("DescribeDataset", new { DatasetArn = made.GetProperty("DatasetArn").GetString() })).GetProperty("DatasetDescription")
            .GetProperty("Status").GetString() != "CREATE_COMPLETE")
        {
            await Task.Delay(30, Cancel);
        }
    }

    private Task<Tab> OpenAsync(TestServer server, string at) => OpenAsync(server, at, browser);

    internal static async Task<Tab> OpenAsync(TestServer server, string at, Browser browser, int width = 1280)
    {
        var tab = await browser.OpenAsync(server.BaseAddress, width: width);
        await tab.SignInAsync(server);
        await tab.GotoAsync($"/ui/p/boxes/label/{at}");
        await tab.Page.WaitForSelectorAsync("#stage-page[data-ready]");
        await ShownAsync(tab, at);
        return tab;
    }

    internal static async Task ShownAsync(Tab tab, string at) => await tab.Page.WaitForSelectorAsync($"#stage-page[data-shows='{at}']");

    /// <summary>A point of the image on the screen.</summary>
    internal static async Task<(float X, float Y)> PointAsync(Tab tab, int x, int y)
    {
        var box = await tab.Page.EvaluateAsync<JsonElement>(
            "() => { const p = window.picture, r = p.getBoundingClientRect(); return { x: r.left, y: r.top, s: r.width / p.naturalWidth }; }");
        var scale = box.GetProperty("s").GetSingle();
        return (box.GetProperty("x").GetSingle() + x * scale, box.GetProperty("y").GetSingle() + y * scale);
    }

    private static async Task DragAsync(Tab tab, int x, int y, int toX, int toY, string? held = null)
    {
        await NextFrameAsync(tab);
        var (from, to) = (await PointAsync(tab, x, y), await PointAsync(tab, toX, toY));
        if (held is not null)
        {
            await tab.Page.Keyboard.DownAsync(held);
        }

        await tab.Page.Mouse.MoveAsync(from.X, from.Y);
        await tab.Page.Mouse.DownAsync();
        await tab.Page.Mouse.MoveAsync(to.X, to.Y, new() { Steps = 3 });
        await tab.Page.Mouse.UpAsync();
        if (held is not null)
        {
            await tab.Page.Keyboard.UpAsync(held);
        }
    }

    private static async Task ClickAsync(Tab tab, int x, int y)
    {
        var (left, top) = await PointAsync(tab, x, y);
        await tab.Page.Mouse.ClickAsync(left, top);
    }

    /// <summary>The transform of the picture is set before a frame.</summary>
    internal static async Task NextFrameAsync(Tab tab) =>
        await tab.Page.EvaluateAsync("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");

    /// <summary>The boxes of an image as every other client reads them, once the page has nothing more to send.</summary>
    internal static async Task<string> BoxesOfAsync(TestServer server, Tab tab, int at)
    {
        await SavedAsync(tab);
        var found = await server.DoAsync("DescribeProjects", new { ProjectNames = new[] { "boxes" } });
        var arn = found.GetProperty("ProjectDescriptions")[0].GetProperty("Datasets")[0].GetProperty("DatasetArn").GetString();
        var lines = await server.DoAsync("ListDatasetEntries", new { DatasetArn = arn });
        var line = JsonSerializer.Deserialize<JsonElement>(lines.GetProperty("DatasetEntries")[at].GetString()!);
        if (!line.TryGetProperty("boxes", out var value))
        {
            return "";
        }

        var map = line.GetProperty("boxes-metadata").GetProperty("class-map");
        string[] sides = ["left", "top", "width", "height"];
        return string.Join("; ", value.GetProperty("annotations").EnumerateArray().Select(
            b => $"{map.GetProperty(b.GetProperty("class_id").ToString())} {string.Join(' ', sides.Select(s => b.GetProperty(s)))}"));
    }
}
