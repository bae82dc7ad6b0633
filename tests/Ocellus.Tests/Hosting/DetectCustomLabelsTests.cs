using System.Globalization;
using System.Text.Json;
using NetVips;
using Ocellus.Hosting;
using Ocellus.Hosting.Placement;
using Ocellus.Refusals;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Vision.Boxes;
using Ocellus.Wire.AwsJson;
using Image = NetVips.Image;

namespace Ocellus.Tests.Hosting;

/// <summary>A server with a running model, for all tests of a class.</summary>
public sealed class RunningServer : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    internal string Arn { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Server = await TestServer.StartAsync();
        Arn = await Server.RunningVersionAsync();
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

public sealed class DetectCustomLabelsTests(RunningServer running) : IClassFixture<RunningServer>
{
    private TestServer Server => running.Server;

    public static TheoryData<string> Answered =>
        ["png", "jpeg", "progressive", "grey", "cmyk", "16 bits", "palette", "transparent", "without its last 20 bytes"];

    [Theory]
    [MemberData(nameof(Answered))]
    public async Task An_image_that_viewers_open_is_answered(string kind)
    {
        using var image = TinyModel.Sample(0, 200, 150);
        var bytes = kind switch
        {
            "png" => image.PngsaveBuffer(),
            "jpeg" => image.JpegsaveBuffer(),
            "progressive" => image.JpegsaveBuffer(interlace: true),
            "grey" => Grey(image),
            "cmyk" => Cmyk(image),
            "16 bits" => Sixteen(image),
            "palette" => image.PngsaveBuffer(palette: true),
            "transparent" => Transparent(image),
            _ => image.JpegsaveBuffer()[..^20],
        };

        var names = (await Server.DetectAsync(running.Arn, bytes, minConfidence: 0)).Names();

        Assert.Equal(TinyModel.Labels.Order(), names.Order());
        if (kind is not "grey")
        {
            Assert.Equal("red", names[0]);
        }
    }

