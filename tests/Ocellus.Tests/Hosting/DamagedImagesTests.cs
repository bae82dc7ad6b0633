using NetVips;

namespace Ocellus.Tests.Hosting;

/// <summary>Images damaged at random into DetectCustomLabels. The large run is <c>Ocellus.Benchmarks mutate</c>.</summary>
public sealed class DamagedImagesTests(RunningServer running) : IClassFixture<RunningServer>
{
    private const int Count = 300;

    /// <summary>Far above any honest answer, below a client's read timeout.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>What a damaged image may be called: no image, or one whose size is outside the limits, or no bytes at all.</summary>
    private static readonly string?[] s_refusals =
    [
        "InvalidImageFormatException", "InvalidParameterException", "ImageTooLargeException", "ValidationException",
    ];

    [Fact]
    public async Task A_damaged_image_is_answered_or_refused_and_the_next_one_is_answered()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        using var image = TinyModel.Sample(1, 100, 90);
        byte[][] whole =
        [
            image.JpegsaveBuffer(), image.JpegsaveBuffer(interlace: true), image.PngsaveBuffer(), image.PngsaveBuffer(interlace: true),
            image.PngsaveBuffer(palette: true),
        ];
        int answered = 0, refused = 0;

        for (var i = 0; i < Count; i++)
        {
            var answer = await running.Server.DetectAsync(running.Arn, ImageMutations.Mutate(whole[i % whole.Length], random))
                .WaitAsync(s_patience, TestContext.Current.CancellationToken);
            Assert.True(
                answer.Status == 200 || (answer.Status == 400 && s_refusals.Contains(answer.Error)), $"seed {seed}, image {i}: {answer.Status} {answer.Body}");
            _ = answer.Status == 200 ? answered++ : refused++;
        }

        Assert.True(answered > 0 && refused > 0, $"seed {seed}: {answered} answered, {refused} refused");
        Assert.Equal("green", (await running.Server.DetectAsync(running.Arn, whole[0], minConfidence: 0)).Names()[0]);
    }
}
