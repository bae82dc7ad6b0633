using System.Text.Json.Nodes;
using Ocellus.Formats;
using Ocellus.Formats.Fetching;
using Ocellus.Refusals;
using Ocellus.Tests.Commands;

namespace Ocellus.Tests.Formats;

/// <summary>Pictures behind addresses: fetched on request only, and never more than is bounded.</summary>
public sealed class FetchTests
{
    private static readonly FetchLimits _small = FetchLimits.Default with
    {
        PictureBytesMax = 100_000,
        RetryWait = TimeSpan.FromMilliseconds(10),
        Parallel = 1,
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pictures_behind_addresses_are_fetched_on_request_once_and_told()
    {
        await using var server = await PictureServer.StartAsync();
        using var source = new SourceFolder();
        source.Text("tasks.json", """
            [{"data": {"image": "URL/a/1.png"}, "annotations": [{"result": [{"value": {"choices": ["ripe"]}}]}]},
             {"data": {"image": "URL/b/1.png"}, "annotations": [{"result": [{"value": {"choices": ["raw"]}}]}]},
             {"data": {"image": "URL/image?id=3"}, "annotations": [{"result": [{"value": {"choices": ["raw"]}}]}]},
             {"data": {"image": "URL/gone.png"}, "annotations": [{"result": [{"value": {"choices": ["raw"]}}]}]}]
            """.Replace("URL", server.Url, StringComparison.Ordinal));
        var file = Path.Combine(source.Source, "tasks.json");
        var end = await CommandLineTests.RunAsync(source.Top, "convert", file, "--out", "without");
        Assert.Equal(0, end.Code);
        Assert.Contains("--fetch fetches such pictures.", end.Errors, StringComparison.Ordinal);
        Assert.Empty(server.Asked);

        end = await CommandLineTests.RunAsync(source.Top, "convert", file, "--out", "with", "--to", "folders", "--fetch", "--json");
        Assert.Equal(0, end.Code);
        Assert.Contains($"Fetching 4 pictures from {new Uri(server.Url).Authority} (4) to {file}.fetched.", end.Errors, StringComparison.Ordinal);
        Assert.Contains("Fetched 3 pictures (0.0 MB); 1 could not be.", end.Errors, StringComparison.Ordinal);
        Assert.Contains($"{server.Url}/gone.png: The server answers 404 Not Found.", end.Errors, StringComparison.Ordinal);
        Assert.Equal(["raw", "raw", "ripe"], Directory.GetFiles(Path.Combine(source.Top, "with"), "*.png", SearchOption.AllDirectories)
            .Select(f => Path.GetFileName(Path.GetDirectoryName(f))).Order());
        Assert.Equal(4, server.Asked.Count);

        // Again: what is there stays, what was not is tried again.
        end = await CommandLineTests.RunAsync(source.Top, "check", file, "--fetch", "--json");
        Assert.Contains($"Fetching 1 pictures", end.Errors, StringComparison.Ordinal);
        Assert.Contains("3 are there", end.Errors, StringComparison.Ordinal);
        Assert.Equal(5, server.Asked.Count);
        Assert.Contains(JsonNode.Parse(end.Output)!["findings"]!.AsArray(), f => (string?)f!["code"] == "not-fetched");
    }

    [Fact]
    public async Task Coco_Via_CSV_and_metadata_name_addresses_too_and_what_is_there_is_not_fetched()
    {
        await using var server = await PictureServer.StartAsync();
        foreach (var (name, text) in new[]
        {
            ("instances.json", """
                {"images": [{"id": 1, "file_name": "1.png", "coco_url": "URL/coco/1.png", "flickr_url": "URL/gone.png"}, {"id": 2, "file_name": "2.png",
                "flickr_url": "URL/flickr/2.png"}, {"id": 3, "file_name": "here.png", "coco_url": "URL/no"}], "annotations": [
                {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}, {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4]},
                {"image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4]}], "categories": [{"id": 1, "name": "x"}]}
                """),
            ("via.json", """
                {"a": {"filename": "URL/via/1.png", "regions": [], "file_attributes": {"label": "x"}}, "b": {"filename": "URL/via/2.png", "regions": [],
                "file_attributes": {"label": "x"}}, "c": {"filename": "here.png", "regions": [], "file_attributes": {"label": "x"}}}
                """),
            ("labels.csv", "image,label\nURL/csv/1.png,x\nURL/csv/2.png,x\nhere.png,x\n"),
            ("metadata.jsonl", """
                {"file_name": "1.png", "url": "URL/meta/1.png", "label": "x"}
                {"file_name": "URL/meta/2.png", "label": "x"}
                {"file_name": "here.png", "url": "URL/no", "label": "x"}
                """),
        })
        {
            using var source = new SourceFolder();
            source.Picture("here.png").Text(name, text.Replace("URL", server.Url, StringComparison.Ordinal));
            using var reader = SourceReader.Open(source.Source, new SourceOptions());
            List<Uri> addresses = [.. reader.Addresses(Cancel)];
            Assert.Equal(2, addresses.Count);
            using var fetched = new FetchedPictures(source.Source + ".fetched", SourceLimits.Default);
            using var fetch = new PictureFetch(source.Source + ".fetched", _small);
            await fetch.RunAsync(addresses, fetched, (_, _) => { }, Cancel);
            Assert.Equal((2, 0), (fetch.Fetched, fetched.Failures.Count));
            var (_, images, findings) = source.Read(options: new SourceOptions { Fetched = fetched });
            Assert.Equal(3, images.Count(i => i.Picture is not null));
            Assert.Empty(SourceFolder.Codes(findings));
        }

        Assert.DoesNotContain("/gone.png", server.Asked);
        Assert.DoesNotContain("/no", server.Asked);
    }

    [Theory]
    [InlineData("gone.png", "The server answers 404 Not Found.")]
    [InlineData("page.png", "What the server gives is no picture (text/html).")]
    [InlineData("large.png", "It has more than 100,000 bytes.")]
    [InlineData("slow.png", "It did not come within 5 seconds.")]
    [InlineData("round.png", "The server answers 302 Found.")]
    [InlineData("cut.png", "The server does not answer")]
    [InlineData("moved.png", null)]
    [InlineData("busy.png", null)]
    public async Task What_cannot_be_fetched_is_told_and_leaves_nothing(string name, string? failure)
    {
        await using var server = await PictureServer.StartAsync();
        using var source = new SourceFolder();
        var folder = Path.Combine(source.Top, "fetched");
        using var fetched = new FetchedPictures(folder, SourceLimits.Default);
        // Only what never comes is not waited for long.
        using var fetch = new PictureFetch(folder, name == "slow.png" ? _small with { PictureTime = TimeSpan.FromSeconds(5) } : _small);
        await fetch.RunAsync([new($"{server.Url}/{name}")], fetched, (_, _) => { }, Cancel);
        if (failure is null)
        {
            Assert.Empty(fetched.Failures);
            Assert.Equal(PictureServer.Picture, File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder, "*.png", SearchOption.AllDirectories))));
            return;
        }

        Assert.StartsWith(failure, fetched.Failures.Values.Single(), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder, "*", SearchOption.AllDirectories)); // what tells the folder from others
        Assert.InRange(server.Asked.Count, 1, 6);
    }

    [Fact]
    public async Task A_host_that_does_not_answer_is_given_up_and_a_folder_of_somebodys_own_is_left_alone()
    {
        using var source = new SourceFolder();
        var folder = Path.Combine(source.Top, "fetched");
        int port;
        using (var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0))
        {
            // Nobody listens there when it is closed.
            listener.Start();
            port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        }

        using var fetched = new FetchedPictures(folder, SourceLimits.Default);
        using var fetch = new PictureFetch(folder, _small);
        await fetch.RunAsync([.. Enumerable.Range(0, 20).Select(i => new Uri($"http://127.0.0.1:{port}/{i}.png"))], fetched, (_, _) => { }, Cancel);
        Assert.Equal(20, fetched.Failures.Count);
        var last = fetched.Failures[$"http://127.0.0.1:{port}/19.png"];
        Assert.EndsWith("did not answer 5 times, and was asked for nothing more.", last, StringComparison.Ordinal);

        var own = Directory.CreateDirectory(Path.Combine(source.Top, "own")).FullName;
        File.WriteAllText(Path.Combine(own, "mine.txt"), "mine");
        using var refused = new PictureFetch(own, _small);
        await Assert.ThrowsAsync<CommandRefusedException>(() => refused.RunAsync([new("http://127.0.0.1:1/a")], fetched, (_, _) => { }, Cancel));
    }

    [Theory]
    [InlineData("http://a.example/b/c.png", "a.example/c-")]
    [InlineData("https://A.example:81/..%2F..%2Fetc/pass wd?x=1", "a.example/")]
    [InlineData("ftp://a.example/b.png", null)]
    [InlineData("file:///etc/passwd", null)]
    [InlineData("a/http://b", null)]
    [InlineData("", null)]
    public void An_address_has_a_file_of_its_own_below_its_host(string text, string? begins)
    {
        var address = PictureAddress.Of(text);
        Assert.Equal(begins is null, address is null);
        if (address is not null)
        {
            var file = PictureAddress.FileOf(address);
            Assert.StartsWith(begins!, file, StringComparison.Ordinal);
            Assert.Single(file, c => c == '/');
            Assert.DoesNotContain("..", file, StringComparison.Ordinal);
            Assert.NotEqual(file, PictureAddress.FileOf(new Uri(text + "&y")));
        }
    }
}