    public static TheoryData<string, string, string> Refused => new()
    {
        { "text.jpg", "InvalidImageFormatException", "received text (11 bytes)" },
        { "gif", "InvalidImageFormatException", "received GIF" },
        { "half a jpeg", "InvalidImageFormatException", "cut short" },
        { "half a png", "InvalidImageFormatException", "cut short" },
        { "1x1", "InvalidParameterException", "1×1" },
        { "63x64", "InvalidParameterException", "63×64" },
        { "64x1344", "InvalidParameterException", "64×1,344" },
        { "65535 square", "ImageTooLargeException", "65,535×65,535" },
        { "4097x64", "ImageTooLargeException", "4,097×" },
        { "4 MB and a byte", "ImageTooLargeException", "4,194,305 bytes" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task An_image_that_is_refused_is_told_what_was_received(string kind, string error, string received)
    {
        var bytes = kind switch
        {
            "text.jpg" => "hello world"u8.ToArray(),
            "gif" => "GIF89a\u0001\0\u0001\0\0\0\0;"u8.ToArray(),
            "half a jpeg" => Half(TinyModel.Jpeg(0, 200, 200)),
            "half a png" => Half(TinyModel.Png(0)),
            "1x1" => TinyModel.Jpeg(0, 1, 1),
            "63x64" => TinyModel.Jpeg(0, 63, 64),
            "64x1344" => TinyModel.Jpeg(0, 64, 1344),
            "65535 square" => HugePng(),
            "4097x64" => TinyModel.Jpeg(0, 4097, 210),
            _ => new byte[DetectCustomLabels.ImageBytesMax + 1],
        };

        var answer = await Server.DetectAsync(running.Arn, bytes);

        Assert.Equal(error, answer.Error);
        Assert.Contains(received, answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, 64)]
    [InlineData(4096, 205)]
    public async Task The_bounds_are_inclusive(int width, int height) =>
        Assert.Equal("red", (await Server.DetectAsync(running.Arn, TinyModel.Jpeg(0, width, height), minConfidence: 0)).Names()[0]);

    [Fact]
    public async Task The_model_decides_before_the_image_is_looked_at()
    {
        var arn = running.Arn;
        Assert.Equal("ResourceNotFoundException", (await Server.DetectAsync(arn[..^1] + (arn[^1] == '1' ? '2' : '1'), [1])).Error);
        Assert.Equal("ResourceNotFoundException", (await Server.DetectAsync(arn.Replace("us-east-1", "eu-west-1", StringComparison.Ordinal), [1])).Error);
        var stopped = await Server.TrainedVersionAsync();
        Assert.Equal("ResourceNotReadyException", (await Server.DetectAsync(stopped, [1])).Error);
        Assert.Equal("InvalidParameterException", (await CallAsync(new { ProjectVersionArn = stopped, Image = new { } })).Error);
    }

    [Fact]
    public async Task Exactly_one_of_bytes_and_object_is_taken()
    {
        var both = await CallAsync(
            new { ProjectVersionArn = running.Arn, Image = new { Bytes = TinyModel.Png(0), S3Object = new { Bucket = "some-bucket", Name = "x" } } });
        Assert.Equal(("InvalidParameterException", true), (both.Error, both.Message.Contains("both", StringComparison.Ordinal)));
        var neither = await CallAsync(new { ProjectVersionArn = running.Arn, Image = new { } });
        Assert.Equal(("InvalidParameterException", true), (neither.Error, neither.Message.Contains("neither", StringComparison.Ordinal)));
        Assert.Equal(
            "InvalidParameterException",
            (await CallAsync(new { ProjectVersionArn = running.Arn, Image = new { S3Object = new { Bucket = "some-bucket" } } })).Error);
    }

    [Fact]
    public async Task An_object_is_read_from_a_bucket_of_the_callers_account_and_region()
    {
        await Server.CreateBucketAsync("detect-images");
        await Server.PutObjectAsync("detect-images", "a/blue image.png", TinyModel.Png(2));
        Assert.Equal(["blue"], (await DetectObjectAsync("detect-images", "a/blue image.png")).Names());

        foreach (var (bucket, name) in new[] { ("detect-images", "none"), ("no-such-bucket", "x"), ("detect-images", "../../ocellus.db") })
        {
            var answer = await DetectObjectAsync(bucket, name);
            Assert.Equal("InvalidS3ObjectException", answer.Error);
        }

        Assert.Equal(
            "InvalidS3ObjectException",
            (await CallAsync(
                new
                {
                    ProjectVersionArn = running.Arn,
                    Image = new { S3Object = new { Bucket = "detect-images", Name = "a/blue image.png", Version = "3" } },
                })).Error);

        var objects = (Ocellus.Objects.Files.ObjectStore)Server.Services.GetService(typeof(Ocellus.Objects.Files.ObjectStore))!;
        objects.CreateBucket("detect-elsewhere", "123456789012", "eu-west-1");
        Assert.Contains("is in eu-west-1", (await DetectObjectAsync("detect-elsewhere", "x")).Message, StringComparison.Ordinal);
        objects.CreateBucket("detect-others", "999999999999", Server.Signer.Region);
        Assert.Equal("InvalidS3ObjectException", (await DetectObjectAsync("detect-others", "x")).Error);
    }

    [Fact]
    public async Task An_object_may_have_15_MB()
    {
        await Server.CreateBucketAsync("detect-large");
        // A PNG stays one with any bytes after its end.
        var image = new byte[DetectCustomLabels.ObjectBytesMax];
        TinyModel.Png(1).CopyTo(image, 0);
        await Server.PutObjectAsync("detect-large", "right", image);
        await Server.PutObjectAsync("detect-large", "over", [.. image, 0]);
        await Server.PutObjectAsync("detect-large", "empty", []);

        Assert.Equal(["green"], (await DetectObjectAsync("detect-large", "right")).Names());
        var over = await DetectObjectAsync("detect-large", "over");
        Assert.Equal(("ImageTooLargeException", true), (over.Error, over.Message.Contains("15,728,641", StringComparison.Ordinal)));
        Assert.Equal("InvalidImageFormatException", (await DetectObjectAsync("detect-large", "empty")).Error);
    }

    [Fact]
    public async Task MinConfidence_and_MaxResults_cut_the_answer()
    {
        var all = await Server.DetectAsync(running.Arn, TinyModel.Png(1), minConfidence: 0);
        var labels = all.Body.GetProperty("CustomLabels").EnumerateArray().ToList();
        Assert.Equal(3, labels.Count);
        var confidences = labels.Select(l => l.GetProperty("Confidence").GetDouble()).ToList();
        Assert.Equal(confidences.OrderDescending(), confidences);
        Assert.Equal(100, confidences.Sum(), 1e-3);
        Assert.All(labels, l => Assert.False(l.TryGetProperty("Geometry", out _)));
        Assert.Equal(2, (await Server.DetectAsync(running.Arn, TinyModel.Png(1), minConfidence: 0, maxResults: 2)).Names().Length);
        Assert.Empty((await Server.DetectAsync(running.Arn, TinyModel.Png(1), maxResults: 0)).Names());
        Assert.Empty((await Server.DetectAsync(running.Arn, TinyModel.Png(1), minConfidence: 100)).Names());
        Assert.Equal(["green"], (await Server.DetectAsync(running.Arn, TinyModel.Png(1))).Names());
        Assert.Equal("ValidationException", (await Server.DetectAsync(running.Arn, TinyModel.Png(1), minConfidence: 100.1)).Error);
    }

    [Fact]
    public async Task Without_MinConfidence_each_label_has_its_own_threshold()
    {
        var arn = await Server.RunningVersionAsync(thresholds: [0, 1.1, 0]);
        Assert.Equal(["blue", "red"], (await Server.DetectAsync(arn, TinyModel.Png(1))).Names().Order());
        Assert.Equal(3, (await Server.DetectAsync(arn, TinyModel.Png(1), minConfidence: 0)).Names().Length);
        await Server.StopVersionAsync(arn);
    }

    [Fact]
    public void The_most_confident_come_first_and_equal_ones_by_name()
    {
        Found[] found = [new("b", .5f, .5, null), new("a", .5f, .5, null), new("c", .9f, .95, null), new("d", .49999f, .5, null)];
        Assert.Equal(["a", "b"], DetectCustomLabels.Choose(found, null, null).Select(l => l.Name));
        Assert.Equal(["c", "a", "b"], DetectCustomLabels.Choose(found, 50, null).Select(l => l.Name));
        Assert.Equal(["c"], DetectCustomLabels.Choose(found, 0, 1).Select(l => l.Name));
        Assert.Equal(50, DetectCustomLabels.Choose(found, null, 1)[0].Confidence);
    }

    [Fact]
    public void Boxes_stay_inside_the_image_and_are_at_most_100()
    {
        Found[] found =
        [
            .. Enumerable.Range(0, 150).Select(i => new Found(i.ToString(CultureInfo.InvariantCulture), i / 150f, .5, new Box(-.5f, .25f, 2, .5f))),
        ];
        var labels = DetectCustomLabels.Choose(found, 0, null);
        Assert.Equal(100, labels.Count);
        var box = labels[0].Geometry!.BoundingBox!;
        Assert.Equal((0d, .25, 1d, .5), (box.Left, box.Top, box.Width, box.Height));
        Assert.Null(labels[0].Geometry!.Polygon);
    }

    private static byte[] Half(byte[] bytes) => bytes[..(bytes.Length / 2)];

    private static byte[] Grey(Image image)
    {
        using var grey = image.Colourspace(Enums.Interpretation.Bw);
        return grey.JpegsaveBuffer();
    }

    private static byte[] Cmyk(Image image)
    {
        using var cmyk = image.Colourspace(Enums.Interpretation.Cmyk);
        return cmyk.JpegsaveBuffer();
    }

    private static byte[] Sixteen(Image image)
    {
        using var wide = image.Colourspace(Enums.Interpretation.Rgb16);
        return wide.PngsaveBuffer();
    }

    private static byte[] Transparent(Image image)
    {
        using var alpha = image.Bandjoin(255);
        return alpha.PngsaveBuffer();
    }

    /// <summary>A PNG whose header promises 65,535 × 65,535 pixels.</summary>
    private static byte[] HugePng()
    {
        var png = TinyModel.Png(0);
        new byte[] { 0, 0, 255, 255, 0, 0, 255, 255 }.CopyTo(png, 16);
        return png;
    }

    private Task<ApiAnswer> CallAsync(object request) => Server.CallAsync("DetectCustomLabels", JsonSerializer.Serialize(request));

    private Task<ApiAnswer> DetectObjectAsync(string bucket, string name) =>
        CallAsync(new { ProjectVersionArn = running.Arn, Image = new { S3Object = new { Bucket = bucket, Name = name } } });
}
