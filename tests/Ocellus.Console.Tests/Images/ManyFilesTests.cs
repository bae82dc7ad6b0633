using System.Text;
using Ocellus.Tests;
using static Ocellus.Console.Tests.Images.GalleryTests;

namespace Ocellus.Console.Tests.Images;

/// <summary>Files that come in large numbers, with what is no image among them, and with labels in other formats.</summary>
[Collection(BrowserCollection.Name)]
public sealed class ManyFilesTests(Browser browser) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ocellus-files-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Three_thousand_files_come_at_once_and_ten_that_are_no_images_hinder_none()
    {
        await using var server = await TestServer.StartAsync();
        await server.ProjectAsync("flowers");
        for (var i = 0; i < 2990; i++)
        {
            await WriteAsync($"rose/{i}.png", TestPng.Solid(64, 64, (byte)i, (byte)(i >> 8), 90));
        }

        for (var i = 0; i < 10; i++)
        {
            await WriteAsync($"rose/broken-{i}.png", i % 2 == 0 ? [] : TestPng.Solid(64, 64, 1, 2, (byte)i)[..70]);
        }

        await using var tab = await OpenAsync(server, "flowers", browser);
        tab.Expected = ["status of 400"];
        await tab.Page.SetInputFilesAsync("input[webkitdirectory]", Path.Combine(_folder, "rose"));

        // Each is flushed to a disk that others may use.
        await tab.Page.WaitForSelectorAsync("text=2990 added, 10 refused", new() { Timeout = 900_000 });
        await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='2990']", new() { Timeout = 60_000 });
        Assert.Equal(10, await tab.Page.Locator(".refused li").CountAsync());
        Assert.InRange(await tab.Page.Locator(".tile").CountAsync(), 10, 200);
    }

    [Fact]
    public async Task A_folder_with_labels_in_another_format_is_taken_with_its_boxes()
    {
        await using var server = await TestServer.StartAsync();
        await server.ProjectAsync("cells", "boxes");
        for (var i = 0; i < 3; i++)
        {
            await WriteAsync($"set/train/{i}.png", TestPng.Solid(80, 64, (byte)(i * 80), 100, 90));
        }

        await WriteAsync("set/train/_annotations.coco.json", Encoding.UTF8.GetBytes(
            """
            {"images":[{"id":1,"file_name":"0.png","width":80,"height":64},{"id":2,"file_name":"1.png","width":80,"height":64},
              {"id":3,"file_name":"<img src=x onerror=alert(1)>.png","width":80,"height":64}],
             "categories":[{"id":1,"name":"nut"}],"annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[10,10,30,20]}]}
            """));
        await WriteAsync("set/LICENSE.txt", "Free for all."u8.ToArray());
        await using var tab = await OpenAsync(server, "cells", browser);
        tab.Expected = ["status of 400"];

        await tab.Page.SetInputFilesAsync("input[webkitdirectory]", Path.Combine(_folder, "set"));

        await tab.Page.WaitForSelectorAsync("#imports >> text=2 labelled, 1 left out");
        await tab.Page.WaitForSelectorAsync("#gallery[data-loaded='3']");
        Assert.Contains("is not there", await tab.Page.TextContentAsync("#imports .refused"), StringComparison.Ordinal);
        Assert.Contains("LICENSE.txt", await tab.Page.TextContentAsync("#uploads .refused"), StringComparison.Ordinal);
        Assert.Empty(await tab.CheckAsync("images-imported"));
        await tab.Page.SetViewportSizeAsync(1280, 800);
        await tab.Page.ClickAsync("#filter-labels >> text=nut");
        Assert.Equal("1 of 3", await tab.Page.TextContentAsync("#filtered"));
    }

    private async Task WriteAsync(string name, byte[] content)
    {
        var file = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content, Cancel);
    }
}
